"""LaTeX tables for a paper; they need the package booktabs."""

from __future__ import annotations

import re
from collections.abc import Sequence

from finecops.report.document import Document, Table, cell_text
from finecops.text import printable

# Names of models and samples come from files: they must not be read as commands.
_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "–": "--",
    "−": r"\ensuremath{-}",
    "·": r"\textperiodcentered{}",
    "→": r"\ensuremath{\to}",
    "±": r"\ensuremath{\pm}",
    **{char: f"\\{char}" for char in "&%$#_{}"},
}
_PATTERN = re.compile("|".join(map(re.escape, _SPECIAL)))


def write_latex(document: Document) -> str:
    """A `table` with a caption for each table; sections and paragraphs become comments."""
    parts: list[str] = []
    section = ""
    for table in document.tables:
        if table.section != section:
            section = table.section
            parts.append(f"% {printable(section)}")
        parts.append(_float(table) if table.columns else _comments(table.notes))
    return "\n\n".join(part for part in parts if part)


def _float(table: Table) -> str:
    rows = [[_escaped(cell_text(c, column)) for c, column in zip(row, table.columns)] for row in table.rows]
    body = [
        r"\begin{table}",
        r"\centering",
        f"\\caption{{{_escaped(table.title)}}}",
        f"\\begin{{tabular}}{{{''.join(column.side[0] for column in table.columns)}}}",
        r"\toprule",
        _line([_escaped(column.title) for column in table.columns]),
        r"\midrule",
        *map(_line, rows),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join([*body, *([_comments(table.notes)] if table.notes else [])])


def _comments(notes: Sequence[str]) -> str:
    return "\n".join(f"% {printable(note)}" for note in notes)


def _line(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"


def _escaped(text: str) -> str:
    # One pass: replacing one character after another would escape the escapes.
    return _PATTERN.sub(lambda match: _SPECIAL[match.group()], printable(text))
