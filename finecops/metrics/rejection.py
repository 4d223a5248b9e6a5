"""The metric of explicit rejections: how many negatives are rejected, and how many positives wrongly."""

from __future__ import annotations

import numpy as np

from finecops.metrics.answers import Ints
from finecops.metrics.arrays import REJECT, Bools
from finecops.metrics.intervals import Interval, mean_interval
from finecops.metrics.metric import Metric
from finecops.metrics.scene import Scene
from finecops.metrics.values import EVERYTHING, MetricValue

_ON_NEGATIVES, _ON_POSITIVES = "negative_accuracy", "false_rejection_rate"


def _measure(scene: Scene) -> list[MetricValue]:
    data = scene.data
    rejected = data.outcome == REJECT
    parts: list[tuple[str, dict[str, object], Bools]] = [(_ON_NEGATIVES, {}, rejected[~data.positive])]
    parts += [(_ON_NEGATIVES, dict(subset), rejected[rows]) for subset, rows in scene.negative_columns.items()]
    parts.append((_ON_POSITIVES, {}, rejected[data.positive]))
    return [
        MetricValue.model_validate(
            {"metric": name, "value": 100 * float(of.mean()) if len(of) else None, "n": len(of), **subset}
        )
        for name, subset, of in parts
    ]


def _interval(scene: Scene, value: MetricValue, clusters: Ints) -> Interval | None:
    """Of the overall values alone."""
    if value.subset != EVERYTHING:
        return None
    data = scene.data
    # The two rates are over different samples.
    chosen = data.positive if value.metric == _ON_POSITIVES else ~data.positive
    return mean_interval(np.where(data.outcome[chosen] == REJECT, 100.0, 0.0), clusters[chosen])


REJECTION = Metric(
    title="Rejections",
    measure=_measure,
    interval=_interval,
    values={_ON_NEGATIVES: "negatives rejected", _ON_POSITIVES: "positives rejected"},
)
