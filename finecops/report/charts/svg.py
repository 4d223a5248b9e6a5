"""A chart as SVG: no script, no style sheet, no font from elsewhere; every text is escaped.

Inside a page colours are the page's, so that it is right in light and dark; alone in a file they are fixed. A drawing
is 400 units wide and its texts are 11 high, so that a column of 400 pixels shows them as small print.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from finecops.report.charts.bars import draw_bars
from finecops.report.charts.chart import Chart, Series
from finecops.report.charts.markup import SIZE, clean, element, line, rectangle, sign, text_at, width_of, wrapped
from finecops.report.charts.palette import DASHES, FILE, PAGE, Look
from finecops.report.charts.scale import Scale, scale_of
from finecops.report.charts.words import description, point_text

WIDTH = 400.0
_PANEL = 350.0
"""Width of one of several charts in a file."""
_XMLNS = "http://www.w3.org/2000/svg"
_PLOT = 230.0
"""Height of a plot of two numeric axes."""
_LINE = 1.3 * SIZE
_SAMPLE = 22.0
"""Width of a sample in the legend."""


class Drawn(NamedTuple):
    """Markup from the top down to a height."""

    markup: list[str]
    bottom: float


def svg(chart: Chart) -> str:
    """A chart for a page, which shows title and notes itself."""
    return _svg(chart, PAGE, alone=False)


def svg_file(chart: Chart) -> str:
    """A chart as a file of its own, with title and notes in it."""
    return _svg(chart, FILE, alone=True)


def svg_panels(charts: Sequence[Chart]) -> str:
    """Several charts as one file, two in a row, for a page that shows it 700 pixels wide."""
    pairs = [charts[i : i + 2] for i in range(0, len(charts), 2)]
    width, markup, top = _PANEL * min(len(charts), 2), [], 0.0
    for pair in pairs:
        drawn = [_drawn(chart, FILE, _PANEL, alone=True) for chart in pair]
        for i, (chart, one) in enumerate(zip(pair, drawn)):
            content = "\n".join([*_said(chart), *one.markup])
            place = f"translate({i * _PANEL:.0f} {top:.0f})"
            markup.append(element("g", content, transform=place, **_about(chart)))
        top += max(one.bottom for one in drawn) + 12.0
    behind = rectangle(0.0, 0.0, width, top, FILE.background or "none")
    size = {"width": f"{width:.0f}", "height": f"{top:.0f}", "font_family": FILE.font or ""}
    content = "\n".join([behind, *markup])
    return element("svg", content, xmlns=_XMLNS, viewBox=f"0 0 {width:.0f} {top:.0f}", **size)


def _svg(chart: Chart, look: Look, alone: bool) -> str:
    drawn = _drawn(chart, look, WIDTH, alone)
    height = drawn.bottom + 6.0
    behind = [rectangle(0.0, 0.0, WIDTH, height, look.background)] if look.background else []
    size = {"width": "800", "height": f"{2 * height:.0f}", "font_family": look.font} if look.font else {}
    content = "\n".join([*_said(chart), *behind, *drawn.markup])
    return element("svg", content, xmlns=_XMLNS, viewBox=f"0 0 {WIDTH:.0f} {height:.0f}", **_about(chart), **size)


def _said(chart: Chart) -> list[str]:
    """What a chart says to who does not see it. Several stand in one page, so ids have the chart's name."""
    title, described = clean(chart.title), clean(description(chart))
    ids = _ids(chart)
    return [element("title", title, id=ids[0]), element("desc", described, id=ids[1])]


def _about(chart: Chart) -> dict[str, str]:
    return {"aria_labelledby": " ".join(_ids(chart)), "role": "img"}


def _ids(chart: Chart) -> tuple[str, str]:
    return f"chart-{chart.name}-title", f"chart-{chart.name}-description"


def _drawn(chart: Chart, look: Look, width: float, alone: bool) -> Drawn:
    markup, top = _heading(chart, look, width) if alone else Drawn([], 4.0)
    body = Drawn(*draw_bars(chart, look, top, width)) if chart.x.names else _plot(chart, look, top, width)
    legend = _legend(chart, look, body.bottom, width)
    notes = _notes(chart, look, legend.bottom, width) if alone else Drawn([], legend.bottom)
    return Drawn([*markup, *body.markup, *legend.markup, *notes.markup], notes.bottom)


def _heading(chart: Chart, look: Look, width: float) -> Drawn:
    lines = wrapped(chart.title, width - 16, SIZE + 2)
    markup = [text_at(8.0, 18 + i * 1.3 * (SIZE + 2), one, look.text, size=SIZE + 2) for i, one in enumerate(lines)]
    return Drawn(markup, 10 + len(lines) * 1.3 * (SIZE + 2))


def _notes(chart: Chart, look: Look, top: float, width: float) -> Drawn:
    lines = [one for note in chart.notes for one in wrapped(note, width - 16, SIZE - 1)]
    markup = [text_at(8.0, top + 12 + i * _LINE, one, look.muted, size=SIZE - 1) for i, one in enumerate(lines)]
    return Drawn(markup, top + len(lines) * _LINE + (8 if lines else 0))


