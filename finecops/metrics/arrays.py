"""Samples and answers as arrays, aligned row by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from finecops.benchmark_words import type_order
from finecops.boxes import iou_xyxy
from finecops.metrics.answers import OUTCOMES, Answers, Floats, Ints, answers_of_predictions, top_boxes
from finecops.records import NegativeKind, Prediction, Sample

MAX_RANK = 10
"""Boxes behind this rank count in no metric, unless a metric's own rank is higher."""

Bools = NDArray[np.bool_]
Predictions = Answers | Mapping[str, Prediction]
Column = tuple[NegativeKind, str, int]
"""Kind, type and level of negatives."""

BOX, REJECT, UNPARSED = (OUTCOMES.index(name) for name in ("box", "reject", "unparsed"))


@dataclass(frozen=True)
class Evaluated:
    """Arrays over n samples, with the r best boxes of each (at least 10).

    Attributes:
        samples: the sample of each row.
        positive: `[n]` bool.
        level: `[n]` ground-truth level, 0 where there is none (a negative has its positive's).
        outcome: `[n]` index into `OUTCOMES`.
        iou: `[n, r]` IoU of the ranked boxes with the truth, 0 behind the last box and for negatives.
        scores: `[n, r]` scores of the ranked boxes, -inf behind the last box; NaN where a row has boxes without
            scores.
        presence: `[n]` what the answer says about presence apart from its boxes, NaN where it does not.
        pair_of: `[n]` for a negative the row of its positive, -1 for a positive or if that is not there.
        source: `[n]` which model answered.
    """

    samples: tuple[Sample, ...]
    positive: Bools
    level: Ints
    outcome: Ints
    iou: Floats
    scores: Floats
    presence: Floats
    pair_of: Ints
    source: NDArray[np.str_]

    @property
    def answered_iou(self) -> Floats:
        """`iou` where the answer is a box, 0 where it is anything else: a rejection's boxes are no answer."""
        iou: Floats = self.iou * (self.outcome == BOX)[:, None]
        return iou

    @property
    def lost(self) -> Bools:
        """Which rows are unparsed, failed or missing, `[n]`."""
        return self.outcome >= UNPARSED

    @cached_property
    def columns(self) -> dict[Column, Ints]:
        """Rows of the negatives of each (kind, type, level), in the order of the paper's Tables IV and V."""
        rows: dict[Column, list[int]] = {}
        for i, sample in enumerate(self.samples):
            negative = sample.negative
            # A negative of unknown kind or type counts among all negatives and has no column.
            if negative is not None and negative.kind is not None and negative.type is not None:
                rows.setdefault((negative.kind, negative.type, negative.level or 0), []).append(i)
        ordered = sorted(rows, key=lambda key: (key[0] != "text", type_order(key[1]), key[2]))
        return {key: np.array(rows[key], dtype=np.intp) for key in ordered}

    @cached_property
    def tuple_types(self) -> NDArray[np.str_]:
        """`[n]` tuple type, empty where there is none."""
        return np.array([s.tuple_type or "" for s in self.samples], dtype=np.str_)

    def counts(self) -> dict[str, dict[str, int]]:
        """Outcome → number, for positives and negatives apart."""
        return {
            name: {o: int(np.sum(chosen & (self.outcome == i))) for i, o in enumerate(OUTCOMES)}
            for name, chosen in (("positive", self.positive), ("negative", ~self.positive))
        }


def evaluate_arrays(samples: Sequence[Sample], predictions: Predictions, ranks: int = MAX_RANK) -> Evaluated:
    """Align predictions with samples. A sample without a prediction is `missing`.

    Raises:
        ValueError: a sample's truth is unknown; `scored_samples` leaves such samples out.
    """
    if any(sample.truth == "unknown" for sample in samples):
        raise ValueError("a sample of unknown truth cannot be scored")
    answers = predictions if isinstance(predictions, Answers) else answers_of_predictions(_wanted(samples, predictions))
    n, ranks = len(samples), max(ranks, MAX_RANK)
    answer_of = {id_: i for i, id_ in enumerate(answers.ids)}
    row_of = {sample.id: i for i, sample in enumerate(samples)}
    answer = np.array([answer_of.get(s.id, -1) for s in samples], dtype=np.intp)
    there = np.flatnonzero(answer >= 0)
    outcome = np.full(n, OUTCOMES.index("missing"), dtype=np.intp)
    outcome[there] = answers.outcome[answer[there]]
    presence = np.full(n, np.nan)
    presence[there] = answers.presence[answer[there]]
    source = np.array([answers.source[i] if i >= 0 else "" for i in answer.tolist()], dtype=np.str_)
    boxes, scores = np.zeros((n, ranks, 4)), np.full((n, ranks), -np.inf)
    boxes[there], scores[there], _ = top_boxes(answers, answer[there], ranks)
    # Unparsed and failed rows have no boxes; the boxes of a rejection (CRS) still rank.
    boxes[outcome > REJECT], scores[outcome > REJECT] = 0.0, -np.inf
    truth = np.array([s.box or (0.0, 0.0, 0.0, 0.0) for s in samples], dtype=np.float64).reshape(n, 4)
    positive = np.array([s.positive for s in samples], dtype=np.bool_)
    # A negative has no truth; its IoU is 0 with anything.
    iou = iou_xyxy(boxes, truth[:, None, :]) * positive[:, None]
    level = np.array([s.level or 0 for s in samples], dtype=np.intp)
    pair_of = np.array([row_of.get(s.positive_id or "", -1) for s in samples], dtype=np.intp)
    return Evaluated(
        samples=tuple(samples),
        positive=positive,
        level=level,
        outcome=outcome,
        iou=iou,
        scores=scores,
        presence=presence,
        pair_of=pair_of,
        source=source,
    )


def scored_samples(samples: Sequence[Sample]) -> list[Sample]:
    """The samples whose truth is known."""
    return [sample for sample in samples if sample.truth != "unknown"]


def presence_scores(data: Evaluated) -> Floats:
    """How present each sample's target is according to the model, `[n]`: its own word or else its best box's score.

    A rejection without either has none: -inf. What is unparsed, failed or missing gets the value that does its
    model no good: -inf for a positive, +inf for a negative, so that losing rows never looks like rejecting.
    """
    best = np.where(np.isnan(data.presence), data.scores[:, 0], data.presence)
    # Lost rows get the score that does their model no good, on either side.
    best[data.lost & data.positive] = -np.inf
    best[data.lost & ~data.positive] = np.inf
    return best


def missing_scores_reason(data: Evaluated) -> str | None:
    """Why metrics that need scores are not to be had, or None if they are."""
    answered = data.outcome == BOX
    if not answered.any():
        return "no sample was answered with a box"
    without = int(np.isnan(data.scores[answered, 0]).sum())
    if without:
        return f"{without} of {int(answered.sum())} answers have boxes without scores"
    if len(np.unique(data.scores[answered, 0])) == 1 and answered.sum() > 1:
        return "all scores are equal"
    return None


def _wanted(samples: Sequence[Sample], predictions: Mapping[str, Prediction]) -> list[Prediction]:
    return [predictions[s.id] for s in samples if s.id in predictions]
