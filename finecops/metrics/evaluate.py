"""All metrics of one list of predictions, as tidy rows: one value with its denominator each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from finecops.metrics.arrays import (
    OUTCOMES,
    Evaluated,
    Floats,
    Ints,
    evaluate_arrays,
    missing_scores_reason,
    negative_groups,
    presence_scores,
)
from finecops.metrics.auroc import auroc, average_precision, false_positive_rate_at_recall
from finecops.metrics.intervals import auroc_interval, cluster_indices, mean_interval
from finecops.metrics.precision import IOU_THRESHOLD, precision_at_k
from finecops.metrics.recall import pair_outcomes, pair_recall_at_k
from finecops.records import Prediction, Route, Sample

METRICS = ("p1", "p5", "p10", "r1", "r5", "r10", "auroc", "aupr", "fpr95", "reject")
"""Names for `--metrics`: precision@k, recall@k, AUROC, AUPR, FPR at 95% recall, and explicit rejections."""

TidyRow = dict[str, Any]
Cluster = Literal["positive", "image"]


def evaluate(
    samples: Sequence[Sample],
    predictions: Mapping[str, Prediction],
    routes: Mapping[str, Route] | None = None,
    metrics: Sequence[str] = METRICS,
    cluster: Cluster | None = None,
) -> dict[str, Any]:
    """Evaluate predictions: `{"rows": [...], "outcomes": {...}, "absent": {metric: reason}}`.

    A row has metric, value (per cent), n, and what it is of: kind and type of negatives, level (ground truth; of
    a negative: how near the target it was changed), router_level. None means all. Recall rows carry the bounds
    under ties as `lower` and `upper`; the mean over the columns of a kind has type "mean of columns".

    With `cluster`, precision, recall per column, AUROC and the rejection rates carry a 95% bootstrap interval as
    `ci_low` and `ci_high`, clustered on the positive's id or on the image.
    """
    data = evaluate_arrays(samples, predictions)
    rows: list[TidyRow] = []
    absent: dict[str, str] = {}
    reason = missing_scores_reason(data)
    for name in metrics:
        if name.startswith("p"):
            rows += _precision_rows(data, int(name[1:]), routes)
        elif name == "reject":
            rows += _rejection_rows(data)
        elif reason is not None:
            absent[name] = reason
        elif name in _SEPARATIONS:
            rows += _separation_rows(data, name)
        else:
            rows += _recall_rows(data, int(name[1:]))
    if cluster is not None:
        _add_intervals(rows, data, cluster, routes)
    return {"rows": rows, "outcomes": data.counts(), "absent": absent}


def clusters_of(samples: Sequence[Sample], cluster: Cluster) -> Ints:
    """The cluster of each sample, `[n]`: a positive with its negatives, or an image with all of its samples."""
    if cluster == "image":
        # A negative image belongs to the image it was made from.
        image_of = {s.id: s.image for s in samples if s.negative is None}
        return cluster_indices(
            [image_of.get(s.negative.positive_id, s.image) if s.negative else s.image for s in samples]
        )
    return cluster_indices([s.negative.positive_id if s.negative else s.id for s in samples])


def _add_intervals(rows: list[TidyRow], data: Evaluated, cluster: Cluster, routes: Mapping[str, Route] | None) -> None:
    clusters = clusters_of(data.samples, cluster)
    groups = negative_groups(data)
    router = _router_levels(data, routes)
    presence = presence_scores(data)
    for row in rows:
        interval = None
        name, _, rank = row["metric"].partition("@")
        if name == "precision":
            chosen = data.positive & (data.level == row["level"] if row["level"] else True)
            chosen &= (router == row["router_level"]) if row["router_level"] else True
            hits = np.any(data.iou[chosen, : int(rank)] > IOU_THRESHOLD, axis=1)
            interval = mean_interval(100.0 * hits, clusters[chosen])
        elif name == "recall" and row["level"] is not None:
            members = groups[row["kind"], row["type"], row["level"]]
            members = members[data.pair_of[members] >= 0]
            interval = mean_interval(100 * pair_outcomes(data, members, int(rank))[0], clusters[members])
        elif name == "auroc" and row["kind"] is None:
            interval = auroc_interval(presence, data.positive, clusters)
        elif name in ("negative_accuracy", "false_rejection_rate"):
            chosen = data.positive if name == "false_rejection_rate" else ~data.positive
            rejected = 100.0 * (data.outcome[chosen] == OUTCOMES.index("reject"))
            interval = mean_interval(rejected, clusters[chosen])
        if interval is not None:
            row |= {"ci_low": interval.low, "ci_high": interval.high}


def _router_levels(data: Evaluated, routes: Mapping[str, Route] | None) -> Ints:
    return np.array([routes[s.id].level if routes and s.id in routes else 0 for s in data.samples], dtype=np.intp)


def _row(metric: str, value: float | None, n: int, **of: Any) -> TidyRow:
    base: TidyRow = {"metric": metric, "kind": None, "type": None, "level": None, "router_level": None}
    return base | {"value": value, "n": n} | of


def _precision_rows(data: Evaluated, k: int, routes: Mapping[str, Route] | None) -> list[TidyRow]:
    rows = []
    for level in (None, *sorted(set(data.level[data.positive].tolist()) - {0})):
        chosen = data.positive & ((data.level == level) if level else True)
        share = precision_at_k(data.iou[chosen], k)
        rows.append(_row(f"precision@{k}", share.percent, share.n, level=level))
    if routes is not None:
        router = _router_levels(data, routes)
        for level in (1, 2):
            share = precision_at_k(data.iou[data.positive & (router == level)], k)
            rows.append(_row(f"precision@{k}", share.percent, share.n, router_level=level))
    return rows


def _recall_rows(data: Evaluated, k: int) -> list[TidyRow]:
    rows: list[TidyRow] = []
    columns: dict[str, list[TidyRow]] = {}
    for (kind, type_, level), negatives in negative_groups(data).items():
        recall = pair_recall_at_k(data, negatives, k)
        bounds = {"lower": recall.lower, "upper": recall.upper}
        row = _row(f"recall@{k}", recall.expected, recall.n, kind=kind, type=type_, level=level, **bounds)
        columns.setdefault(kind, []).append(row)
        rows.append(row)
    for kind, members in columns.items():
        counted = [row for row in members if row["n"]]
        mean = {
            key: float(np.mean([row[key] for row in counted])) if counted else None
            for key in ("value", "lower", "upper")
        }
        n = sum(row["n"] for row in counted)
        bounds = {"lower": mean["lower"], "upper": mean["upper"]}
        rows.append(_row(f"recall@{k}", mean["value"], n, kind=kind, type="mean of columns", **bounds))
    return rows


_SEPARATIONS: dict[str, Callable[[Floats, Floats], float | None]] = {
    "auroc": auroc,
    "aupr": average_precision,
    "fpr95": false_positive_rate_at_recall,
}


def _separation_rows(data: Evaluated, name: str) -> list[TidyRow]:
    measure = _SEPARATIONS[name]
    presence = presence_scores(data)
    negatives = ~data.positive
    rows = [_row(name, measure(presence[data.positive], presence[negatives]), int(negatives.sum()))]
    for (kind, type_, level), members in negative_groups(data).items():
        paired = members[data.pair_of[members] >= 0]
        value = measure(presence[data.pair_of[paired]], presence[paired])
        rows.append(_row(name, value, len(paired), kind=kind, type=type_, level=level))
    return rows


def _rejection_rows(data: Evaluated) -> list[TidyRow]:
    rejected = data.outcome == OUTCOMES.index("reject")
    rows = []
    for metric, chosen in (("negative_accuracy", ~data.positive), ("false_rejection_rate", data.positive)):
        n = int(chosen.sum())
        rows.append(_row(metric, 100 * float(rejected[chosen].mean()) if n else None, n))
    return rows
