"""Scoring a prediction file from elsewhere against annotation files, without a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from finecops.config.dataset_schema import DatasetConfig
from finecops.datasets.dataset import load_dataset_split
from finecops.datasets.formats import FORMAT_OF_SUFFIX
from finecops.errors import RunError
from finecops.evaluation.evaluate import evaluate
from finecops.evaluation.results import EvaluatedData, Evaluation, Measured, MethodResult
from finecops.evaluation.settings import MetricSettings, ScoreSettings
from finecops.evaluation.validated import validated_values
from finecops.exchange.formats import FileFormat
from finecops.exchange.read import read_answers
from finecops.metrics.answers import Answers
from finecops.metrics.columns import columns_of
from finecops.records import Sample
from finecops.runs.checksums import sha256_of
from finecops.runs.manifest import RUN_JSON, read_manifest

STAGE = "file"
"""The name of a file's answers where a run's have a stage's."""


@dataclass(frozen=True)
class PredictionFile:
    """A prediction file, the annotation files it is about, and how to read it."""

    annotations: tuple[Path, ...]
    predictions: Path
    how: FileFormat
    boxes: str | None = None
    """What the numbers of a box mean in annotation files of rows."""


def score_file(settings: ScoreSettings) -> list[Evaluation]:
    """A file by each arithmetic that is asked for, with the paper's figures where they are."""
    how = _how(settings)
    file = PredictionFile(settings.annotations, settings.predictions, how, settings.boxes)
    val = None
    if settings.val_annotations and settings.val_predictions is not None:
        val = PredictionFile(settings.val_annotations, settings.val_predictions, how, settings.boxes)
    found = []
    if settings.compat != "reference":
        found.append(evaluate_file(file, settings=settings, val=val, ignore_unknown=settings.ignore_unknown))
    if settings.compat != "none":
        from finecops.evaluation.reference_files import evaluate_file_as_reference

        found.append(evaluate_file_as_reference(file))
    if not settings.paper:
        return found
    from finecops.evaluation.paper import with_paper

    return [with_paper(evaluation, settings.paper_row) for evaluation in found]


def file_answers(settings: ScoreSettings) -> Answers:
    """The answers in the file."""
    return read_answers(
        settings.predictions,
        how=_how(settings),
        samples=read_annotations(settings.annotations, settings.boxes)[0],
        ignore_unknown=settings.ignore_unknown,
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
    samples, problems = read_annotations(file.annotations, file.boxes)
    answers = read_answers(file.predictions, how=file.how, samples=samples, ignore_unknown=ignore_unknown)
    measured = evaluate(samples, predictions=answers, routes=None, settings=settings)
    if val is not None:
        # Problems of the other split are not problems of this file.
        val_samples, _ = read_annotations(val.annotations, val.boxes)
        val_answers = read_answers(val.predictions, how=val.how, samples=val_samples, ignore_unknown=ignore_unknown)
        values, _ = validated_values((val_samples, val_answers), (samples, answers), settings)
        measured = measured.model_copy(update={"values": (*measured.values, *values)})
    return evaluation_of_file(
        file,
        title=str(file.predictions),
        samples=len(samples),
        measured=measured,
        problems=[*_without_prediction(measured), *problems, *answers.problems, *_changed_in_its_run(file.predictions)],
    )


def _without_prediction(measured: Measured) -> list[str]:
    """A sentence if the file lacks samples: the numbers would look like a bad model's."""
    outcomes = measured.outcomes.together
    missing, count = outcomes["missing"], sum(outcomes.values())
    if not missing:
        return []
    has, s = ("has", "s") if missing == 1 else ("have", "")
    question = " Is this the file of a run with --limit?" if 2 * missing > count else ""
    return [f"{missing:,} of {count:,} samples {has} no prediction and count{s} as wrong.{question}"]


def _changed_in_its_run(path: Path) -> list[str]:
    """A sentence if the file is one of a run's and not as the run wrote it."""
    if not (path.parent / RUN_JSON).is_file():
        return []
    try:
        entry = read_manifest(path.parent).stages.get(path.name.removesuffix(".jsonl"))
    except RunError:
        # Files of runs of other versions are scored as they are.
        return []
    if entry is None or entry.sha256 in (None, sha256_of(path)):
        return []
    return [f"{path}: changed since the run finished it; these are the numbers of the file as it is now"]


def read_annotations(paths: Sequence[Path], boxes: str | None = None) -> tuple[Sequence[Sample], list[str]]:
    """The samples of annotation files (COCO, or rows), and a sentence for each problem.

    Each sample is made when it is asked for: who needs them all several times makes a list.
    """
    # A file alone has no dataset. Images are opened only for the sizes that a file of rows does not have.
    folders = (".", "images") if any(path.suffix.lower() in FORMAT_OF_SUFFIX for path in paths) else (".",)
    config = DatasetConfig(
        name=paths[0].stem, root=paths[0].parent, image_folders=folders, splits={}, preset="", get=""
    )
    dataset = load_dataset_split(config.model_copy(update={"boxes": boxes}), None, paths)
    problems = [str(problem) for problem in (*dataset.problems, *dataset.notes)]
    # Recall pairs each negative with its positive: without it the negative is in no column.
    about = columns_of(dataset.samples)
    paired = about.pair_of >= 0
    paired[paired] = about.positive[about.pair_of[paired]]
    named = np.fromiter(map(bool, about.positive_ids), dtype=np.bool_, count=len(paired))
    alone = np.flatnonzero(named & ~paired)
    if len(alone):
        first = about.ids[int(alone[0])]
        problems.append(
            f"{len(alone)} negatives have no positive in the annotations and form no pair (the first: {first}); "
            "--annotations takes several files"
        )
    return dataset.samples, problems


def evaluation_of_file(
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
