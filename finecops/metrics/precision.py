"""Precision@k (paper, III-D): the share of positives with one of the k best boxes at IoU above the threshold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from finecops.metrics.arrays import Floats

IOU_THRESHOLD = 0.5


@dataclass(frozen=True)
class Share:
    """A share: `hits` of `n`."""

    hits: float
    n: int

    @property
    def percent(self) -> float | None:
        """The share in per cent; None of nothing."""
        return 100 * self.hits / self.n if self.n else None


def precision_at_k(iou: Floats, k: int, threshold: float = IOU_THRESHOLD) -> Share:
    """Precision@k of `iou [n, ranks]`; "above" is strict."""
    return Share(float(np.any(iou[:, :k] > threshold, axis=1).sum()), len(iou))
