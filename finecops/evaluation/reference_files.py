"""A prediction file by the arithmetic of the paper's published scripts (`--compat reference`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from finecops.errors import ConfigError
from finecops.evaluation import reference
from finecops.evaluation.files import PredictionFile, evaluation_of_file, read_annotations
from finecops.evaluation.reference_entries import (
    ScriptStopsError,
    Truth,
    detector_entries,
    text_entries,
    truths_of_files,
)
from finecops.evaluation.results import Evaluation, Measured, Outcomes
from finecops.exchange.crs_letters import ANSWER_SCORE
from finecops.exchange.json_lines import read_objects
from finecops.exchange.read import read_answers
from finecops.exchange.refexp_text import find_score_field
from finecops.metrics.answers import AnswersBuilder
from finecops.metrics.values import MetricValue


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
    return evaluation_of_file(
        file,
        title=f"{file.predictions}, arithmetic of the paper's scripts",
        samples=len(truths),
        measured=measured,
        problems=[],
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
"""Formats with a separate script; the detectors' script reads all others."""


def _objects(file: PredictionFile, *required: str) -> list[Mapping[str, Any]]:
    return [row for _, row in read_objects(file.predictions, AnswersBuilder(str(file.predictions)), required)]
