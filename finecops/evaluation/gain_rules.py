"""The rules of thumb that follow from gains: above which localisation loss and candidate recall a strategy pays.

Every number in them is computed from the runs, and where none follows, that is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from finecops.metrics.answers import Floats, Ints
from finecops.metrics.arrays import Bools
from finecops.metrics.intervals import percentiles, ratio_replicates
from finecops.records import Record

FEWEST_GROUPS: Final = 3
"""A line through fewer points says nothing of whether they lie on it."""
_CLEAR: Final = 0.975
"""In so many replicates the gain must rise with the loss."""


class LossRule(Record):
    """Above which localisation loss of the MLLM a strategy gains: where the line of gain over loss crosses zero."""

    strategy: str
    groups: int
    """How many points the line is through: sizes of targets in each run."""
    lowest_loss: float
    highest_loss: float
    """Of these groups, per cent of the targets that the MLLM finds."""
    slope: float | None
    """Points of gain for each point of loss; None where all groups have the same loss."""
    threshold: float | None
    """In per cent of the targets that the MLLM finds; None where no threshold follows."""
    ci_low: float | None = None
    """Of the threshold's 95% bootstrap interval."""
    ci_high: float | None = None
    below: float | None = None
    above: float | None = None
    """The losses of the groups next to the threshold: between them nothing was seen."""
    agree: int | None = None
    """In how many of the groups the strategy gains above the threshold and does not below it."""
    sentence: str


class RecallRule(Record):
    """Above which candidate recall a choice among candidates gains."""

    run: str
    visual_tokens: int | None
    strategy: str
    topk: int
    measured: float
    """The recall as it is, per cent."""
    threshold: float | None
    """Where the gain crosses zero, per cent; None where it does not."""
    sentence: str


@dataclass(frozen=True)
class Cell:
    """One group of positives in one run; values are per sample, in per cent.

    Attributes:
        members: `[n]`.
        found: `[n]`, what the MLLM finds.
        lost: `[n]`, what it finds without being right.
        gain: `[n]`, the strategy minus the MLLM.
    """

    members: Bools
    found: Floats
    lost: Floats
    gain: Floats


def loss_rule(strategy: str, cells: Sequence[Cell], clusters: Ints) -> LossRule:
    """The rule of a strategy from groups in which the MLLM finds something, and whose losses differ.

    The line is that of least squares, a group counting as much as it has samples. It is drawn anew in every replicate
    of the bootstrap, so that the threshold has an interval; groups of all runs see the same draws.
    """
    loss = np.array([100 * cell.lost[cell.members].sum() / cell.found[cell.members].sum() for cell in cells])
    gain = np.array([cell.gain[cell.members].mean() for cell in cells])
    sizes = np.array([float(cell.members.sum()) for cell in cells])
    slope, crossing = _line(loss[None], gain[None], sizes)
    rule = LossRule(
        strategy=strategy,
        groups=len(cells),
        lowest_loss=float(loss.min()),
        highest_loss=float(loss.max()),
        slope=float(slope[0]) if np.isfinite(slope[0]) else None,
        threshold=None,
        sentence="",
    )
    # Without a sign that changes there is no threshold between the groups, whatever a line says.
    interval = None
    if 0 < (gain > 0).sum() < len(cells) and len(cells) >= FEWEST_GROUPS:
        slopes, crossings = _line(*_replicates(cells, clusters), sizes)
        rises, inside = float((slopes > 0).mean()), rule.lowest_loss <= float(crossing[0]) <= rule.highest_loss
        interval = percentiles(crossings[slopes > 0]) if rises >= _CLEAR and inside else None
    if interval is None:
        return rule.model_copy(update={"sentence": _without_threshold(rule, gain)})
    threshold = float(crossing[0])
    agree = int(((gain > 0) == (loss > threshold)).sum())
    below, above = float(loss[loss <= threshold].max()), float(loss[loss >= threshold].min())
    # Of a share there is neither less than nothing nor more than everything.
    low, high = float(np.clip(interval.low, 0, 100)), float(np.clip(interval.high, 0, 100))
    sentence = (
        f"{strategy} pays where the MLLM loses more than {threshold:.1f}% of the targets that it finds by localisation "
        f"(95% interval {low:.1f} to {high:.1f}; {agree} of {len(cells)} groups agree; the groups next to it lose "
        f"{below:.1f} and {above:.1f}%)."
    )
    found = {"threshold": threshold, "ci_low": low, "ci_high": high, "below": below, "above": above, "agree": agree}
    return rule.model_copy(update=found | {"sentence": sentence})


