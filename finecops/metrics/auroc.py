"""How well presence scores tell positives from negatives: area under the ROC curve."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

from finecops.metrics.arrays import Floats


def auroc(positive_scores: Floats, negative_scores: Floats) -> float | None:
    """Probability in per cent that a positive's score is above a negative's, ties counting half (Mann-Whitney).

    Infinite scores are ordered like others. None if either side is empty.
    """
    n, m = len(positive_scores), len(negative_scores)
    if not n or not m:
        return None
    ranks = rankdata(np.concatenate([positive_scores, negative_scores]))
    return float(100 * (ranks[:n].sum() - n * (n + 1) / 2) / (n * m))
