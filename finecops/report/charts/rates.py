"""Charts of rates: precision by level, recall by type of negative, precision over the IoU that counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from finecops.metrics.dictionary import title_of_value
from finecops.metrics.values import EVERYTHING, MEAN_OF_COLUMNS, Subset
from finecops.records import NegativeKind
from finecops.report.charts.chart import Axis, Chart, Missing, Point, Series
from finecops.report.charts.subject import ChartMethod

_PRECISION, _RECALL = "precision@1", "recall@1"
_INTERVALS = "Lines on bars are 95% bootstrap intervals."
KINDS: tuple[tuple[NegativeKind, str], ...] = (("text", "expressions"), ("image", "images"))
"""Kinds of negatives, with their names."""


def precision_by_level(methods: Sequence[ChartMethod]) -> Chart | Missing:
    """Precision@1 on positives, in all and by ground-truth level."""
    name, title = "precision-level", "Precision@1 on positives, by level"
    there = {subset for method in methods for metric, subset in method.values if metric == _PRECISION}
    levels = sorted({s.level for s in there if s.level is not None and s == Subset(level=s.level)})
    subsets = {"all": EVERYTHING, **{f"level {level}": Subset(level=level) for level in levels}}
    chart = _bars(name, title, methods, _PRECISION, subsets)
    return chart or Missing(name, title, "there is no positive sample with a known box, or p1 is not among --metrics")


def recall_by_type(methods: Sequence[ChartMethod], kind: tuple[NegativeKind, str]) -> Chart | Missing:
    """Recall@1 of pairs by type and level of the negative, and the mean over these columns."""
    name, title = f"recall-{kind[1]}", f"Recall@1 on negative {kind[1]}, by type"
    found = [s for method in methods for metric, s in method.values if metric == _RECALL and s.kind == kind[0]]
    # Level 0: the benchmark states none.
    columns = {_column(subset): subset for subset in found if subset.level is not None}
    if not columns:
        reasons = {r for method in methods if (r := method.result.absent.get("r1"))}
        why = f"; {'; '.join(sorted(reasons))}" if reasons else ""
        return Missing(name, title, f"no negative {kind[1][:-1]} has a positive to be compared with{why}")
    subsets = {"mean of types": Subset(kind=kind[0], type=MEAN_OF_COLUMNS), **columns}
    chart = _bars(name, title, methods, _RECALL, subsets)
    return chart or Missing(name, title, f"no pair of a positive and a negative {kind[1][:-1]} could be compared")


def precision_by_iou(methods: Sequence[ChartMethod]) -> Chart | Missing:
    """Precision@1 on positives at other IoU thresholds: how exact boxes are."""
    name, title = "iou-threshold", "Precision@1 by the IoU above which a box is right"
    thresholds = [round(0.5 + 0.05 * i, 2) for i in range(10)]
    series = []
    for method in methods:
        iou = method.data.answered_iou[method.data.positive, 0]
        if len(iou):
            points = tuple(Point(t, 100 * float(np.mean(iou > t))) for t in thresholds)
            series.append(Series(f"{method.name} (n = {len(iou)})", points, colour=method.colour, dots=True))
    if not series:
        return Missing(name, title, "there is no positive sample with a known box")
    return Chart(name, title, Axis("IoU threshold", 0.5, 0.95), Axis("precision@1 (%)", 0.0, 100.0), tuple(series))


def _bars(
    name: str, title: str, methods: Sequence[ChartMethod], metric: str, subsets: Mapping[str, Subset]
) -> Chart | None:
    """Bars of a metric, a group for each subset; None where no method has any."""
    series, notes = [], []
    for method in methods:
        found = [method.values.get((metric, subset)) for subset in subsets.values()]
        points = tuple(
            Point(i, None) if v is None else Point(i, v.value, v.ci_low, v.ci_high, v.n) for i, v in enumerate(found)
        )
        if any(point.y is not None for point in points):
            series.append(Series(method.name, points, "bars", method.colour))
    if not series:
        return None
    counts = [sorted({n for s in series if (n := s.points[i].n)}) for i in range(len(subsets))]
    if any(point.low is not None for s in series for point in s.points):
        notes.append(_INTERVALS)
    # Methods may have answered different shares; then a group has several n.
    details = tuple(f"n = {' / '.join(map(str, n))}" if n else "" for n in counts)
    axis = Axis("", names=tuple(subsets), details=details)
    return Chart(name, title, axis, Axis(f"{title_of_value(metric)} (%)", 0.0, 100.0), tuple(series), tuple(notes))


def _column(subset: Subset) -> str:
    type_ = (subset.type or "").replace("_", " ")
    return f"{type_} L{subset.level}" if subset.level else type_
