"""Scoring a prediction file from elsewhere against annotation files, without a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finecops.config.schema import DatasetConfig
from finecops.datasets.dataset import load_dataset_split
from finecops.errors import ConfigError
from finecops.evaluation import reference
from finecops.evaluation.evaluate import evaluate
from finecops.evaluation.paper import with_paper
from finecops.evaluation.reference_entries import (
    ScriptStopsError,
    Truth,
    detector_entries,
    text_entries,
    truths_of_files,
)
from finecops.evaluation.results import EvaluatedData, Evaluation, Measured, MethodResult, Outcomes
from finecops.evaluation.settings import MetricSettings, ScoreSettings
from finecops.evaluation.validated import validated_values
from finecops.exchange.crs_letters import ANSWER_SCORE
from finecops.exchange.formats import FileFormat
from finecops.exchange.json_lines import read_objects
from finecops.exchange.read import read_answers
from finecops.exchange.refexp_text import find_score_field
from finecops.metrics.answers import Answers, AnswersBuilder
from finecops.metrics.values import MetricValue
from finecops.records import Sample

STAGE = "file"
"""The name of a file's answers where a run's have a stage's."""


@dataclass(frozen=True)
class PredictionFile:
    """A prediction file, the annotation files it is about, and how to read it."""

    annotations: tuple[Path, ...]
    predictions: Path
    how: FileFormat


def score_file(settings: ScoreSettings) -> list[Evaluation]:
    """A file by each arithmetic that is asked for, with the paper's figures where they are."""
    how = _how(settings)
    file = PredictionFile(settings.annotations, settings.predictions, how)
    val = None
    if settings.val_annotations and settings.val_predictions is not None:
        val = PredictionFile(settings.val_annotations, settings.val_predictions, how)
    found = []
    if settings.compat != "reference":
        found.append(evaluate_file(file, settings, val, settings.ignore_unknown))
    if settings.compat != "none":
        found.append(evaluate_file_as_reference(file))
    return [with_paper(evaluation, settings.paper_row) for evaluation in found] if settings.paper else found


def file_answers(settings: ScoreSettings) -> Answers:
    """What the file holds."""
    return read_answers(
        settings.predictions, _how(settings), read_annotations(settings.annotations)[0], settings.ignore_unknown
    )


def _how(settings: ScoreSettings) -> FileFormat:
    return FileFormat(settings.format, settings.box_format, settings.score)


def evaluate_file(
    file: PredictionFile,
    settings: MetricSettings | None = None,
    val: PredictionFile | None = None,
    ignore_unknown: bool = False,
) -> Evaluation:
    """The numbers of a prediction file; `problems` lists what was wrong in the files.

    Args:
        val: another split's file, on which scores are calibrated and operating points chosen.
        ignore_unknown: leave out rows whose id is not annotated.
    """
    settings = settings or MetricSettings()
    samples, problems = read_annotations(file.annotations)
    answers = read_answers(file.predictions, file.how, samples, ignore_unknown)
    measured = evaluate(samples, answers, None, settings)
    if val is not None:
        val_samples, _ = read_annotations(val.annotations)
        val_answers = read_answers(val.predictions, val.how, val_samples, ignore_unknown)
        values, _ = validated_values((val_samples, val_answers), (samples, answers), settings)
        measured = measured.model_copy(update={"values": (*measured.values, *values)})
    return _evaluation(file, str(file.predictions), len(samples), measured, [*problems, *answers.problems])


def evaluate_file_as_reference(file: PredictionFile) -> Evaluation:
    """What the paper's own scripts print for the same files (`--compat reference`)."""
    truths = truths_of_files(file.annotations)
    values: list[MetricValue] = []
    absent = {}
    try:
        values = _REFERENCE.get(file.how.name, _reference_detections)(file, truths)
    except ScriptStopsError as error:
        absent["everything"] = str(error)
    measured = Measured(values=tuple(values), outcomes=Outcomes(), absent=absent)
    return _evaluation(file, f"{file.predictions}, arithmetic of the paper's scripts", len(truths), measured, [])


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


def _evaluation(
    file: PredictionFile, title: str, samples: int, measured: Measured, problems: Sequence[str]
) -> Evaluation:
    """The evaluation of a file: one method, no router, no stages."""
    return Evaluation(
        title=title,
        dataset=EvaluatedData(name=file.annotations[0].stem, split=file.predictions.name, limit=0, samples=samples),
        methods=(MethodResult.model_validate(dict(measured) | {"stage": STAGE, "label": "File"}),),
        unknown=measured.unknown,
        problems=tuple(problems),
    )


def _reference_texts(file: PredictionFile, truths: Mapping[str, Truth]) -> list[MetricValue]:
    score = file.how.score or find_score_field(file.predictions)
    if score is None:
        raise ConfigError(f"{file.predictions}: the scripts need scores; --score names their field")
    return reference.box_values(text_entries(truths, _objects(file, "image_id"), score))


def _reference_letters(file: PredictionFile, truths: Mapping[str, Truth]) -> list[MetricValue]:
    rows = _objects(file, "image_id", "answer", "gt")
    return reference.letter_values(truths, rows, file.how.score or ANSWER_SCORE)


def _reference_detections(file: PredictionFile, truths: Mapping[str, Truth]) -> list[MetricValue]:
    samples, _ = read_annotations(file.annotations)
    return reference.box_values(detector_entries(truths, read_answers(file.predictions, file.how, samples)))


_REFERENCE: dict[str, Callable[[PredictionFile, Mapping[str, Truth]], list[MetricValue]]] = {
    "refexp-text": _reference_texts,
    "crs-letters": _reference_letters,
}
"""Formats that have a script of their own; all others go through the detectors'."""


def _objects(file: PredictionFile, *required: str) -> list[Mapping[str, Any]]:
    return [row for _, row in read_objects(file.predictions, AnswersBuilder(str(file.predictions)), required)]
