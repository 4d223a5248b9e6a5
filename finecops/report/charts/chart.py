"""A chart as data: axes with units, series of points with intervals, notes. Writers draw it; nothing here does.

A chart whose x axis has names is one of bars, which lie: names of any length are then beside them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

Kind = Literal["bars", "line", "marks", "cloud"]
"""`bars` need names on the x axis; `line` joins its points; `marks` are points with a sign each; `cloud` are many small
grey points."""
MUTED: Final = -1
"""The colour of what is there for comparison: a diagonal, all the other rules."""


class Point(NamedTuple):
    """A point, or a bar.

    Attributes:
        x: where it is; of a bar the index of its name.
        y: its value; None: there is none, and its place stays empty.
        low, high: the ends of its interval.
        n: how many samples it is over.
        base: where a bar begins.
    """

    x: float
    y: float | None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    base: float = 0.0


@dataclass(frozen=True)
class Series:
    """Points that belong together.

    Attributes:
        name: in the legend, with its n.
        points: in order.
        kind: how they are drawn.
        colour: the number of its colour (a method keeps its own over all charts), or `MUTED`.
        dots: whether the points of a line are marked.
    """

    name: str
    points: tuple[Point, ...]
    kind: Kind = "line"
    colour: int = 0
    dots: bool = False


@dataclass(frozen=True)
class Axis:
    """An axis.

    Attributes:
        title: what is on it, with its unit.
        low, high: its ends; None: those of the data, rounded outwards.
        names: of the bars, from the top.
        details: a second line below each name, such as its n.
    """

    title: str
    low: float | None = None
    high: float | None = None
    names: tuple[str, ...] = ()
    details: tuple[str, ...] = ()


@dataclass(frozen=True)
class Chart:
    """A chart.

    Attributes:
        name: stable, for `--only` and the names of files: lower-case letters, digits and hyphens.
        title: what it shows.
        x, y: its axes.
        series: at least one, with at least one point that has a value.
        notes: what a reader must know, a sentence each.
    """

    name: str
    title: str
    x: Axis
    y: Axis
    series: tuple[Series, ...]
    notes: tuple[str, ...] = ()

    @property
    def values(self) -> list[float]:
        """Everything that the y axis must reach: values, ends of intervals, where bars begin."""
        points = [point for series in self.series for point in series.points]
        bases = [point.base for series in self.series if series.kind == "bars" for point in series.points]
        return [v for p in points for v in (p.y, p.low, p.high) if v is not None] + bases

    def bars_at(self, index: int) -> list[tuple[Series, Point]]:
        """The bars of a name, in the order of the series; a series may have none there."""
        return [(series, point) for series in self.series for point in series.points if int(point.x) == index]


@dataclass(frozen=True)
class Missing:
    """A chart that could not be drawn, and why."""

    name: str
    title: str
    reason: str

    def __str__(self) -> str:
        return f"{self.title}: {self.reason}"


@dataclass(frozen=True)
class Charts:
    """What could be drawn and what could not, each in its order."""

    charts: tuple[Chart, ...] = ()
    missing: tuple[Missing, ...] = ()

    @staticmethod
    def of(found: list[Chart | Missing]) -> Charts:
        """Sorted by which they are."""
        return Charts(
            tuple(one for one in found if isinstance(one, Chart)),
            tuple(one for one in found if isinstance(one, Missing)),
        )
