"""What filters, sorting and cards need of every sample: one column each, loaded when the page opens.

A column has one entry a sample, in the samples' order. Names of columns are those of `assets/data.js`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from finecops.benchmark_words import tuple_type_order, type_order
from finecops.evaluation.cases import Case, Cases, MethodAnswers
from finecops.metrics.answers import OUTCOMES
from finecops.metrics.arrays import evaluate_arrays
from finecops.metrics.recall import pair_outcomes
from finecops.records import Sample, Xyxy

KINDS: Final = ("positive", "text", "image", "other", "unknown")
"""A sample's kind for people: a positive, a negative by what was changed (or without a word of it), or neither."""
_DIGITS: Final = 9
"""Of scores and IoU: pairs are lost by very little too."""


def kind_of(sample: Sample) -> str:
    """One of `KINDS`."""
    if not sample.absent:
        return "positive" if sample.positive else "unknown"
    return (sample.negative.kind if sample.negative is not None else None) or "other"


def sample_columns(cases: Cases, found: Sequence[Case]) -> tuple[dict[str, object], dict[str, object]]:
    """The columns of the samples themselves, and the lists of words that their numbers point into."""
    samples = cases.samples
    row_of = {sample.id: row for row, sample in enumerate(samples)}
    tuple_types = sorted({s.tuple_type for s in samples if s.tuple_type is not None}, key=tuple_type_order)
    negative_types = sorted({word for s in samples if (word := _negative_type(s)) is not None}, key=type_order)
    spans = [case.target.span if case.target is not None else None for case in found]
    columns: dict[str, object] = {
        "id": [s.id for s in samples],
        "expression": [s.expression for s in samples],
        "width": [s.width for s in samples],
        "height": [s.height for s in samples],
        "kind": [KINDS.index(kind_of(s)) for s in samples],
        "level": [s.level or 0 for s in samples],
        "tuple_type": _numbers([s.tuple_type for s in samples], tuple_types),
        "negative_type": _numbers([_negative_type(s) for s in samples], negative_types),
        "negative_level": [(s.negative.level if s.negative is not None else None) or 0 for s in samples],
        "positive": [row_of.get(s.positive_id or "", -1) for s in samples],
        "box": [_short(s.box) for s in samples],
        "size": [_percent_of_image(s) for s in samples],
        "phrase": [None if span is None else list(span) for span in spans],
        "route": [case.route.level if case.route is not None else 0 for case in found],
    }
    return columns, {"tuple_types": tuple_types, "negative_types": negative_types}


def answer_columns(cases: Cases, found: Sequence[Case], method: MethodAnswers) -> dict[str, object]:
    """The columns of one method. Outcome -1: it was not asked; right -1: nobody knows, or it was not asked."""
    verdicts = [case.verdicts.get(method.key) for case in found]
    return {
        "outcome": [-1 if v is None else OUTCOMES.index(v.outcome) for v in verdicts],
        "right": [-1 if v is None or v.right is None else int(v.right) for v in verdicts],
        "iou": [None if v is None or v.iou is None else round(v.iou, _DIGITS) for v in verdicts],
        "score": [None if v is None or v.score is None else float(f"{v.score:.{_DIGITS}g}") for v in verdicts],
        "box": [None if v is None else _short(v.box) for v in verdicts],
        "pair": pair_hits(cases, method),
    }


def pair_hits(cases: Cases, method: MethodAnswers) -> list[float | None]:
    """Recall@1 of the pair that each negative makes with its positive (paper, eq. 1); None where there is no pair.

    1: a right box of the positive has the highest score of both samples' boxes. 0: it has not. Between: the share of
    orders of equal scores in which it has.
    """
    rows = [
        row
        for row, sample in enumerate(cases.samples)
        if sample.truth != "unknown" and (method.share is None or sample.id in method.share)
    ]
    data = evaluate_arrays([cases.samples[row] for row in rows], method.answers)
    negatives = np.flatnonzero(~data.positive & (data.pair_of >= 0))
    hits: list[float | None] = [None] * len(cases.samples)
    if len(negatives):
        expected, _, _ = pair_outcomes(data, negatives, k=1, threshold=cases.iou)
        for negative, hit in zip(negatives.tolist(), expected.tolist()):
            # A method without scores ranks nothing: its pairs are neither won nor lost.
            if not np.isnan(data.scores[[negative, data.pair_of[negative]]]).any():
                hits[rows[negative]] = round(hit, 3)
    return hits


def _numbers(words: Sequence[str | None], among: Sequence[str]) -> list[int]:
    """Where each word stands in a list; -1: there is none."""
    number_of = {word: number for number, word in enumerate(among)}
    return [-1 if word is None else number_of[word] for word in words]


def _negative_type(sample: Sample) -> str | None:
    return sample.negative.type if sample.negative is not None else None


def _percent_of_image(sample: Sample) -> float | None:
    if sample.box is None or not sample.width * sample.height:
        return None
    left, top, right, bottom = sample.box
    return round(100 * (right - left) * (bottom - top) / (sample.width * sample.height), 3)


def _short(box: Xyxy | None) -> list[int] | None:
    """A box in whole pixels: enough for a card. The details have it exactly."""
    return None if box is None else [round(value) for value in box]
