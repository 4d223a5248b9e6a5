"""Tables of several runs joined: those of one title become one table, whose rows name their run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath

from finecops.report.document import Cell, Column, Table

COUNTS = "n"
"""The row of denominators in a table."""


def join_tables(by_run: Mapping[str, Sequence[Table]]) -> list[Table]:
    """The tables of several runs: first those that several of them have, joined, then what is of one run alone.

    Args:
        by_run: each run's tables, by its title (its folder).
    """
    names = short_names(list(by_run))
    # A paragraph, or a table of one run alone, stays in the section of its run.
    sides: dict[str, dict[str, Table]] = {}
    for run, tables in by_run.items():
        for table in tables:
            if table.columns:
                sides.setdefault(table.title, {})[names[run]] = table
    shared = {title: found for title, found in sides.items() if len(found) > 1}
    section = f"{len(by_run)} runs: {', '.join(names.values())}"
    runs = tuple(dict.fromkeys(table.section for tables in by_run.values() for table in tables))
    joined = [Table(notes=runs, section=section)]
    joined += [_join(title, found, section) for title, found in shared.items()]
    alone = [table for tables in by_run.values() for table in tables if table.title not in shared]
    return joined + alone


def short_names(titles: Sequence[str]) -> dict[str, str]:
    """What each run is called in a row: the name of its folder, or its whole path where two have the same name.

    >>> short_names(["outputs/a", "outputs/b"])
    {'outputs/a': 'a', 'outputs/b': 'b'}
    """
    names = [PurePath(title).name for title in titles]
    return {title: name if names.count(name) == 1 else title for title, name in zip(titles, names, strict=True)}


def _join(title: str, found: Mapping[str, Table], section: str) -> Table:
    columns = _columns([table.columns for table in found.values()])
    rows: list[tuple[Cell, ...]] = []
    counts: list[tuple[Cell, ...]] = []
    for run, table in found.items():
        place = {column.title: i for i, column in enumerate(table.columns)}
        for row in table.rows:
            cells = tuple(row[place[column.title]] if column.title in place else None for column in columns[1:])
            (counts if row[0] == COUNTS else rows).append((f"{run}: {row[0]}", *cells))
    # Runs on the same samples have the same denominators.
    if len(counts) == len(found) and len({row[1:] for row in counts}) == 1:
        counts = [(COUNTS, *counts[0][1:])]
    notes = [f"{run}: {note}" for run, table in found.items() for note in table.notes]
    return Table(title, columns, tuple(rows + counts), tuple(notes), section)


def _columns(lists: Sequence[Sequence[Column]]) -> tuple[Column, ...]:
    """All columns; one that the first list lacks stands behind the one that it follows in its own."""
    merged = list(lists[0])
    for columns in lists[1:]:
        behind = 0
        for column in columns:
            titles = [known.title for known in merged]
            if column.title in titles:
                behind = titles.index(column.title)
            else:
                behind += 1
                merged.insert(behind, column)
    return tuple(merged)
