"""Plain text for a terminal or a pipe."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence

from finecops.report.document import Column, Document, Table, cell_text
from finecops.report.fitting import MARGIN, Layout, fit, wrap
from finecops.text import printable


def terminal_width() -> int | None:
    """Characters of a line of the terminal; None in a pipe, whose reader (a program, a pager) gets whole lines."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def write_text(document: Document) -> str:
    """The tables, each section below its title. In a terminal they are fitted into its width."""
    width = terminal_width()
    parts: list[str] = []
    section = ""
    for table in document.tables:
        if table.section != section:
            section = table.section
            parts.append(printable(section))
        parts.append(_table(table, width))
    return "\n\n".join(part for part in parts if part)


def text_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]], left: bool = False) -> str:
    """A text table of ready texts, fitted into the width of a terminal.

    The first column goes to the left, the others to the right, or all `left`: these hold texts that may be wrapped.
    """
    columns = tuple(Column(name, side="left" if left or i == 0 else "right") for i, name in enumerate(header))
    return _table(Table(title, columns, tuple(tuple(row) for row in rows)), terminal_width())


def labelled(label: str, text: str, width: int = 28) -> str:
    """A label and a text beside it; in a terminal the text's further lines begin below its first.

    >>> labelled("packages", "all here", width=10)
    'packages   all here'
    """
    most = terminal_width()
    lines = [text] if most is None else wrap(text, max(most - width - 1, _NARROWEST))
    return f"\n{'':{width}} ".join([f"{label:{width}} {lines[0]}", *lines[1:]])


_NARROWEST = 20


def _table(table: Table, width: int | None) -> str:
    cells = [[printable(column.title) for column in table.columns]]
    cells += [[printable(cell_text(c, column)) for c, column in zip(row, table.columns)] for row in table.rows]
    lines = [printable(table.title)] if table.title else []
    if table.columns:
        layout = fit(cells, [i for i, column in enumerate(table.columns) if column.side == "left"], width)
        for number, shown in enumerate(layout.blocks):
            lines += [""] if number else []
            lines += _lines(table, cells=cells, layout=layout, shown=shown)
    return "\n".join([*lines, *map(printable, table.notes)])


def _lines(table: Table, cells: Sequence[Sequence[str]], layout: Layout, shown: Sequence[int]) -> list[str]:
    """Heading, rule and rows of some columns."""
    gap = " " * layout.gap

    def of_row(row: Sequence[str], heading: bool = False) -> list[str]:
        wrapped = [wrap(row[i], layout.widths[i], hanging=i == 0) for i in shown]
        height = max(map(len, wrapped))
        # A heading stands on the rule.
        full = [[""] * (height - len(w)) + w if heading else w + [""] * (height - len(w)) for w in wrapped]
        return [(" " * MARGIN + gap.join(padded(c, i) for c, i in zip(line, shown))).rstrip() for line in zip(*full)]

    def padded(cell: str, i: int) -> str:
        width = layout.widths[i]
        return cell.ljust(width) if table.columns[i].side == "left" else cell.rjust(width)

    rule = " " * MARGIN + gap.join("-" * layout.widths[i] for i in shown)
    return [*of_row(cells[0], heading=True), rule, *(line for row in cells[1:] for line in of_row(row))]
