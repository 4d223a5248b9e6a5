"""Recall@k over negative-positive pairs (paper, III-D, eq. 1).

The boxes of a negative and of its positive are ranked together by score. The pair counts if one of the k best is
a box of the positive at IoU above 0.5. Boxes of equal score come in any order: the expected value over all orders
is reported, with the bounds of the worst and the best one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from finecops.metrics.answers import Floats, Ints
from finecops.metrics.arrays import Evaluated
from finecops.metrics.precision import IOU_THRESHOLD


@dataclass(frozen=True)
class PairRecall:
    """Recall of n pairs in per cent: expected over ties, with both bounds; None of nothing."""

    n: int
    expected: float | None
    lower: float | None
    upper: float | None


def pair_recall_at_k(data: Evaluated, negatives: Ints, k: int, threshold: float = IOU_THRESHOLD) -> PairRecall:
    """Recall@k of the pairs that some negatives form with their positives; negatives without one do not count."""
    expected, lower, upper = pair_outcomes(
        data, negatives=negatives[data.pair_of[negatives] >= 0], k=k, threshold=threshold
    )
    n = len(expected)
    if not n:
        return PairRecall(n=0, expected=None, lower=None, upper=None)
    return PairRecall(n=n, expected=100 * expected.mean(), lower=100 * lower.mean(), upper=100 * upper.mean())


def pair_outcomes(
    data: Evaluated, negatives: Ints, k: int, threshold: float = IOU_THRESHOLD
) -> tuple[Floats, Floats, Floats]:
    """Expected value, lower and upper bound of each pair's hit, `[pairs]` each."""
    positives = data.pair_of[negatives]
    mine, theirs = data.scores[positives], data.scores[negatives]
    # Only the best right box matters: if it is not among the k best, no other right one is.
    hits = data.iou[positives] > threshold
    hit_scores = np.where(hits, mine, -np.inf)
    best = hit_scores.max(axis=1, keepdims=True)
    there = np.isfinite(best[:, 0])
    # Boxes that rank before it in every order, and those that may rank on either side of it.
    above = (mine > best).sum(axis=1) + (theirs > best).sum(axis=1)
    # A lost negative takes the first k ranks: losing rows must not look like rejecting.
    above[data.lost[negatives]] += k
    tied = (mine == best).sum(axis=1) + (theirs == best).sum(axis=1)
    tied_hits = (hit_scores == best).sum(axis=1)
    usable = there & (above < k)
    # Ranks that the tied boxes share, and how many of these boxes are wrong.
    left = np.where(usable, k - above, 0)
    misses = np.where(usable, tied - tied_hits, 0)
    # All ranks that are left go to misses: C(misses, left) of C(tied, left) orders.
    none_hit = np.where(misses >= left, np.exp(_log_choose(misses, left) - _log_choose(tied, left)), 0.0)
    return (
        np.where(usable, 1 - none_hit, 0.0),
        np.where(usable & (misses < left), 1.0, 0.0),
        np.where(usable, 1.0, 0.0),
    )


def _log_choose(n: Ints, k: Ints) -> Floats:
    k = np.minimum(k, n)
    # log C(n, k) from one table of log factorials; factorials themselves overflow from 171 on.
    log_factorial = np.concatenate([[0.0], np.log(np.arange(1, int(n.max(initial=0)) + 1)).cumsum()])
    result: Floats = log_factorial[n] - log_factorial[k] - log_factorial[n - k]
    return result
