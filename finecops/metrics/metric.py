"""What a metric is: one record of `finecops.metrics.dictionary.METRICS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from finecops.metrics.answers import Ints
from finecops.metrics.intervals import Interval
from finecops.metrics.scene import Scene
from finecops.metrics.values import MetricValue

Measure: TypeAlias = Callable[[Scene], Sequence[MetricValue]]
"""From the evaluated scene to the metric's values. May raise `AbsentMetricError`."""
IntervalOf: TypeAlias = Callable[[Scene, MetricValue, Ints], Interval | None]
"""From the scene, one of the metric's values and the cluster of each sample `[n]` to the value's 95% interval; None
where it has none."""
Shown = Literal["boxes", "pairs", "separation", "single"]
"""Which table of a result shows it: by level of positives, by column of negatives, positives against negatives, or one
number a method."""


@dataclass(frozen=True)
class Metric:
    """A metric that `--metrics` can name.

    Attributes:
        title: its name in tables.
        measure: how it is computed.
        needs_scores: whether boxes must have scores; where they have none, a result gives the reason instead.
        interval: how a value's bootstrap interval is made; None where it gets none.
        shown: the table that it belongs to.
        ranks: how many boxes of an answer it looks at.
        values: the names of its values, with their titles, where they are not its name in the dictionary.
    """

    title: str
    measure: Measure
    needs_scores: bool = False
    interval: IntervalOf | None = None
    shown: Shown = "single"
    ranks: int = 1
    values: Mapping[str, str] = field(default_factory=dict)
