"""What a stage of the construction is: its name, what decides its rows, and how they are made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

from pydantic import JsonValue

from finecops.records import Record

R = TypeVar("R", bound=Record)
Things = Iterable[Any]

ORDER: Final = ("paths", "positives", "rewrites", "negatives", "edits", "scores", "chosen", "reviewed")
"""The stages in their order. What is exported follows them."""


@dataclass(frozen=True)
class Stage(Generic[R]):
    """One stage.

    Attributes:
        name: that of its file, `<name>.jsonl`.
        row_type: of its rows.
        settings: what decides its rows beside what it reads. A finished stage with others is never continued.
        reads: stages whose files it reads; when one of those was made again with another result, so is this one.
        files: what else it reads, by a name for messages: the checksum decides.
        make: how its rows are made.
        beside: other files of the build folder that it writes, which go when it is made again.
        tidy: called when all rows are there: removes files of things that were taken ahead and have no row.
        remake: it takes a moment: with other settings it is made again, where another stage refuses.
    """

    name: str
    row_type: type[R]
    settings: Mapping[str, JsonValue]
    make: Whole[R] | OneByOne[R]
    reads: tuple[str, ...] = ()
    files: Mapping[str, Path] = field(default_factory=dict)
    beside: tuple[str, ...] = ()
    remake: bool = False
    tidy: Callable[[], None] | None = None


@dataclass(frozen=True)
class Whole(Generic[R]):
    """Rows that depend on each other: after a kill they are made from the start.

    Attributes:
        rows: makes them all, in their order, and shows its own progress.
        notes: what is to be said of them, when all are there.
        inner: reason → things that got no row for it.
    """

    rows: Callable[[], Iterable[R]]
    notes: list[str] = field(default_factory=list)
    inner: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class OneByOne(Generic[R]):
    """A row for each of many things: after a kill it goes on behind the last row.

    Attributes:
        things: in their order, the same each time.
        key: of a thing: the key of its row.
        key_of_row: of a row.
        results: maps things to rows, one to one and in their order. It may take some things ahead.
        total: gives how many things there are, where it is known; asked when the stage begins.
        column: of a thing: the column that its row counts for; None: no column.
        quotas: column → rows that are kept at most; further things of a full column get no row.
        unit: what a thing is, for the bar.
        most_in_a_row: rows that fail for one reason one after the other; more stop the stage. 0: any number.
    """

    things: Callable[[], Things]
    key: Callable[[Any], str]
    key_of_row: Callable[[R], str]
    results: Callable[[Iterator[Any]], Iterator[R]]
    total: Callable[[], int | None] = lambda: None
    column: Callable[[Any], str | None] = lambda thing: None
    quotas: Mapping[str, int] = field(default_factory=dict)
    unit: str = "sample"
    most_in_a_row: int = 0
