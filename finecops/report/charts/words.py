"""What a chart says in words: numbers of points, and a description for who does not see it."""

from __future__ import annotations

from finecops.report.charts.chart import Chart, Point, Series

_MOST = 60
"""Bars whose numbers are in a description."""


def number_text(chart: Chart, point: Point) -> str:
    """The value of a point: a count as it is, any other number with a decimal.

    >>> from finecops.report.charts.chart import Axis
    >>> series = (Series("n", (Point(0, 3.0),)),)
    >>> number_text(Chart("a", "A", Axis("x"), Axis("y (%)"), series), series[0].points[0])
    '3.0'
    """
    if point.y is None:
        return "–"
    value = point.y - point.base
    whole = "%" not in chart.y.title and all(float(v).is_integer() for v in chart.values)
    if whole:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 1 or "%" in chart.y.title or value == 0 else f"{value:.3g}"


def point_text(chart: Chart, series: Series, point: Point) -> str:
    """One point with its series, its name or place, its interval and its n."""
    where = chart.x.names[int(point.x)] if chart.x.names else f"{point.x:.4g}"
    text = f"{series.name}, {where}: {number_text(chart, point)}"
    if point.low is not None and point.high is not None:
        text += f" ({point.low:.1f} to {point.high:.1f})"
    return text if point.n is None else f"{text}, n = {point.n}"


def description(chart: Chart) -> str:
    """The chart in words: its axes; of bars and marks each value, of lines their ends."""
    parts = [f"{chart.y.title} by {chart.x.title or 'group'}."]
    shown = [s for s in chart.series if s.kind in ("bars", "marks")]
    texts = [point_text(chart, series, point) for series in shown for point in series.points]
    parts += [f"{text}." for text in texts[:_MOST]]
    if len(texts) > _MOST:
        parts.append(f"And {len(texts) - _MOST} more.")
    for series in chart.series:
        there = [point for point in series.points if point.y is not None]
        if series.kind == "line" and there:
            first, last = (f"{number_text(chart, p)} at {p.x:.4g}" for p in (there[0], there[-1]))
            parts.append(f"{series.name}: from {first} to {last}.")
        elif series.kind == "cloud":
            parts.append(f"{series.name}.")
    return " ".join([*parts, *chart.notes])
