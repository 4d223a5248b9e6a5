"""GitHub-flavoured Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence

from finecops.report.document import Document, Table, cell_text
from finecops.text import printable

# Names come from files: a bar would cut a table, a bracket would make a link.
_SPECIAL = re.compile(r"([\\`*_|<>\[\]#~])")


def write_markdown(document: Document) -> str:
    """The tables, each section below a heading."""
    parts: list[str] = []
    section = ""
    for table in document.tables:
        if table.section != section:
            section = table.section
            parts.append(f"## {_escaped(section)}")
        parts += _blocks(table)
    return "\n\n".join(parts)


def _blocks(table: Table) -> list[str]:
    """Title, table and notes, as separate blocks."""
    blocks = [f"**{_escaped(table.title)}**"] if table.title else []
    if table.columns:
        rule = [":--" if column.side == "left" else "--:" for column in table.columns]
        rows = [[cell_text(c, column) for c, column in zip(row, table.columns)] for row in table.rows]
        lines = [_line([_escaped(column.title) for column in table.columns]), _line(rule)]
        blocks.append("\n".join([*lines, *(_line([_escaped(cell) for cell in row]) for row in rows)]))
    return [*blocks, *map(_escaped, table.notes)]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", printable(text))
