"""Figures of results: bars by subset and method, risk over coverage, reliability, the routing sweep, curves.

Small functions from tidy data to a matplotlib `Figure`. Each axis has its unit, each series its n, each value its
interval where there is one; colours differ for colour-blind people too. matplotlib comes with the extra `plot`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from finecops.errors import ConfigError, UsageError
from finecops.evaluation.results import Evaluation, MethodResult
from finecops.evaluation.sweep import Sweep
from finecops.install import install_line
from finecops.metrics.answers import Floats
from finecops.metrics.arrays import Bools
from finecops.metrics.dictionary import title_of_value
from finecops.metrics.selective import curve_points
from finecops.metrics.values import EVERYTHING, MetricValue, Subset

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

OKABE_ITO: Final = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442", "#000000")
"""Eight colours that people with any common colour blindness tell apart (Okabe and Ito, 2008)."""
FILES: Final = (".png", ".pdf", ".svg")
_SIZE = (6.4, 4.0)


class Series(NamedTuple):
    """One line of a plot, with a name for its legend."""

    name: str
    x: Sequence[float]
    y: Sequence[float]


def check_figure_path(path: Path) -> None:
    """
    Raises:
        UsageError: the path has another suffix than .png, .pdf or .svg.
    """
    if path.suffix.lower() not in FILES:
        raise UsageError(f"{path}: a figure is written as {', '.join(FILES)}")


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as .png, .pdf or .svg.

    Raises:
        UsageError: the path has another suffix.
    """
    check_figure_path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150, bbox_inches="tight")


def bars_figure(evaluation: Evaluation, metric: str, subsets: Mapping[str, Subset] | None = None) -> Figure:
    """A metric by subset and method, with bootstrap intervals where the evaluation has them.

    Args:
        metric: the name of a value ("precision@1").
        subsets: the label of each group of bars and its subset; all and each level if not given.

    Raises:
        ConfigError: no method has a value of it.
    """
    found = [{v.subset: v for v in m.values if v.metric == metric and not v.calibrated} for m in evaluation.methods]
    levels = sorted({s.level for values in found for s in values if s.kind is None and s.level is not None})
    shown = subsets or {"all": EVERYTHING, **{f"level {level}": Subset(level=level) for level in levels}}
    if not any(subset in values for values in found for subset in shown.values()):
        raise ConfigError(f"{evaluation.title} has no {metric}")
    figure, axes = _new(f"{title_of_value(metric)}, {evaluation.dataset.name}", "", f"{title_of_value(metric)} (%)")
    # A group of bars takes 0.8 of the distance between two groups.
    width = 0.8 / len(evaluation.methods)
    for i, (method, values, colour) in enumerate(zip(evaluation.methods, found, cycle(OKABE_ITO))):
        at = [j + (i - (len(found) - 1) / 2) * width for j in range(len(shown))]
        _bars(
            axes,
            at=at,
            values=[values.get(subset) for subset in shown.values()],
            width=width,
            colour=colour,
            name=_named(method, values),
        )
    # Methods may have answered different shares; then a group of bars has several n.
    counts = [{values[subset].n for values in found if subset in values} for subset in shown.values()]
    labels = [f"{name}\nn = {' / '.join(map(str, sorted(n)))}" for name, n in zip(shown, counts)]
    axes.set_xticks(np.arange(len(shown)), labels)
    # Rates from 0 to 100: a cut axis makes small differences look large.
    axes.set_ylim(0, 100)
    figure.legend(loc="outside lower center", fontsize="small")
    return figure


def _named(method: MethodResult, values: Mapping[Subset, MetricValue]) -> str:
    with_interval = any(value.ci_low is not None for value in values.values())
    return method.title + (", 95% interval" if with_interval else "")


def _bars(
    axes: Axes, at: Sequence[float], values: Sequence[MetricValue | None], width: float, colour: str, name: str
) -> None:
    height = [value.value or 0.0 if value is not None else 0.0 for value in values]
    axes.bar(at, height, width, color=colour, label=name)
    for x, value in zip(at, values):
        if value is not None and value.ci_low is not None and value.ci_high is not None:
            axes.vlines(x, value.ci_low, value.ci_high, color="#333333", linewidth=1)


