"""Bars in SVG. They lie: names of any length stand at their left, and each value at its right."""

from __future__ import annotations

from finecops.report.charts.chart import Chart, Point, Series
from finecops.report.charts.markup import SIZE, line, rectangle, text_at, width_of, wrapped
from finecops.report.charts.palette import Look
from finecops.report.charts.scale import Scale, scale_of
from finecops.report.charts.words import number_text, point_text

_LINE = 1.25 * SIZE
_ROW, _GAP = 14.0, 7.0
"""Height of a bar with its distance to the next, and of the space between two groups."""
_NAMES = 132.0
"""The widest column of names."""


def draw_bars(chart: Chart, look: Look, top: float, width: float) -> tuple[list[str], float]:
    """The markup of all bars with their axis, and where it ends."""
    # In print as on screen a bar has its number beside it, in a column at the right.
    numbers = [number_text(chart, point) for series in chart.series for point in series.points]
    right = width - 12 - max(map(width_of, numbers))
    texts = [_name(chart, i) for i in range(len(chart.x.names))]
    left = 12 + max(width_of(text) for lines in texts for text, _ in lines)
    y = scale_of(chart.y, chart.values, (left, right), most=5)
    bars = [chart.bars_at(i) for i in range(len(chart.x.names))]
    heights = [max(len(some) * _ROW, len(lines) * _LINE) for some, lines in zip(bars, texts)]
    bottom = top + 6 + sum(heights) + _GAP * len(heights)
    markup = [line(y(tick), top + 2, y(tick), bottom, look.grid) for tick in y.ticks]
    at = top + 6
    for some, lines, height in zip(bars, texts, heights):
        markup += _texts(lines, at + (height - len(lines) * _LINE) / 2, left, look)
        first = at + (height - len(some) * _ROW) / 2
        for j, (series, point) in enumerate(some):
            markup += _bar(chart, series, point, y, first + j * _ROW, width, look)
        at += height + _GAP
    markup += [line(y(y.low), top + 2, y(y.low), bottom, look.muted)]
    for tick in y.ticks:
        markup.append(text_at(y(tick), bottom + 13, y.text(tick), look.muted, "middle"))
    titles = wrapped(chart.y.title, width - 24)
    for i, one in enumerate(titles):
        markup.append(text_at(width / 2, bottom + 28 + i * _LINE, one, look.text, "middle"))
    return markup, bottom + 20 + len(titles) * _LINE


def _name(chart: Chart, index: int) -> list[tuple[str, bool]]:
    """The lines of a name and of its details; the latter are muted."""
    lines = [(one, False) for one in wrapped(chart.x.names[index], _NAMES)]
    if index < len(chart.x.details) and chart.x.details[index]:
        lines += [(one, True) for one in wrapped(chart.x.details[index], _NAMES)]
    return lines


def _texts(lines: list[tuple[str, bool]], top: float, left: float, look: Look) -> list[str]:
    return [
        text_at(left - 6, top + (i + 0.8) * _LINE, one, look.muted if muted else look.text, "end")
        for i, (one, muted) in enumerate(lines)
    ]


def _bar(chart: Chart, series: Series, point: Point, y: Scale, top: float, width: float, look: Look) -> list[str]:
    number = text_at(width - 6, top + 10, number_text(chart, point), look.text, "end")
    if point.y is None:
        return [number]
    ends = sorted((y(point.base), y(point.y)))
    tip = point_text(chart, series, point)
    # A bar of almost nothing is still seen.
    markup = [rectangle(ends[0], top + 1, max(ends[1] - ends[0], 1.0), _ROW - 4, look.colour(series.colour), tip)]
    if point.low is not None and point.high is not None:
        low, high, middle = y(point.low), y(point.high), top + 1 + (_ROW - 4) / 2
        markup.append(line(low, middle, high, middle, look.text, 1.2))
        markup += [line(end, middle - 3, end, middle + 3, look.text, 1.2) for end in (low, high)]
    return [*markup, number]
