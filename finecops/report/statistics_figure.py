"""Statistics of datasets as one figure: samples, negatives, words per expression, sizes of targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np

from finecops.datasets.statistics import SIDE_BINS, WORD_BINS, SplitStatistics
from finecops.report.figures import OKABE_ITO, empty_figure, name_axes
from finecops.report.statistics import bin_names, titles_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SIZE = (10.0, 7.5)


def statistics_figure(splits: Sequence[SplitStatistics]) -> Figure:
    """Four parts: samples by kind and level; negatives by type; words per expression; √area of targets.

    Every split has its colour and its n. A part that has nothing to show says so.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    figure = empty_figure(_SIZE)
    samples, negatives, words, sides = figure.subplots(2, 2).flat
    _bars(samples, [_samples(split) for split in splits])
    name_axes(samples, "Samples", "", "samples")
    _bars(negatives, [_negatives(split) for split in splits])
    name_axes(negatives, "Negatives by type", "", "samples")
    _shares(words, [split.word_counts for split in splits], WORD_BINS)
    name_axes(words, "Words per expression", "words", "expressions (%)")
    _shares(sides, [split.side_counts for split in splits], SIDE_BINS)
    name_axes(sides, "Targets", "√area (pixels)", "positives (%)")
    labels = [f"{name} (n = {split.samples})" for name, split in zip(titles_of(splits), splits)]
    # Bars and lines of a split have one colour in all parts, so one legend is enough.
    figure.legend(words.lines, labels, loc="outside lower center", ncols=3, fontsize="small")
    return figure


def _samples(split: SplitStatistics) -> dict[str, int]:
    """Positives by level, then the kinds of negatives."""
    levels = {"positives" if level is None else f"level {level}": n for level, n in split.levels.items()}
    rest = {
        "neg.\nexpressions": split.negative_expressions,
        "neg.\nimages": split.negative_images,
        "other\nnegatives": split.other_negatives,
        "unknown": split.unknown,
    }
    return levels | {name: n for name, n in rest.items() if n}


def _negatives(split: SplitStatistics) -> dict[str, int]:
    """By kind and type, levels together."""
    found: dict[str, int] = {}
    for (kind, type_, _), n in split.negatives.items():
        name = f"{kind or '?'} {type_ or '?'}".replace("_", " ")
        found[name] = found.get(name, 0) + n
    return found


def _bars(axes: Axes, counts: Sequence[Mapping[str, int]]) -> None:
    names = list(dict.fromkeys(name for one in counts for name in one))
    if not names:
        axes.text(0.5, 0.5, "none", ha="center", transform=axes.transAxes)
        return
    # A group of bars takes 0.8 of the distance between two groups.
    width = 0.8 / len(counts)
    for i, (one, colour) in enumerate(zip(counts, cycle(OKABE_ITO))):
        at = [j + (i - (len(counts) - 1) / 2) * width for j in range(len(names))]
        axes.bar(at, [one.get(name, 0) for name in names], width, color=colour)
    many = len(names) > 6
    axes.set_xticks(
        np.arange(len(names)), names, rotation=45 if many else 0, ha="right" if many else "center", fontsize="small"
    )


def _shares(axes: Axes, counts: Sequence[Sequence[int]], bins: Sequence[int]) -> None:
    """Shares of each bin in per cent; the scale is that of the bins, which are not equally wide."""
    for one, colour in zip(counts, cycle(OKABE_ITO)):
        n = sum(one)
        axes.plot(range(len(bins)), [100 * v / n if n else 0.0 for v in one], color=colour, marker="o", markersize=4)
    axes.set_xticks(np.arange(len(bins)), bin_names(bins), rotation=45, fontsize="small")
    axes.set_ylim(bottom=0)
