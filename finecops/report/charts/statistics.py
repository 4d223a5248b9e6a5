"""Statistics of datasets as charts: samples, negatives, words per expression, sizes of targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from finecops.datasets.statistics import SIDE_BINS, WORD_BINS, SplitStatistics
from finecops.report.charts.chart import Axis, Chart, Charts, Missing, Point, Series
from finecops.report.statistics import bin_names, titles_of

_Shares = Sequence[Mapping[str, float]]


def statistics_charts(splits: Sequence[SplitStatistics]) -> Charts:
    """Samples by kind and level; negatives by type; words per expression; √area of targets. A colour a split."""
    words = [_shares(split.word_counts, WORD_BINS) for split in splits]
    sides = [_shares(split.side_counts, SIDE_BINS) for split in splits]
    return Charts.of(
        [
            _bars("samples", "Samples", splits, [_samples(split) for split in splits], "samples"),
            _bars("negatives", "Negatives by type", splits, [_negatives(split) for split in splits], "samples"),
            _bars("words", "Words per expression", splits, words, "expressions (%)"),
            _bars("targets", "Sizes of targets: √area in pixels", splits, sides, "positives (%)"),
        ]
    )


def _bars(name: str, title: str, splits: Sequence[SplitStatistics], found: _Shares, unit: str) -> Chart | Missing:
    names = tuple(dict.fromkeys(key for one in found for key in one))
    if not names:
        return Missing(name, title, "no split has any")
    labels = [f"{label} (n = {split.samples})" for label, split in zip(titles_of(splits), splits)]
    series = tuple(
        Series(label, tuple(Point(at, one.get(key, 0.0)) for at, key in enumerate(names)), "bars", i)
        for i, (label, one) in enumerate(zip(labels, found))
    )
    return Chart(name, title, Axis("", names=names), Axis(unit, 0.0), series)


def _samples(split: SplitStatistics) -> dict[str, float]:
    """Positives by level, then the kinds of negatives."""
    levels = {"positives" if level is None else f"level {level}": float(n) for level, n in split.levels.items()}
    rest = {
        "negative expressions": split.negative_expressions,
        "negative images": split.negative_images,
        "other negatives": split.other_negatives,
        "unknown": split.unknown,
    }
    return levels | {name: float(n) for name, n in rest.items() if n}


def _negatives(split: SplitStatistics) -> dict[str, float]:
    """By kind and type, levels together."""
    found: dict[str, float] = {}
    for (kind, type_, _), n in split.negatives.items():
        name = f"{kind or '?'} {type_ or '?'}".replace("_", " ")
        found[name] = found.get(name, 0.0) + n
    return found


def _shares(counts: Sequence[int], bins: Sequence[int]) -> dict[str, float]:
    """Per cent in each bin; nothing where nothing was counted."""
    n = sum(counts)
    return {name: 100 * count / n for name, count in zip(bin_names(bins), counts)} if n else {}
