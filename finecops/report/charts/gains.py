"""The gains of SFA and CRS over the MLLM alone as charts: over visual tokens and recall, and by groups of positives."""

from __future__ import annotations

from collections.abc import Sequence

from finecops.evaluation.gain_groups import ALL, COUNTED, KIND, LEVEL, SIZE
from finecops.evaluation.gains import Gain, Gains, RecallGain
from finecops.report.charts.chart import MUTED, Axis, Chart, Point, Series

_Y = Axis("gain over the MLLM alone (points of precision@1)")
_INTERVALS = "Lines are paired 95% bootstrap intervals."


def gain_charts(found: Gains) -> list[Chart]:
    """What the runs have: over visual tokens (of several budgets), over recall, by size, things of a kind and level.

    Groups are those of the first run. Without scene graphs there is the chart of the instances that the router counted.
    """
    strategies = list(dict.fromkeys(row.strategy for row in found.gains))
    first = [row for row in found.gains if row.run == found.runs[0]]
    where = f", {first[0].visual_tokens} visual tokens" if first[0].visual_tokens is not None else ""
    over_tokens = _over_tokens(found, strategies)
    titles = {SIZE: "the target's size", KIND: "the number of things of its kind", COUNTED: COUNTED, LEVEL: LEVEL}
    bars = [
        _bars(condition, f"By {title}{where}", [row for row in first if row.condition == condition], strategies)
        for condition, title in titles.items()
        if any(row.condition == condition for row in first)
    ]
    # Charts of two numeric axes first, so that those of a row are about as high.
    return [*over_tokens, *_over_recall(found, len(strategies) + 1), *bars]


def _over_tokens(found: Gains, strategies: Sequence[str]) -> list[Chart]:
    rows = sorted(
        (row for row in found.gains if row.condition == ALL and row.visual_tokens is not None),
        key=lambda row: row.visual_tokens or 0,
    )
    budgets = sorted({row.visual_tokens for row in rows if row.visual_tokens is not None})
    if len(budgets) < 2:
        return []
    series = [
        _line(name, [(float(r.visual_tokens or 0), r) for r in rows if r.strategy == name], colour)
        for colour, name in enumerate(strategies)
    ]
    # The loss is the MLLM's own, the same beside every strategy.
    losses = {row.visual_tokens or 0: row.localisation_loss for row in rows}
    points = tuple(Point(float(tokens), loss) for tokens, loss in losses.items())
    ends = (float(budgets[0]), float(budgets[-1]))
    series += [Series("what the MLLM loses by localisation", points, "line", len(strategies), dots=True), _zero(ends)]
    notes = (f"n = {found.positives} positives. {_INTERVALS}",)
    return [
        Chart("gain-tokens", "By visual tokens of the MLLM", Axis("visual tokens", *ends), _Y, tuple(series), notes)
    ]


def _over_recall(found: Gains, colour: int) -> list[Chart]:
    """A line for each run; `colour` is the first that no strategy has."""
    keys = list(dict.fromkeys((row.run, row.strategy) for row in found.recalls))
    if not keys:
        return []
    series, k = [], found.recalls[0].topk
    for i, (run, strategy) in enumerate(keys):
        rows = [row for row in found.recalls if (row.run, row.strategy) == (run, strategy)]
        tokens = rows[0].visual_tokens
        name = strategy if len(keys) == 1 else f"{strategy}, {run if tokens is None else f'{tokens} tokens'}"
        series.append(_line(name, [(row.recall, row) for row in rows], colour + i))
    recalls = [row.recall for row in found.recalls]
    series.append(_zero((min(recalls), max(recalls))))
    notes = ("The last point of each line is measured; the others leave candidates out at random.", _INTERVALS)
    axis = Axis(f"candidate recall@{k} (%)", high=100.0)
    return [Chart("gain-recall", "By the specialist's candidate recall", axis, _Y, tuple(series), notes)]


def _line(name: str, rows: Sequence[tuple[float, Gain | RecallGain]], colour: int) -> Series:
    points = tuple(Point(x, row.gain, row.ci_low, row.ci_high, row.n) for x, row in rows)
    return Series(name, points, "line", colour, dots=True)


def _zero(ends: tuple[float, float]) -> Series:
    return Series("MLLM alone", tuple(Point(x, 0.0) for x in ends), colour=MUTED)


def _bars(condition: str, title: str, rows: Sequence[Gain], strategies: Sequence[str]) -> Chart:
    groups = {row.group: row.n for row in rows}
    at = {group: i for i, group in enumerate(groups)}
    series = tuple(
        Series(
            strategy,
            tuple(
                Point(at[row.group], row.gain, row.ci_low, row.ci_high, row.n)
                for row in rows
                if row.strategy == strategy
            ),
            "bars",
            colour,
        )
        for colour, strategy in enumerate(strategies)
    )
    axis = Axis("", names=tuple(groups), details=tuple(f"n = {n}" for n in groups.values()))
    name = f"gain-{condition.replace(' ', '-')}"
    return Chart(name, title, axis, _Y, series, (_INTERVALS,))
