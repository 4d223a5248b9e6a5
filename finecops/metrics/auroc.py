"""How well presence scores tell positives from negatives: areas under curves, and one point on one.

Infinite scores are ordered like others; a higher score means "present". Each function returns per cent, or None if
either side is empty.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from finecops.metrics.answers import Floats


def auroc(positive_scores: Floats, negative_scores: Floats) -> float | None:
    """Probability that a positive's score is above a negative's, ties counting half (Mann-Whitney)."""
    n, m = len(positive_scores), len(negative_scores)
    if not n or not m:
        return None
    ordered = np.sort(negative_scores)
    # Negatives below each positive, and below or equal: their mean counts a tie as half.
    below, up_to = (np.searchsorted(ordered, positive_scores, side) for side in ("left", "right"))
    return float(100 * (below.sum() + up_to.sum()) / (2 * n * m))


def average_precision(positive_scores: Floats, negative_scores: Floats) -> float | None:
    """AUPR as average precision: the sum over thresholds of precision times the recall it adds."""
    if not len(positive_scores) or not len(negative_scores):
        return None
    hits, false_alarms = accepted_at_thresholds(positive_scores, negative_scores)
    precision = hits / (hits + false_alarms)
    return float(100 * np.sum(np.diff(hits, prepend=0) / len(positive_scores) * precision))


def false_positive_rate_at_recall(
    positive_scores: Floats, negative_scores: Floats, recall: float = 0.95
) -> float | None:
    """FPR95: the smallest share of negatives accepted by a threshold that accepts `recall` of the positives."""
    if not len(positive_scores) or not len(negative_scores):
        return None
    hits, false_alarms = accepted_at_thresholds(positive_scores, negative_scores)
    # The slack absorbs the rounding of 0.95 * n where that is a whole number.
    reached = hits >= recall * len(positive_scores) - 1e-9
    return float(100 * false_alarms[reached].min() / len(negative_scores))


def accepted_at_thresholds(
    positive_scores: Floats, negative_scores: Floats
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positives and negatives accepted at each distinct score, from the highest down."""
    scores = np.concatenate([positive_scores, negative_scores])
    # Counts per distinct score, summed from the highest down: one entry per threshold.
    distinct, index = np.unique(scores, return_inverse=True)
    counts = [
        np.bincount(part, minlength=len(distinct))[::-1].cumsum()
        for part in (index[: len(positive_scores)], index[len(positive_scores) :])
    ]
    return counts[0], counts[1]