def risk_coverage_figure(methods: Mapping[str, tuple[Floats, Bools]], title: str = "") -> Figure:
    """Risk among the answers of highest confidence, over their share.

    Args:
        methods: by name the confidence and the wrong answers, `[n]` each
            (`finecops.metrics.selective.answer_confidence`, `wrong_answers`).
    """
    series = []
    for name, (confidence, wrong) in methods.items():
        points = curve_points(confidence, wrong, points=100)
        series.append(Series(f"{name} (n = {len(wrong)})", *_xy(points, "coverage", "risk")))
    return line_figure(series, title=title, x="coverage (% of samples)", y="risk (% wrong)")


def _xy(points: Sequence[Mapping[str, float]], x: str, y: str) -> tuple[list[float], list[float]]:
    return [point[x] for point in points], [point[y] for point in points]


def reliability_figure(methods: Mapping[str, tuple[Floats, Bools]], title: str = "", bins: int = 15) -> Figure:
    """How often answers are right, over the score they have; on the diagonal scores are probabilities.

    Args:
        methods: by name the score of each answer with a box and whether it is right, `[n]` each.
        bins: parts of equal size.
    """
    series = []
    for name, (confidence, right) in methods.items():
        # Bins of equal size: none is empty, whatever the scores are.
        parts = np.array_split(np.argsort(confidence, kind="stable"), min(bins, max(len(confidence), 1)))
        parts = [part for part in parts if len(part)]
        x = [100 * float(confidence[part].mean()) for part in parts]
        y = [100 * float(right[part].mean()) for part in parts]
        series.append(Series(f"{name} (n = {len(right)})", x, y))
    figure = line_figure(series, title=title, x="score (%)", y="right answers (%)", marker="o")
    (axes,) = figure.axes
    axes.plot([0, 100], [0, 100], color="#999999", linestyle=":", linewidth=1, label="a score that is a probability")
    axes.legend(fontsize="small")
    return figure


def sweep_figure(found: Sweep, title: str = "") -> Figure:
    """Precision@1 over the share of samples that the MLLM answers: every rule, those that no other beats, each pathway
    alone, and the oracle."""
    named = f"{title} (n = {found.n} positives)".strip()
    figure, axes = _new(named, "samples sent to the MLLM (%)", "precision@1 on positives (%)")
    blue, orange, green, red = OKABE_ITO[:4]
    x, y = ([getattr(rule, name) for rule in found.rules] for name in ("to_mllm", "precision_at_1"))
    axes.scatter(x, y, s=8, color="#BBBBBB", label=f"{len(found.rules)} rules")
    x, y = ([getattr(rule, name) for rule in found.front] for name in ("to_mllm", "precision_at_1"))
    axes.plot(x, y, color=blue, marker="o", markersize=4, label="Pareto front")
    axes.scatter([0], [found.specialist], color=orange, marker="s", zorder=3, label="specialist alone")
    axes.scatter([100], [found.mllm], color=green, marker="D", zorder=3, label="MLLM alone")
    best = found.oracle
    label = "oracle (share of positives)"
    axes.scatter([best.to_mllm_of_positives], [best.precision_at_1], color=red, marker="*", s=90, label=label)
    axes.legend(fontsize="small")
    return figure


def line_figure(series: Sequence[Series], title: str, x: str, y: str, marker: str | None = None) -> Figure:
    """Lines over a common axis, in colours and dashes that differ; a legend if there are several.

    Args:
        x, y: what the axes are, with units.
        marker: matplotlib's sign for each point; none if not given.
    """
    figure, axes = _new(title, x, y)
    # Dashes too, so that lines differ in print without colour.
    for line, colour, dashes in zip(series, cycle(OKABE_ITO), cycle(("-", "--", "-.", ":"))):
        axes.plot(line.x, line.y, color=colour, linestyle=dashes, marker=marker, markersize=4, label=line.name)
    if len(series) > 1:
        axes.legend(fontsize="small")
    return figure


def empty_figure(size: tuple[float, float] = _SIZE) -> Figure:
    """A figure without axes that no window shows.

    Args:
        size: width and height in inches.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise ConfigError(f"figures need matplotlib: {install_line('plot')}") from None
    figure = Figure(figsize=size, layout="constrained")
    # Without pyplot, which would open windows and keep every figure.
    FigureCanvasAgg(figure)
    return figure


def name_axes(axes: Axes, title: str, x: str, y: str) -> None:
    """Title, labels and a light grid."""
    axes.set_title(title, fontsize="medium")
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(axis="y", color="#DDDDDD", linewidth=0.5)
    axes.set_axisbelow(True)


def _new(title: str, x: str, y: str) -> tuple[Figure, Axes]:
    figure = empty_figure()
    axes = figure.add_subplot()
    name_axes(axes, title, x, y)
    return figure, axes
