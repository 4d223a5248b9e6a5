"""Charts with matplotlib (extra `plot`): one, or several beside each other, as PNG, PDF or SVG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

import numpy as np

from finecops.errors import ConfigError, UsageError
from finecops.install import install_line
from finecops.report.charts.chart import Chart, Series
from finecops.report.charts.palette import FILE
from finecops.report.charts.scale import scale_of
from finecops.report.charts.words import number_text
from finecops.text import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".pdf", ".svg")
_DASHES = ("-", "--", ":", "-.")
_SIGNS = ("o", "s", "D", "^", "*")
_WIDTH, _HEIGHT = 6.4, 4.6
"""Inches of one chart."""
_LEGEND = 38
"""Points from the axes down to the legend: the ticks and the title of the axis are between."""
_LINE, _NAME = 84, 26
"""Characters of a line of notes, and of a name of bars."""


def check_figure_path(path: Path) -> None:
    """
    Raises:
        UsageError: the path has another suffix than .png, .pdf or .svg.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{path}: a figure is written as {', '.join(SUFFIXES)}")


def save_figure(charts: Sequence[Chart], path: Path) -> None:
    """Write charts as one .png, .pdf or .svg, two in a row.

    Raises:
        UsageError: the path has another suffix.
        ConfigError: matplotlib is not installed.
    """
    check_figure_path(path)
    figure = figure_of(charts)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Without the date, the same charts give the same bytes.
    dated = {".png": {}, ".pdf": {"CreationDate": None}, ".svg": {"Date": None}}[path.suffix.lower()]
    figure.savefig(path, dpi=150, bbox_inches="tight", metadata=dated)


