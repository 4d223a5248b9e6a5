"""How well the boxes of positives fit: precision@k (paper, III-D), accuracy over IoU thresholds, mean IoU.

Every function takes `iou [n, ranks]` of n positives, 0 where there is no answer, so such a row is wrong and stays
in the denominator.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from finecops.metrics.answers import Floats

IOU_THRESHOLD = 0.5
COCO_THRESHOLDS = tuple(round(0.5 + 0.05 * i, 2) for i in range(10))
"""IoU 0.5 to 0.95 in steps of 0.05."""


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
    """Precision@k: the share with one of the k best boxes at IoU above the threshold; "above" is strict."""
    return Share(float(np.any(iou[:, :k] > threshold, axis=1).sum()), len(iou))


def accuracy_over_thresholds(iou: Floats) -> Share:
    """Precision@1, averaged over the IoU thresholds 0.5 to 0.95 in steps of 0.05."""
    return Share(sum(precision_at_k(iou, 1, t).hits for t in COCO_THRESHOLDS) / len(COCO_THRESHOLDS), len(iou))


def mean_iou(iou: Floats) -> Share:
    """The mean IoU of the best box."""
    return Share(float(iou[:, 0].sum()), len(iou))
