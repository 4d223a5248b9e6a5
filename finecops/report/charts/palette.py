"""Colours and signs of series: those of the file's own look, and those of a page with light and dark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

OKABE_ITO: Final = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#B8A600", "#7F7F7F")
"""Colours that people with any common colour blindness tell apart (Okabe and Ito, 2008). Yellow is darker and black is
grey here, so that both are seen on white and on black."""
DASHES: Final = ("", "6 3", "2 2", "8 3 2 3")
"""Of lines, as SVG writes them: series differ in print without colour too."""
SIGNS: Final = ("circle", "square", "diamond", "triangle", "star")
"""Of marks, one after the other."""


@dataclass(frozen=True)
class Look:
    """How a drawing is coloured.

    Attributes:
        text, muted, grid: colours of texts, of what is in the background, of lines of the grid.
        background: behind everything; None: what is there.
        variables: whether colours are the page's (`--chart-1` …, else these).
        font: the texts' font; None: the page's.
    """

    text: str
    muted: str
    grid: str
    background: str | None = None
    variables: bool = False
    font: str | None = None

    def colour(self, number: int) -> str:
        """A series' colour."""
        if number < 0:
            return self.muted
        plain = OKABE_ITO[number % len(OKABE_ITO)]
        return f"var(--chart-{number % len(OKABE_ITO) + 1}, {plain})" if self.variables else plain


PAGE: Final = Look(
    text="var(--fg, currentColor)", muted="var(--muted, #767676)", grid="var(--line, #9994)", variables=True
)
"""Inside a page: its own colours, light or dark."""
FILE: Final = Look(text="#1b1f24", muted="#767676", grid="#dddddd", background="#ffffff", font="sans-serif")
"""Alone in a file: dark on white, without variables, which few programs but browsers read."""
