"""From values to places on an axis: round ends, round ticks, their texts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from finecops.report.charts.chart import Axis

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class Scale:
    """A linear axis from value `low` at place `start` to value `high` at place `end`, with its ticks."""

    low: float
    high: float
    start: float
    end: float
    step: float

    def __call__(self, value: float) -> float:
        """The place of a value; what is outside lies on the border."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    @property
    def ticks(self) -> list[float]:
        """Multiples of the step from end to end."""
        first, last = math.ceil(self.low / self.step - 1e-9), math.floor(self.high / self.step + 1e-9)
        return [i * self.step for i in range(first, last + 1)]

    def text(self, tick: float) -> str:
        """A tick's number, with as many decimals as its step needs."""
        decimals = next((d for d in range(6) if math.isclose(self.step, round(self.step, d), rel_tol=1e-6)), 6)
        return f"{tick + 0.0:.{decimals}f}"


def scale_of(axis: Axis, values: Sequence[float], places: tuple[float, float], most: int = 6) -> Scale:
    """The scale of an axis.

    Args:
        values: that it must reach where the axis names no end.
        places: of its ends.
        most: ticks, at the most.
    """
    low = axis.low if axis.low is not None else min(values)
    high = axis.high if axis.high is not None else max(values)
    if high - low < 1e-9:
        # One value alone: an axis needs a length.
        margin = abs(low) * 0.1 or 1.0
        low, high = (low if axis.low is not None else low - margin), high + margin
    step = _step((high - low) / max(most - 1, 1))
    low = axis.low if axis.low is not None else math.floor(low / step + 1e-9) * step
    high = axis.high if axis.high is not None else math.ceil(high / step - 1e-9) * step
    return Scale(low, high, *places, step)


def _step(least: float) -> float:
    """The smallest round number that is not below."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(step * power for step in _STEPS if step * power >= least * (1 - 1e-9))
