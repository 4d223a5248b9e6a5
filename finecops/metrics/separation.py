"""Metrics of how well presence scores tell positives from negatives: AUROC, AUPR, FPR at 95% recall.

Each in all (all positives against all negatives, n = negatives) and per column (its negatives against their own
positives, one per pair, n = pairs).
"""

from __future__ import annotations

from collections.abc import Callable

from finecops.metrics.answers import Floats, Ints
from finecops.metrics.auroc import auroc, average_precision, false_positive_rate_at_recall
from finecops.metrics.intervals import Interval, auroc_interval
from finecops.metrics.metric import IntervalOf, Metric
from finecops.metrics.scene import Scene
from finecops.metrics.values import EVERYTHING, MetricValue


def _separation(
    name: str, title: str, area: Callable[[Floats, Floats], float | None], interval: IntervalOf | None = None
) -> Metric:
    def measure(scene: Scene) -> list[MetricValue]:
        data, presence, negatives = scene.data, scene.presence, ~scene.data.positive
        value = area(presence[data.positive], presence[negatives])
        values = [MetricValue(metric=name, value=value, n=int(negatives.sum()))]
        for subset, members in scene.negative_columns.items():
            paired = members[data.pair_of[members] >= 0]
            value = area(presence[data.pair_of[paired]], presence[paired])
            values.append(MetricValue(metric=name, value=value, n=len(paired), **dict(subset)))
        return values

    return Metric(title=title, measure=measure, needs_scores=True, interval=interval, shown="separation")


def _auroc_interval(scene: Scene, value: MetricValue, clusters: Ints) -> Interval | None:
    """Of the overall value alone."""
    return auroc_interval(scene.presence, scene.data.positive, clusters) if value.subset == EVERYTHING else None


AUROC = _separation("auroc", title="AUROC", area=auroc, interval=_auroc_interval)
AUPR = _separation("aupr", "AUPR", average_precision)
FPR95 = _separation("fpr95", "FPR at 95% recall", false_positive_rate_at_recall)