def _without_threshold(rule: LossRule, gain: Floats) -> str:
    """Why no threshold follows, in a sentence."""
    low, high, several = f"{rule.lowest_loss:.1f}", f"{rule.highest_loss:.1f}", rule.groups > 1
    losses = low if low == high else f"{low} to {high}"
    seen = f"where the MLLM loses {losses}% of the targets that it finds by localisation"
    if (gain > 0).all():
        return f"{rule.strategy} gains {f'in all {rule.groups} groups, ' if several else ''}{seen}."
    if (gain <= 0).all():
        return f"{rule.strategy} {f'gains in none of {rule.groups} groups, ' if several else 'does not gain '}{seen}."
    if rule.groups < FEWEST_GROUPS:
        return f"{rule.strategy}: no threshold follows from {rule.groups} groups; runs at other budgets give more."
    return (
        f"{rule.strategy}: no threshold follows: over {rule.groups} groups, {seen}, its gain does not clearly rise "
        "with that loss."
    )


def _replicates(cells: Sequence[Cell], clusters: Ints) -> tuple[Floats, Floats]:
    """The loss and the gain of each group in each replicate, `[replicates, groups]` each."""
    count = int(clusters.max()) + 1

    def sums(values: Floats, cell: Cell) -> Floats:
        return np.bincount(clusters, np.where(cell.members, values, 0.0), count).astype(np.float64)

    sizes = np.stack([sums(np.ones(len(clusters)), cell) for cell in cells], axis=1)
    lost, found, gained = (
        np.stack([sums(getattr(cell, name), cell) for cell in cells], axis=1) for name in ("lost", "found", "gain")
    )
    loss, gain = 100 * ratio_replicates(lost, found), ratio_replicates(gained, sizes)
    whole = np.isfinite(loss).all(axis=1)
    return loss[whole], gain[whole]


def _line(x: Floats, y: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Slopes, and where the lines cross zero, of points `[lines, points]`; NaN where all x are the same."""
    weights = weights / weights.sum()
    x_mean, y_mean = (values @ weights for values in (x, y))
    x_off = x - x_mean[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        slopes = (x_off * (y - y_mean[:, None])) @ weights / (x_off**2 @ weights)
        return slopes, x_mean - y_mean / slopes


def recall_rule(
    run: str, visual_tokens: int | None, strategy: str, topk: int, points: Sequence[tuple[float, float]]
) -> RecallRule:
    """The rule of one run's choice; points are recall and gain by rising recall, the measured one last."""
    measured, gain = points[-1]
    where = f" at {visual_tokens} visual tokens" if visual_tokens is not None else ""
    threshold = _first_crossing(points)
    if gain <= 0:
        said = f"{strategy}{where} does not gain at its recall@{topk} of {measured:.1f}%, nor would it at a lower one."
        threshold = None
    elif threshold is None:
        said = f"{strategy}{where} gains at its recall@{topk} of {measured:.1f}%, and still at {points[0][0]:.1f}%."
    else:
        said = f"{strategy}{where} gains where recall@{topk} is above {threshold:.1f}% (here: {measured:.1f}%)."
    return RecallRule(
        run=run,
        visual_tokens=visual_tokens,
        strategy=strategy,
        topk=topk,
        measured=measured,
        threshold=threshold,
        sentence=said,
    )


def _first_crossing(points: Sequence[tuple[float, float]]) -> float | None:
    """The recall from which on the gain is above zero, on the lines between the points; None if it is everywhere."""
    for (low, below), (high, above) in reversed(list(pairwise(points))):
        if below <= 0 < above:
            return low + (high - low) * -below / (above - below)
    return None
