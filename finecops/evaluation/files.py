"""Evaluating a prediction file from elsewhere against annotation files, without a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finecops.config.schema import DatasetConfig
from finecops.datasets.dataset import load_dataset_split
from finecops.errors import ConfigError
from finecops.evaluation import reference
from finecops.evaluation.validated import validated_rows
from finecops.evaluation.values import METRICS, Cluster, evaluate
from finecops.exchange.read import FileFormat, read_answers
from finecops.metrics.precision import IOU_THRESHOLD
from finecops.records import Sample

METHOD = "file"


@dataclass(frozen=True)
class PredictionFile:
    """A prediction file, the annotation files it is about, and how to read it."""

    annotations: tuple[Path, ...]
    predictions: Path
    how: FileFormat


def evaluate_file(
    file: PredictionFile,
    metrics: Sequence[str] = METRICS,
    cluster: Cluster | None = None,
    iou_threshold: float = IOU_THRESHOLD,
    val: PredictionFile | None = None,
    ignore_unknown: bool = False,
) -> dict[str, Any]:
    """Numbers of a prediction file, in the shape of `evaluate_run`; `problems` lists what was wrong in the files."""
    samples, problems = read_annotations(file.annotations)
    answers = read_answers(file.predictions, file.how, samples, ignore_unknown)
    found = evaluate(samples, answers, None, metrics, cluster, iou_threshold)
    if val is not None:
        val_samples, _ = read_annotations(val.annotations)
        val_answers = read_answers(val.predictions, val.how, val_samples, ignore_unknown)
        found["rows"] += validated_rows((val_samples, val_answers), (samples, answers), metrics, iou_threshold)[0]
    return file_result(file, len(samples), {"samples": "all", **found}, [*problems, *answers.problems])


def evaluate_file_as_reference(file: PredictionFile) -> dict[str, Any]:
    """What the paper's own scripts print for the same files (`--compat reference`), in the same shape."""
    truths = reference.truths_of_files(file.annotations)
    rows: list[dict[str, Any]] = []
    absent = {}
    try:
        rows = _reference_rows(file, truths)
    except reference.ScriptStopsError as error:
        absent["everything"] = str(error)
    return file_result(file, len(truths), {"samples": "all", "rows": rows, "outcomes": {}, "absent": absent}, [])


def read_annotations(paths: Sequence[Path]) -> tuple[Sequence[Sample], list[str]]:
    """Samples of COCO annotation files, and what is wrong with them."""
    config = DatasetConfig(name=paths[0].stem, root=paths[0].parent, image_folders=(".",), splits={}, preset="", get="")
    dataset = load_dataset_split(config, None, paths)
    problems = [str(problem) for problem in dataset.problems]
    positives = {s.id for s in dataset.samples if s.positive}
    alone = [s.id for s in dataset.samples if s.positive_id and s.positive_id not in positives]
    if alone:
        problems.append(
            f"{len(alone)} negatives have no positive in the annotations and form no pair (the first: {alone[0]}); "
            "--annotations takes several files"
        )
    return dataset.samples, problems


def file_result(
    file: PredictionFile, samples: int, evaluation: dict[str, Any], problems: Sequence[str]
) -> dict[str, Any]:
    """An evaluation in the shape of `evaluate_run`'s result."""
    return {
        "dataset": {"name": file.annotations[0].stem, "split": file.predictions.name, "limit": 0, "samples": samples},
        "methods": {METHOD: evaluation},
        "router": None,
        "ledger": None,
        "targets": None,
        "stages": {},
        "problems": list(problems),
    }


def _reference_rows(file: PredictionFile, truths: dict[str, reference.Truth]) -> list[dict[str, Any]]:
    how = file.how
    if how.name in ("refexp-text", "crs-letters"):
        from finecops.exchange.crs_letters import ANSWER_SCORE
        from finecops.exchange.json_lines import read_objects
        from finecops.exchange.refexp_text import find_score_field
        from finecops.metrics.answers import AnswersBuilder

        required = ("image_id", "answer", "gt") if how.name == "crs-letters" else ("image_id",)
        rows = [row for _, row in read_objects(file.predictions, AnswersBuilder(str(file.predictions)), required)]
        if how.name == "crs-letters":
            return reference.letter_rows(truths, rows, how.score or ANSWER_SCORE)
        score = how.score or find_score_field(file.predictions)
        if score is None:
            raise ConfigError(f"{file.predictions}: the scripts need scores; --score names their field")
        return reference.box_rows(reference.text_entries(truths, rows, score))
    samples, _ = read_annotations(file.annotations)
    answers = read_answers(file.predictions, how, samples)
    return reference.box_rows(reference.detector_entries(truths, answers))
