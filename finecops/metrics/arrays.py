"""Samples and predictions as arrays, aligned row by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finecops.boxes import iou_xyxy
from finecops.records import Prediction, Sample

OUTCOMES = ("box", "reject", "unparsed", "failed", "missing")
MAX_RANK = 10
"""Boxes behind this rank count in no metric."""

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


@dataclass(frozen=True)
class Evaluated:
    """Arrays over n samples.

    Attributes:
        samples: what the rows stand for.
        positive: `[n]` bool.
        level: `[n]` ground-truth level, 0 where there is none (a negative has its positive's).
        outcome: `[n]` index into `OUTCOMES`.
        iou: `[n, 10]` IoU of the ranked boxes with the truth, 0 behind the last box and for negatives.
        scores: `[n, 10]` scores of the ranked boxes, -inf behind the last box; NaN where a row has boxes without
            scores.
        pair_of: `[n]` for a negative the row of its positive, -1 for a positive or if that is not there.
    """

    samples: tuple[Sample, ...]
    positive: NDArray[np.bool_]
    level: Ints
    outcome: Ints
    iou: Floats
    scores: Floats
    pair_of: Ints

    def counts(self) -> dict[str, dict[str, int]]:
        """Outcome → number, for positives and negatives apart."""
        return {
            name: {o: int(np.sum(chosen & (self.outcome == i))) for i, o in enumerate(OUTCOMES)}
            for name, chosen in (("positive", self.positive), ("negative", ~self.positive))
        }


def evaluate_arrays(samples: Sequence[Sample], predictions: Mapping[str, Prediction]) -> Evaluated:
    """Align predictions with samples. A sample without a prediction is `missing`."""
    n = len(samples)
    row_of = {sample.id: i for i, sample in enumerate(samples)}
    outcome = np.full(n, OUTCOMES.index("missing"), dtype=np.intp)
    boxes = np.zeros((n, MAX_RANK, 4))
    truth = np.zeros((n, 4))
    scores = np.full((n, MAX_RANK), -np.inf)
    pair_of = np.full(n, -1, dtype=np.intp)
    for i, sample in enumerate(samples):
        if sample.box is not None:
            truth[i] = sample.box
        if sample.negative is not None:
            pair_of[i] = row_of.get(sample.negative.positive_id, -1)
        prediction = predictions.get(sample.id)
        if prediction is None:
            continue
        outcome[i] = OUTCOMES.index(prediction.status)
        kept = prediction.boxes[:MAX_RANK]
        if prediction.status == "box" and kept:
            boxes[i, : len(kept)] = kept
            scores[i, : len(kept)] = np.nan if prediction.scores is None else prediction.scores[:MAX_RANK]
    positive = np.array([s.negative is None for s in samples], dtype=np.bool_)
    iou = iou_xyxy(boxes, truth[:, None, :]) * positive[:, None]
    level = np.array([s.level or 0 for s in samples], dtype=np.intp)
    return Evaluated(tuple(samples), positive, level, outcome, iou, scores, pair_of)


def presence_scores(data: Evaluated) -> Floats:
    """How present each sample's target is according to the model: its best box's score, `[n]`.

    A rejection has none: -inf. What is unparsed, failed or missing gets the value that does its model no good:
    -inf for a positive, +inf for a negative, so that losing rows never looks like rejecting.
    """
    best = data.scores[:, 0].copy()
    lost = data.outcome >= OUTCOMES.index("unparsed")
    best[lost & data.positive] = -np.inf
    best[lost & ~data.positive] = np.inf
    return best


def missing_scores_reason(data: Evaluated) -> str | None:
    """Why metrics that need scores are not to be had, or None if they are."""
    answered = data.outcome == OUTCOMES.index("box")
    if not answered.any():
        return "no sample was answered with a box"
    without = int(np.isnan(data.scores[answered, 0]).sum())
    if without:
        return f"{without} of {int(answered.sum())} answers have boxes without scores"
    if len(np.unique(data.scores[answered, 0])) == 1 and answered.sum() > 1:
        return "all scores are equal"
    return None


def negative_groups(data: Evaluated) -> dict[tuple[str, str, int], Ints]:
    """Rows of the negatives of each (kind, type, level), in the order of the paper's Tables IV and V."""
    rows: dict[tuple[str, str, int], list[int]] = {}
    for i, sample in enumerate(data.samples):
        if sample.negative is not None:
            key = (sample.negative.kind, sample.negative.type, sample.negative.level)
            rows.setdefault(key, []).append(i)
    ordered = sorted(rows, key=lambda key: (key[0] != "text", _type_order(key[1]), key[2]))
    return {key: np.array(rows[key], dtype=np.intp) for key in ordered}


def _type_order(name: str) -> tuple[int, str]:
    order = ("replace_object", "replace_attribute", "replace_relation", "swap_object", "swap_attribute", "flip")
    return (order.index(name) if name in order else len(order), name)
