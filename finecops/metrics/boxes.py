"""Metrics of positives' boxes: precision@k (paper, III-D), accuracy over IoU thresholds, mean IoU."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from finecops.metrics.answers import Floats, Ints
from finecops.metrics.intervals import Interval, mean_interval
from finecops.metrics.metric import Metric
from finecops.metrics.precision import Share, accuracy_over_thresholds, mean_iou, precision_at_k
from finecops.metrics.scene import Scene
from finecops.metrics.values import MetricValue


def precision(k: int) -> Metric:
    """Precision@k."""
    name = f"precision@{k}"

    def measure(scene: Scene) -> list[MetricValue]:
        of = partial(precision_at_k, k=k, threshold=scene.iou)
        return [value.model_copy(update={"iou": scene.iou}) for value in _by_subset(scene, name, of)]

    return Metric(
        title=f"Precision@{k}",
        measure=measure,
        interval=partial(_precision_interval, k=k),
        shown="boxes",
        ranks=k,
        values={name: f"Precision@{k}"},
    )


def _by_subset(scene: Scene, name: str, measure: Callable[[Floats], Share]) -> list[MetricValue]:
    iou = scene.data.answered_iou
    found = [(subset, measure(iou[chosen])) for subset, chosen in scene.positive_subsets.items()]
    return [MetricValue(metric=name, value=share.percent, n=share.n, **dict(subset)) for subset, share in found]


def _precision_interval(scene: Scene, value: MetricValue, clusters: Ints, k: int) -> Interval | None:
    chosen = scene.positive_subsets[value.subset]
    # The interval is that of a mean of 0 and 100 per sample, drawn by cluster.
    hits = np.any(scene.data.answered_iou[chosen, :k] > scene.iou, axis=1)
    return mean_interval(100.0 * hits, clusters[chosen])


ACCURACY = Metric(
    title="Accuracy@0.5:0.95",
    measure=lambda scene: _by_subset(scene, "accuracy@0.5:0.95", accuracy_over_thresholds),
    shown="boxes",
    values={"accuracy@0.5:0.95": "Accuracy@0.5:0.95"},
)
MEAN_IOU = Metric(
    title="Mean IoU",
    measure=lambda scene: _by_subset(scene, "mean_iou", mean_iou),
    shown="boxes",
    values={"mean_iou": "Mean IoU"},
)
