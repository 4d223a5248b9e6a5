"""A method's answers as the exports take them: one row per sample, with its boxes in rank order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Literal

import numpy as np

from finecops.boxes import iou_xyxy
from finecops.metrics.answers import OUTCOMES, Answers
from finecops.records import Sample, Xyxy

ScoreKind = Literal["given", "rank"]


@dataclass(frozen=True)
class Answered:
    """What a method answered to a sample."""

    outcome: str
    """`box`, `reject`, `unparsed`, `failed` or `missing`."""
    boxes: tuple[Xyxy, ...] = ()
    """Best first; none but with outcome `box`."""
    scores: tuple[float, ...] | None = None
    """One per box; None where the method gives none."""

    def iou(self, sample: Sample) -> float | None:
        """Of the best box with the true one; None without a true box, 0 without an answer."""
        if sample.box is None:
            return None
        return float(iou_xyxy(np.array(self.boxes[0]), np.array(sample.box))) if self.boxes else 0.0


MISSING = Answered("missing")


@dataclass(frozen=True)
class ExportedMethod:
    """A method that is exported.

    Attributes:
        name: the stage's name, which names files and fields.
        label: its name for people.
        samples: the samples it is for.
        answers: what it answered.
    """

    name: str
    label: str
    samples: Sequence[Sample]
    answers: Answers

    @cached_property
    def rows(self) -> Mapping[str, Answered]:
        """Its answers by sample id."""
        found = {}
        for i, id_ in enumerate(self.answers.ids):
            outcome = OUTCOMES[self.answers.outcome[i]]
            part = slice(int(self.answers.start[i]), int(self.answers.start[i + 1]))
            if outcome != "box":
                found[id_] = Answered(outcome)
                continue
            boxes = tuple((b[0], b[1], b[2], b[3]) for b in self.answers.boxes[part].tolist())
            scores = self.answers.scores[part]
            found[id_] = Answered(outcome, boxes, None if np.isnan(scores).any() else tuple(scores.tolist()))
        return found

    @cached_property
    def asked(self) -> frozenset[str]:
        """The ids of the samples it is for."""
        return frozenset(sample.id for sample in self.samples)

    @cached_property
    def score_kind(self) -> ScoreKind:
        """`given` where every box has a score and their order is the method's; else the rank is all there is."""
        with_boxes = [row for row in self.rows.values() if row.boxes]
        scored = [row.scores for row in with_boxes if row.scores is not None]
        ordered = all(a >= b for scores in scored for a, b in pairwise(scores))
        return "given" if len(scored) == len(with_boxes) and ordered else "rank"

    def outcomes(self) -> dict[str, int]:
        """How many samples have which outcome."""
        counts = dict.fromkeys(OUTCOMES, 0)
        for sample in self.samples:
            counts[self.rows.get(sample.id, MISSING).outcome] += 1
        return counts
