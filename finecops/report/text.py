"""Plain text for a terminal or a pipe."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence

from finecops.report.document import Column, Document, Table, cell_text
from finecops.text import printable

_GAP = "  "


def write_text(document: Document) -> str:
    """The tables, each section below its title. In a terminal a table that is too wide is cut into several."""
    # A pipe gets whole lines: a program or a pager reads them.
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    parts: list[str] = []
    section = ""
    for table in document.tables:
        if table.section != section:
            section = table.section
            parts.append(printable(section))
        parts.append(_table(table, width))
    return "\n\n".join(part for part in parts if part)


def text_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]], left: bool = False) -> str:
    """A text table of ready texts: first column to the left, the others to the right, or all `left`."""
    columns = tuple(Column(name, side="left" if left or i == 0 else "right") for i, name in enumerate(header))
    return _table(Table(title, columns, tuple(tuple(row) for row in rows)), None)


def _table(table: Table, width: int | None) -> str:
    cells = [[printable(column.title) for column in table.columns]]
    cells += [[printable(cell_text(c, column)) for c, column in zip(row, table.columns)] for row in table.rows]
    lines = [printable(table.title)] if table.title else []
    if table.columns:
        widths = [max(len(row[i]) for row in cells) for i in range(len(table.columns))]
        for number, shown in enumerate(_blocks(widths, width)):
            lines += [""] if number else []
            lines += _lines(table, cells=cells, widths=widths, shown=shown)
    return "\n".join([*lines, *map(printable, table.notes)])


def _blocks(widths: Sequence[int], most: int | None) -> Iterator[list[int]]:
    """Which columns are printed beside each other: all, or as many as fit, each block with the first column."""
    shown = [0]
    for i in range(1, len(widths)):
        if most is not None and len(shown) > 1 and sum(widths[j] + len(_GAP) for j in (*shown, i)) > most:
            yield shown
            shown = [0]
        shown.append(i)
    yield shown


def _lines(table: Table, cells: Sequence[Sequence[str]], widths: Sequence[int], shown: Sequence[int]) -> list[str]:
    """Heading, rule and rows of some columns."""

    def line(row: Sequence[str]) -> str:
        padded = [
            row[i].ljust(widths[i]) if table.columns[i].side == "left" else row[i].rjust(widths[i]) for i in shown
        ]
        return (_GAP + _GAP.join(padded)).rstrip()

    rule = _GAP + _GAP.join("-" * widths[i] for i in shown)
    return [line(cells[0]), rule, *map(line, cells[1:])]
