"""Samples and answers as arrays, aligned row by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from finecops.benchmark_words import type_order
from finecops.boxes import iou_xyxy
from finecops.datasets.id_rows import rows_of_ids
from finecops.datasets.parts import kept
from finecops.metrics.answers import (
    OUTCOMES,
    Answers,
    Floats,
    Ints,
    answers_of_predictions,
    ranked_boxes,
)
from finecops.metrics.columns import Column, SampleColumns, columns_of, unknown_truths
from finecops.metrics.flat import Names
from finecops.records import Prediction, Sample

MAX_RANK = 10
"""Boxes behind this rank count in no metric, unless a metric's own rank is higher."""

_BLOCK = 1 << 20
"""Answers whose boxes are looked at together."""

Bools = NDArray[np.bool_]
Predictions = Answers | Mapping[str, Prediction]

BOX, REJECT, UNPARSED = (OUTCOMES.index(name) for name in ("box", "reject", "unparsed"))


@dataclass(frozen=True)
class Evaluated:
    """Arrays over n samples, with the r best boxes of each: as many as an answer has, but not more than are asked for.

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
        about: what else evaluation knows of the samples.
    """

    samples: Sequence[Sample]
    positive: Bools
    level: Ints
    outcome: Ints
    iou: Floats
    scores: Floats
    presence: Floats
    pair_of: Ints
    source: NDArray[np.str_]
    about: SampleColumns

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
        found = {key: np.flatnonzero(self.about.column == i) for i, key in enumerate(self.about.columns)}
        return {
            key: found[key] for key in sorted(found, key=lambda key: (key[0] != "text", type_order(key[1]), key[2]))
        }

    @property
    def tuple_types(self) -> NDArray[np.str_]:
        """`[n]` tuple type, empty where there is none."""
        names: NDArray[np.str_] = np.array(self.about.tuple_types or ("",), dtype=np.str_)
        return names.take(self.about.tuple_type)

    def has_tuple_type(self, name: str) -> Bools:
        """`[n]` whether a sample has this tuple type."""
        number = self.about.tuple_types.index(name) if name in self.about.tuple_types else -1
        has: Bools = self.about.tuple_type == number
        return has

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
    if unknown_truths(samples):
        raise ValueError("a sample of unknown truth cannot be scored")
    answers = predictions if isinstance(predictions, Answers) else answers_of_predictions(_wanted(samples, predictions))
    about, n = columns_of(samples), len(samples)
    # From samples to answers and back; most files have the order of the annotations.
    answer = rows_of_ids(about.ids, answers.ids)
    there = np.flatnonzero(answer >= 0)
    outcome = np.full(n, OUTCOMES.index("missing"), dtype=np.intp)
    outcome[there] = answers.outcome[answer[there]]
    presence = np.full(n, np.nan)
    presence[there] = answers.presence[answer[there]]
    sample_of = np.full(len(answers), -1, dtype=np.intp)
    sample_of[answer[there]] = there
    del there
    # As wide as the row with most boxes: behind the last box there is nothing to know.
    most = int(np.diff(answers.start).max(initial=1))
    width = min(max(ranks, MAX_RANK), most)
    iou, scores = np.zeros((n, width)), np.full((n, width), -np.inf)
    for first in range(0, len(answers), _BLOCK):
        at, row, rank = ranked_boxes(answers, width, slice(first, first + _BLOCK))
        # Unparsed and failed rows have no boxes; the boxes of a rejection (CRS) still rank.
        counts = (sample_of[row] >= 0) & (answers.outcome[row] <= REJECT)
        at, row, rank = at[counts], sample_of[row[counts]], rank[counts]
        scores[row, rank] = answers.scores[at]
        # A negative has no truth; its IoU is 0 with anything.
        boxed = about.positive[row]
        iou[row[boxed], rank[boxed]] = iou_xyxy(answers.boxes[at[boxed]], about.xyxy[row[boxed]])
    return Evaluated(
        samples=samples,
        positive=about.positive,
        level=about.level,
        outcome=outcome,
        iou=iou,
        scores=scores,
        presence=presence,
        pair_of=about.pair_of,
        source=_sources(answers, answer),
        about=about,
    )


def _sources(answers: Answers, answer: Ints) -> NDArray[np.str_]:
    """Which model answered each sample, `[n]`; empty where there is no answer."""
    if isinstance(answers.source, Names):
        names, number = answers.source.names, answers.source.number
    else:
        known = {name: i for i, name in enumerate(dict.fromkeys(answers.source))}
        names, number = tuple(known), np.array([known[name] for name in answers.source], dtype=np.uint32)
    of_answer = np.append(number, np.array([len(names)], dtype=np.uint32))
    return np.array([*names, ""], dtype=np.str_)[of_answer[answer]]


def scored_samples(samples: Sequence[Sample]) -> Sequence[Sample]:
    """The samples whose truth is known."""
    return kept(samples, lambda sample: sample.truth != "unknown") if unknown_truths(samples) else samples


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