def _plot(chart: Chart, look: Look, top: float, width: float) -> Drawn:
    """Two numeric axes with what is on them; the y axis' title stands above it, where it can be read."""
    xs = [point.x for series in chart.series for point in series.points]
    # SVG counts y from the top: the scale's lowest value is at the larger coordinate.
    titles = wrapped(chart.y.title, width - 16)
    above, bottom = top + 4 + len(titles) * _LINE, top + 4 + len(titles) * _LINE + _PLOT
    y = scale_of(chart.y, chart.values, (bottom, above))
    # The widest number decides where the plot begins.
    left = 12 + max(width_of(y.text(tick)) for tick in y.ticks)
    x = scale_of(chart.x, xs, (left, width - 16))
    markup = [text_at(8.0, top + 8 + i * _LINE, one, look.text) for i, one in enumerate(titles)]
    for tick in y.ticks:
        markup.append(line(left, y(tick), width - 16, y(tick), look.grid))
        markup.append(text_at(left - 5, y(tick) + 4, y.text(tick), look.muted, "end"))
    for tick in x.ticks:
        markup.append(line(x(tick), bottom, x(tick), bottom + 4, look.muted))
        markup.append(text_at(x(tick), bottom + 16, x.text(tick), look.muted, "middle"))
    markup.append(line(left, bottom, width - 16, bottom, look.muted))
    numbers = _numbers(chart)
    for series, number in zip(chart.series, numbers):
        markup += _series(chart, series, number, (x, y), look)
    names = wrapped(chart.x.title, width - left)
    middle = (left + width - 16) / 2
    markup += [text_at(middle, bottom + 32 + i * _LINE, one, look.text, "middle") for i, one in enumerate(names)]
    return Drawn(markup, bottom + 24 + len(names) * _LINE)


def _series(chart: Chart, series: Series, number: int, axes: tuple[Scale, Scale], look: Look) -> list[str]:
    x, y = axes
    there = [(x(point.x), y(point.y), point) for point in series.points if point.y is not None]
    if series.kind == "cloud":
        return [element("circle", cx=a, cy=b, r=1.6, fill=look.muted, fill_opacity="0.5") for a, b, _ in there]
    markup = []
    for a, _, point in there:
        if point.low is not None and point.high is not None:
            markup.append(line(a, y(point.low), a, y(point.high), look.colour(series.colour)))
    if series.kind == "line":
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b, _ in there)
        dash = {"stroke_dasharray": _dash(series, number)} if _dash(series, number) else {}
        stroke = look.colour(series.colour)
        markup.append(element("polyline", points=path, fill="none", stroke=stroke, stroke_width=1.8, **dash))
    if series.kind == "marks" or series.dots:
        # Marks differ in shape as well as in colour, so that print and colour-blind readers can tell them.
        radius = 4.5 if series.kind == "marks" else 2.8
        shape = number if series.kind == "marks" else 0
        for a, b, point in there:
            tip = point_text(chart, series, point)
            markup.append(sign(a, b, shape, look, series.colour, tip, radius))
    return markup


def _numbers(chart: Chart) -> list[int]:
    """The number of each series among those drawn alike, which chooses its dashes or its sign."""
    counts: dict[str, int] = {}
    numbers = []
    for series in chart.series:
        key = f"{series.kind} {series.colour < 0}"
        numbers.append(counts.get(key, 0))
        counts[key] = numbers[-1] + 1
    return numbers


def _dash(series: Series, number: int) -> str:
    return "2 3" if series.colour < 0 else DASHES[number % len(DASHES)]


def _legend(chart: Chart, look: Look, top: float, most: float) -> Drawn:
    """Samples with names, as many in a line as fit."""
    if len(chart.series) == 1 and not chart.series[0].name:
        return Drawn([], top)
    markup, x, y = [], 8.0, top + 14
    for series, number in zip(chart.series, _numbers(chart)):
        lines = wrapped(series.name, most - 24 - _SAMPLE)
        width = _SAMPLE + max(map(width_of, lines)) + 14
        if x > 8.0 and x + width > most:
            x, y = 8.0, y + 1.4 * SIZE
        markup += _sample(series, number, (x, y - 4), look)
        for i, one in enumerate(lines):
            markup.append(text_at(x + _SAMPLE, y + i * _LINE, one, look.text))
        y += (len(lines) - 1) * _LINE
        x += width
    return Drawn(markup, y + 6)


def _sample(series: Series, number: int, at: tuple[float, float], look: Look) -> list[str]:
    x, y = at
    colour = look.colour(series.colour)
    if series.kind == "bars":
        return [rectangle(x + 2, y - 4, 14.0, 8.0, colour)]
    if series.kind == "cloud":
        return [element("circle", cx=x + 9, cy=y, r=1.6, fill=look.muted)]
    if series.kind == "marks":
        return [sign(x + 9, y, number, look, series.colour)]
    dots = [sign(x + 9, y, 0, look, series.colour, radius=2.8)] if series.dots else []
    return [line(x, y, x + 18, y, colour, 1.8, _dash(series, number)), *dots]
