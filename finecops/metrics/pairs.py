"""The metric of negative-positive pairs: recall@k (paper, III-D, eq. 1), per column and as the mean over columns."""

from __future__ import annotations

from functools import partial

import numpy as np

from finecops.metrics.answers import Ints
from finecops.metrics.intervals import Interval, mean_interval
from finecops.metrics.metric import Metric
from finecops.metrics.recall import pair_outcomes, pair_recall_at_k
from finecops.metrics.scene import Scene
from finecops.metrics.values import MEAN_OF_COLUMNS, MetricValue


def recall(k: int) -> Metric:
    """Recall@k."""
    return Metric(
        title=f"Recall@{k}",
        measure=partial(_measure, k=k),
        needs_scores=True,
        interval=partial(_interval, k=k),
        shown="pairs",
        ranks=k,
        values={f"recall@{k}": f"Recall@{k}"},
    )


def _measure(scene: Scene, k: int) -> list[MetricValue]:
    values: list[MetricValue] = []
    for subset, negatives in scene.negative_columns.items():
        found = pair_recall_at_k(scene.data, negatives=negatives, k=k, threshold=scene.iou)
        bounds = {"value": found.expected, "lower": found.lower, "upper": found.upper}
        values.append(MetricValue(metric=f"recall@{k}", n=found.n, iou=scene.iou, **bounds, **dict(subset)))
    # In the order in which the kinds appear: text before image, as Tables IV and V.
    kinds = dict.fromkeys(value.kind for value in values)
    return values + [_mean([value for value in values if value.kind == kind]) for kind in kinds]


def _mean(columns: list[MetricValue]) -> MetricValue:
    """The mean over the columns that have pairs; its n are their pairs together."""
    counted = [column for column in columns if column.n]

    def mean(name: str) -> float | None:
        return float(np.mean([getattr(column, name) for column in counted])) if counted else None

    return MetricValue(
        metric=columns[0].metric,
        kind=columns[0].kind,
        type=MEAN_OF_COLUMNS,
        value=mean("value"),
        n=sum(column.n for column in counted),
        lower=mean("lower"),
        upper=mean("upper"),
        iou=columns[0].iou,
    )


def _interval(scene: Scene, value: MetricValue, clusters: Ints, k: int) -> Interval | None:
    members = scene.negative_columns.get(value.subset)
    if members is None:
        return None
    # A negative whose positive is not among the samples forms no pair.
    members = members[scene.data.pair_of[members] >= 0]
    hits = pair_outcomes(scene.data, negatives=members, k=k, threshold=scene.iou)[0]
    return mean_interval(100 * hits, clusters[members])
