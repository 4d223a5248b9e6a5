"""Candidates left out at random: what a choice among candidates would be worth with a specialist that finds less.

No model is asked again. The candidate nearest to the truth is taken away from the question, and the best of the other
letters is the answer; where nothing is taken away, the answer stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from finecops.boxes import iou_xyxy
from finecops.metrics.answers import Floats
from finecops.metrics.arrays import Bools
from finecops.metrics.precision import IOU_THRESHOLD
from finecops.records import Candidates, Prediction, Sample

DRAWS = 20
"""How often candidates are left out anew; results are means over these draws."""


@dataclass(frozen=True)
class Choices:
    """What a selection made of each positive, `[n]` each.

    Attributes:
        among: the truth is among the candidates that were options.
        spare: besides the nearest of them another one is right too.
        right: the answer is right.
        right_without: the answer would be right without the nearest candidate.
    """

    among: Bools
    spare: Bools
    right: Bools
    right_without: Bools


@dataclass(frozen=True)
class LeftOut:
    """A selection with a lower candidate recall.

    Attributes:
        recall: share of the positives whose truth is among the candidates, per cent.
        right: `[n]`, how often each positive is right, as a share of the draws.
    """

    recall: float
    right: Floats


def choices_of(
    samples: Sequence[Sample],
    candidates: Mapping[str, Candidates],
    answers: Mapping[str, Prediction],
    topk: int,
    threshold: float = IOU_THRESHOLD,
) -> Choices:
    """What a selection among the `topk` best candidates made of positives."""
    found = np.zeros((4, len(samples)), dtype=np.bool_)
    for i, sample in enumerate(samples):
        truth, answer, row = np.array(sample.box), answers.get(sample.id), candidates.get(sample.id)
        boxes = row.best(topk) if row is not None else ()
        # In the order of their letters' probabilities; a rejection or no answer is right with no box.
        ranked = answer.boxes if answer is not None and answer.status == "box" else ()
        found[2, i] = bool(ranked) and iou_xyxy(np.array(ranked[0]), truth) > threshold
        if not boxes:
            continue
        overlap = iou_xyxy(np.array(boxes), truth)
        hits, nearest = int((overlap > threshold).sum()), boxes[int(overlap.argmax())]
        found[0, i], found[1, i] = hits > 0, hits > 1
        others = [box for box in ranked if box != nearest]
        found[3, i] = bool(others) and iou_xyxy(np.array(others[0]), truth) > threshold
    return Choices(*found)


def leave_out(choices: Choices, recalls: Sequence[float], draws: int = DRAWS, seed: int = 0) -> list[LeftOut]:
    """The selection at lower recalls; a recall that is not below the measured one, or cannot be reached, is left out.

    Args:
        choices: the selection as it was.
        recalls: in per cent.
        draws: so often positives are drawn from which a candidate is taken. Lower recalls take it from more of them.
        seed: of the draws.
    """
    n, there = len(choices.among), np.flatnonzero(choices.among)
    # A positive with a spare candidate keeps its truth among the options when one is taken away.
    most = int((choices.among & ~choices.spare).sum())
    wanted = [(recall, round(len(there) - recall * n / 100)) for recall in recalls]
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(there) for _ in range(draws)]
    found = []
    for _, lost in wanted:
        if not 0 < lost <= most:
            continue
        right = np.zeros(n)
        for order in orders:
            # Taken from one positive after the other until that many have lost their truth.
            end = int(np.searchsorted(np.cumsum(~choices.spare[order]), lost)) + 1
            now = choices.right.copy()
            now[order[:end]] = choices.right_without[order[:end]]
            right += now
        found.append(LeftOut(100 * (len(there) - lost) / n, right / draws))
    return found
