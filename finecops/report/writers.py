"""The outputs that `--as` can name.

To add one, write a function from a `Document` to text and enter it here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from finecops.errors import UsageError
from finecops.evaluation.settings import Settings
from finecops.names import unknown_name
from finecops.report.csv import write_csv
from finecops.report.document import Document
from finecops.report.json import write_json
from finecops.report.latex import write_latex
from finecops.report.markdown import write_markdown
from finecops.report.text import write_text

Writer: TypeAlias = Callable[[Document], str]
"""Gives the output without its last line end."""

WRITERS: dict[str, Writer] = {
    "text": write_text,
    "markdown": write_markdown,
    "latex": write_latex,
    "csv": write_csv,
    "json": write_json,
}
DATA_WRITERS: Final = frozenset({"csv", "json"})
"""Those that write every number whatever the tables show."""


def find_writer(name: str) -> Writer:
    """The writer of a name.

    Raises:
        UsageError: there is none.
    """
    if name not in WRITERS:
        raise UsageError(unknown_name("output", name, WRITERS))
    return WRITERS[name]


class OutputSettings(Settings):
    """How a result is printed."""

    as_: str | None = None
    as_json: bool = False
    as_csv: bool = False
    full: bool = False
    """Whether the tables show every column."""

    @property
    def writer(self) -> str:
        """The name of the output."""
        return self.as_ or ("json" if self.as_json else "csv" if self.as_csv else "text")
