"""All metrics of one list of predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from finecops.errors import ConfigError
from finecops.evaluation.results import Measured, Outcomes
from finecops.evaluation.settings import MetricSettings
from finecops.metrics.arrays import Predictions, evaluate_arrays, missing_scores_reason, scored_samples
from finecops.metrics.dictionary import find_metric
from finecops.metrics.intervals import clusters_of
from finecops.metrics.metric import Metric
from finecops.metrics.scene import Scene
from finecops.metrics.values import AbsentMetricError, Cluster, MetricValue
from finecops.records import Route, Sample


def evaluate(
    samples: Sequence[Sample],
    predictions: Predictions,
    routes: Mapping[str, Route] | None = None,
    settings: MetricSettings | None = None,
) -> Measured:
    """Evaluate predictions. Samples of unknown truth are counted and left out.

    Args:
        routes: of a run that was routed; precision is given per router level too.
        settings: which metrics, the IoU that counts, whether with intervals. All metrics if not given.
    """
    settings = settings or MetricSettings()
    # Samples of unknown truth are in no denominator.
    known = scored_samples(samples)
    metrics = {name: _named(name) for name in settings.metrics}
    # Arrays hold as many ranked boxes as the metric that looks furthest.
    ranks = max((metric.ranks for metric in metrics.values()), default=1)
    scene = Scene(evaluate_arrays(known, predictions, ranks), routes, settings.iou)
    cluster = settings.cluster if settings.intervals else None
    values: list[MetricValue] = []
    absent: dict[str, str] = {}
    # Asked once: it is the same for every metric that needs scores.
    reason = missing_scores_reason(scene.data)
    # Without a known truth there is nothing to measure, and nothing to say of each metric.
    for name, metric in metrics.items() if known else ():
        if metric.needs_scores and reason is not None:
            absent[name] = reason
            continue
        try:
            values += _with_intervals(scene, metric=metric, values=metric.measure(scene), cluster=cluster)
        except AbsentMetricError as error:
            absent[name] = str(error)
    outcomes = Outcomes.model_validate(scene.data.counts())
    return Measured(values=tuple(values), outcomes=outcomes, absent=absent, unknown=len(samples) - len(known))


def _named(name: str) -> Metric:
    metric = find_metric(name)
    if metric is None:
        raise ConfigError(f"unknown metric {name}")
    return metric


def _with_intervals(
    scene: Scene, metric: Metric, values: Sequence[MetricValue], cluster: Cluster | None
) -> Sequence[MetricValue]:
    """The values, with intervals where their metric makes them."""
    if cluster is None or metric.interval is None:
        return values
    clusters = clusters_of(scene.data.samples, cluster)
    # A metric may have an interval for some of its values alone.
    found = [(value, metric.interval(scene, value, clusters)) for value in values]
    return [
        value if interval is None else value.model_copy(update={"ci_low": interval.low, "ci_high": interval.high})
        for value, interval in found
    ]