def figure_of(charts: Sequence[Chart]) -> Figure:
    """Charts as a figure that no window shows, with their notes below.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    figure = _empty(min(len(charts), 2) * _WIDTH, sum(max(map(_height, pair)) for pair in _pairs(charts)))
    rows = _pairs(charts)
    grid = figure.subplots(
        len(rows), len(rows[0]), squeeze=False, height_ratios=[max(map(_height, pair)) for pair in rows]
    )
    for axes in grid.flat[len(charts) :]:
        axes.set_axis_off()
    for axes, chart in zip(grid.flat, charts):
        _draw(axes, chart)
    return figure


def _pairs(charts: Sequence[Chart]) -> list[Sequence[Chart]]:
    return [charts[i : i + 2] for i in range(0, len(charts), 2)]


def _height(chart: Chart) -> float:
    """Inches, which bars need by their number, the legend and the notes by their lines."""
    below = 0.2 * (len(chart.series) + sum(1 + len(note) // _LINE for note in chart.notes))
    if chart.x.names:
        return 1.3 + 0.19 * len(chart.x.names) * (len(chart.series) + 0.8) + below
    return _HEIGHT + below


def _empty(width: float, height: float) -> Figure:
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise ConfigError(f"figures as PNG or PDF need matplotlib: {install_line('plot')}") from None
    figure = Figure(figsize=(width, height), layout="constrained")
    # Without pyplot, which would open windows and keep every figure.
    FigureCanvasAgg(figure)
    return figure


def _draw(axes: Axes, chart: Chart) -> None:
    axes.set_title(_plain(chart.title), fontsize="medium", wrap=True)
    axes.grid(axis="x" if chart.x.names else "y", color=FILE.grid, linewidth=0.5)
    axes.set_axisbelow(True)
    if chart.x.names:
        _bars(axes, chart)
    else:
        _plot(axes, chart)
    axes.set_xlabel(_plain(chart.y.title if chart.x.names else chart.x.title))
    _below(axes, chart)


def _below(axes: Axes, chart: Chart) -> None:
    """The legend and the notes, at distances in points: charts have different heights."""
    from matplotlib.transforms import ScaledTranslation

    named = len(chart.series) > 1 or bool(chart.series[0].name)
    if named:
        down = ScaledTranslation(0, -_LEGEND / 72, axes.figure.dpi_scale_trans)
        place = axes.transAxes + down
        axes.legend(
            fontsize="small", loc="upper left", frameon=False, borderaxespad=0.0, bbox_to_anchor=(0.0, 0.0),
            bbox_transform=place,
        )  # fmt: skip
    notes = "\n".join(_plain(line) for note in chart.notes for line in wrap(note, _LINE))
    at = (0, -(_LEGEND + (14 * len(chart.series) if named else 0) + 6))
    axes.annotate(
        notes, (0, 0), at, "axes fraction", "offset points", fontsize="x-small", va="top", color=FILE.muted
    )  # fmt: skip


def _plot(axes: Axes, chart: Chart) -> None:
    xs = [point.x for series in chart.series for point in series.points]
    x, y = scale_of(chart.x, xs, (0, 1)), scale_of(chart.y, chart.values, (0, 1))
    counts: dict[str, int] = {}
    for series in chart.series:
        key = f"{series.kind} {series.colour < 0}"
        number = counts.get(key, 0)
        counts[key] = number + 1
        _series(axes, series, number)
    # What lies on the border is seen whole.
    margins = [0.02 * (scale.high - scale.low) for scale in (x, y)]
    axes.set_xlim(x.low - margins[0], x.high + margins[0])
    axes.set_ylim(y.low - margins[1], y.high + margins[1])
    axes.set_ylabel(_plain(chart.y.title))


def _series(axes: Axes, series: Series, number: int) -> None:
    there = [(point, point.y) for point in series.points if point.y is not None]
    xs, ys = [p.x for p, _ in there], [y for _, y in there]
    colour, label = FILE.colour(series.colour), _plain(series.name)
    if series.kind == "cloud":
        axes.scatter(xs, ys, s=5, color=colour, alpha=0.5, label=label)
    elif series.kind == "marks":
        axes.scatter(xs, ys, s=45, color=colour, marker=_SIGNS[number % len(_SIGNS)], zorder=3, label=label)
    else:
        dashes = ":" if series.colour < 0 else _DASHES[number % len(_DASHES)]
        axes.plot(xs, ys, color=colour, linestyle=dashes, marker="o" if series.dots else None, ms=4, label=label)
    for p, _ in there:
        if p.low is not None and p.high is not None:
            axes.vlines(p.x, p.low, p.high, color=colour, linewidth=1)


def _bars(axes: Axes, chart: Chart) -> None:
    # A group of bars takes 0.8 of the distance between two groups.
    most = max(len(chart.bars_at(i)) for i in range(len(chart.x.names)))
    height = 0.8 / max(most, 1)
    scale = scale_of(chart.y, chart.values, (0, 1), most=5)
    named: set[str] = set()
    for i in range(len(chart.x.names)):
        some = chart.bars_at(i)
        for j, (series, point) in enumerate(some):
            if point.y is None:
                continue
            at, colour = i + (j - (len(some) - 1) / 2) * height, FILE.colour(series.colour)
            # The legend names a series once, not each of its bars.
            label = None if series.name in named else _plain(series.name)
            named.add(series.name)
            axes.barh(at, point.y - point.base, 0.9 * height, point.base, color=colour, label=label)
            if point.low is not None and point.high is not None:
                axes.hlines(at, point.low, point.high, color=FILE.text, linewidth=1)
            end = (max(point.y, point.high or 0.0), at)
            number = number_text(chart, point)
            axes.annotate(number, end, (3, 0), textcoords="offset points", fontsize="x-small", va="center")
    details = [*chart.x.details, *[""] * len(chart.x.names)]
    lines = [[*wrap(name, _NAME), *wrap(detail, _NAME)] for name, detail in zip(chart.x.names, details)]
    labels = ["\n".join(map(_plain, some)) for some in lines]
    axes.set_yticks(np.arange(len(labels)), labels, fontsize="small")
    axes.margins(y=0.01)
    axes.invert_yaxis()
    axes.set_xlim(scale.low, scale.high + 0.08 * (scale.high - scale.low))


def _plain(text: str) -> str:
    """A text that matplotlib takes as it is: a dollar would begin a formula."""
    return "\n".join(map(printable, text.splitlines())).replace("$", r"\$")
