"""The output of a command: tables as data, and the same numbers for programs. Writers turn it into text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from pydantic import JsonValue


class Range(NamedTuple):
    """An interval."""

    low: float
    high: float


class Spread(NamedTuple):
    """The mean of several measurements and their standard deviation."""

    mean: float
    deviation: float


Cell: TypeAlias = "str | int | float | Range | Spread | None"
"""Text, a count, a number in its column's format, an interval, a mean with its spread, or None: there is nothing."""


@dataclass(frozen=True)
class Column:
    """A column of numbers or texts.

    Attributes:
        title: its heading.
        format: of the floats in it, as `format()` takes it.
        side: to which side cells go in a text table.
    """

    title: str
    format: str = ".2f"
    side: Literal["left", "right"] = "right"


@dataclass(frozen=True)
class Table:
    """A table, or a paragraph if it has no columns.

    Attributes:
        title: what its numbers are.
        columns: the first holds the rows' names.
        rows: cells, as many as columns.
        notes: sentences below it.
        section: what it belongs to (a run, a file); printed above the first table of each.
    """

    title: str = ""
    columns: tuple[Column, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()
    notes: tuple[str, ...] = ()
    section: str = ""


@dataclass(frozen=True)
class Document:
    """All that a command prints.

    Attributes:
        tables: for people.
        data: for programs, as `--json` prints it.
        rows: for programs, as `--csv` prints them: one flat row per number; a missing key is empty.
        leading: the first columns of the CSV, also where no row has them; others follow by name.
    """

    tables: Sequence[Table]
    data: JsonValue
    rows: Sequence[Mapping[str, JsonValue]] = ()
    leading: Sequence[str] = ()


def columns(*titles: str, side: Literal["left", "right"] = "right") -> tuple[Column, ...]:
    """Columns of usual numbers; the first, of the rows' names, goes to the left."""
    return tuple(Column(title, side="left" if i == 0 else side) for i, title in enumerate(titles))


def cell_text(cell: Cell, column: Column, missing: str = "–") -> str:
    """A cell as text.

    >>> cell_text(2.5, Column("points", "+.2f")), cell_text(Range(1.0, 2.0), Column("")), cell_text(3, Column("n"))
    ('+2.50', '1.00 to 2.00', '3')
    >>> cell_text(Spread(-1.0, 0.5), Column("points", "+.2f"))
    '-1.00 ± 0.50'
    """
    if cell is None:
        return missing
    # Ends of an interval are in the format of its column, signs included.
    if isinstance(cell, Range):
        return f"{cell.low:{column.format}} to {cell.high:{column.format}}"
    # A deviation has no sign.
    if isinstance(cell, Spread):
        return f"{cell.mean:{column.format}} ± {cell.deviation:{column.format.removeprefix('+')}}"
    return f"{cell:{column.format}}" if isinstance(cell, float) else str(cell)
