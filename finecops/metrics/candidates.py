"""How good candidates are: whether, and at which rank, the truth is among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from finecops.boxes import iou_xyxy
from finecops.datasets.parts import kept
from finecops.metrics.answers import Floats
from finecops.metrics.arrays import Bools
from finecops.metrics.precision import IOU_THRESHOLD
from finecops.records import Candidates, Sample

RANKS = (1, 3, 5, 8, 10, 25)


def truth_ranks(
    samples: Sequence[Sample], candidates: Mapping[str, Candidates], threshold: float = IOU_THRESHOLD
) -> tuple[Bools, Floats]:
    """Of positives: whether any proposal is right, `[n]`; the rank after NMS of the first right one (from 0), `[n]`,
    inf where there is none."""
    proposed, rank = np.zeros(len(samples), dtype=np.bool_), np.full(len(samples), np.inf)
    for i, sample in enumerate(samples):
        row = candidates.get(sample.id)
        if row is None or not row.boxes:
            continue
        right = iou_xyxy(np.array(row.boxes), np.array(sample.box)) > threshold
        proposed[i] = right.any()
        # `kept` is in rank order, so the first right one has the best rank.
        first = np.flatnonzero(right[list(row.kept)])
        if len(first):
            rank[i] = first[0]
    return proposed, rank


def candidate_recall(
    samples: Sequence[Sample], candidates: Mapping[str, Candidates], threshold: float = IOU_THRESHOLD
) -> dict[str, int | float | None]:
    """Share (per cent) of the positives whose truth is among the k best after NMS: the ceiling of any choice.

    Keys are k as text, and "all" before NMS; `n` counts the positives.
    """
    positives = kept(samples, lambda s: s.positive)
    proposed, rank = truth_ranks(positives, candidates, threshold)
    n = len(positives)
    # Ranks count from 0, so rank k - 1 is the last of the k best.
    found: dict[str, int | float | None] = {str(k): 100 * float((rank < k).mean()) if n else None for k in RANKS}
    return found | {"all": 100 * float(proposed.mean()) if n else None, "n": n}
