"""Tables of words: tab-separated lines with column names on top, the project's own or a user's (not trusted)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import combinations, islice, product
from typing import Final

from finecops.text import has_odd_characters, shortly

MAX_LINES: Final = 50_000
MAX_CHARS: Final = 20_000
"""A line is not longer."""
MAX_PAIRS: Final = 2_000_000
"""A table of groups makes no more pairs."""
ANY: Final = "any "
"""Before a kind, in a table of groups: it and all below it."""

Row = Mapping[str, str]
Pairs = dict[str, set[str]]
"""Word → the words that go with it, in both directions."""


@contextmanager
def naming(table: str) -> Iterator[None]:
    """What is wrong inside is said with the table's name."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{table}: {error}") from error


def read_rows(lines: Iterable[str], columns: Sequence[str], once: bool = True) -> list[tuple[int, Row]]:
    """The lines of a table, with their numbers from 1. Blank lines and those with "#" before them are skipped.

    Args:
        lines: without their ends, or with them.
        columns: all columns that it may have, the first one always; cells that a line lacks at its end are empty.
        once: the first column's words stand once each.

    Raises:
        ValueError: names the line, and what is wrong with it.
    """
    names: list[str] = []
    found: list[tuple[int, Row]] = []
    seen: set[str] = set()
    # One line more than is allowed tells a table that is too long from one that is just full.
    for number, line in enumerate(islice(lines, MAX_LINES + 1), start=1):
        if number > MAX_LINES:
            raise ValueError(f"it has more than {MAX_LINES} lines")
        cells = _cells(number, line)
        if not cells:
            continue
        if not names:
            names = _names(number, cells, columns)
            continue
        if len(cells) > len(names):
            raise ValueError(f"line {number}: it has {len(cells)} cells, more than the {len(names)} columns")
        # Spreadsheets leave out empty cells at a line's end.
        row = dict(zip(names, cells)) | dict.fromkeys(names[len(cells) :], "")
        first = row[columns[0]]
        if not first:
            raise ValueError(f"line {number}: its {columns[0]} is empty")
        if once and first in seen:
            raise ValueError(f"line {number}: {shortly(first)} stands twice")
        seen.add(first)
        found.append((number, dict.fromkeys(columns, "") | row))
    if not names:
        raise ValueError(f"it has no line of column names: {', '.join(columns)}")
    return found


def _cells(number: int, line: str) -> list[str]:
    line = line.rstrip("\r\n")
    if len(line) > MAX_CHARS:
        raise ValueError(f"line {number}: it has more than {MAX_CHARS} characters")
    if not line.strip() or line.startswith("#"):
        return []
    cells = [cell.strip() for cell in line.split("\t")]
    # Words end up in sentences, terminals and pages.
    if any(has_odd_characters(cell) for cell in cells):
        raise ValueError(f"line {number}: it has characters that cannot be shown")
    return cells


def _names(number: int, cells: list[str], columns: Sequence[str]) -> list[str]:
    unknown = [cell for cell in cells if cell not in columns]
    if unknown or columns[0] not in cells or len(set(cells)) < len(cells):
        wrong = f"{shortly(unknown[0])} is none of them" if unknown else f"each once, {columns[0]} among them"
        raise ValueError(f"line {number}: column names are {', '.join(columns)}, with tabs between them; {wrong}")
    return cells


def words_of(cell: str) -> list[str]:
    """The words of a cell, in which "|" stands between them."""
    return [word.strip() for word in cell.split("|") if word.strip()]


def one_of(number: int, cell: str, allowed: Sequence[str]) -> str:
    """A cell that is empty or one of some words.

    Raises:
        ValueError: it is neither; names the line.
    """
    if cell and cell not in allowed:
        raise ValueError(f"line {number}: {shortly(cell)} is none of {', '.join(allowed)}")
    return cell


def read_pairs(lines: Iterable[str], below: Callable[[str], Iterable[str]], known: Callable[[str], bool]) -> Pairs:
    """Groups of words as pairs.

    A group is a line. With a second cell, each word of the first goes with each of the second; else all of the line go
    with each other. `any X` stands for X and all below it.

    Args:
        lines: the table, with the columns `names` and `with`.
        below: X → all that `any X` stands for; not known, if there is none.
        known: whether a word has a line of its own.

    Raises:
        ValueError: names the line, and what is wrong with it.
    """
    pairs: Pairs = {}
    count = 0
    for number, row in read_rows(lines, ("names", "with"), once=False):
        sides = []
        for cell in (row["names"], row["with"]):
            side: list[str] = []
            for word in words_of(cell):
                plain = word.removeprefix(ANY)
                meant = [word] if plain == word else list(below(plain))
                if not all(map(known, meant or [plain])):
                    raise ValueError(f"line {number}: {shortly(plain)} has no line of its own")
                side += meant
                # A line may name a large kind thousands of times: refused before the list fills the memory.
                if len(side) > MAX_PAIRS:
                    raise ValueError(f"line {number}: the groups make more than {MAX_PAIRS} pairs")
            sides.append(side)
        # Counted before they are made, and at most: a short line can mean billions of pairs.
        count += len(sides[0]) * max(len(sides[0]), len(sides[1]))
        if count > MAX_PAIRS:
            raise ValueError(f"line {number}: the groups make more than {MAX_PAIRS} pairs")
        for one, other in product(*sides) if sides[1] else combinations(sides[0], 2):
            # The same word on both sides, as a member of two kinds, is no pair.
            if one != other:
                pairs.setdefault(one, set()).add(other)
                pairs.setdefault(other, set()).add(one)
    return pairs
