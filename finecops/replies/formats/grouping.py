"""Boxes that are written as several tokens in a row: `<loc_52><loc_334><loc_310><loc_774>`, `(52,334),(310,774)`.

A broken token must not shift the others: of five tokens in a row, the last four are the corners of no box.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from finecops.text import shortly


@dataclass(frozen=True)
class Grouping:
    """How many tokens make a box.

    Attributes:
        token: regular expression of a token, a broken one too.
        count: so many tokens in a row are a box.
        between: what may stand between two tokens of a row, without blanks.
    """

    token: re.Pattern[str]
    count: int
    between: tuple[str, ...] = ("",)

    def boxes(self, pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str] | str]:
        """The match of `pattern` for each group of tokens, or the reason why a row or a group is no box."""
        for row in self._rows(text):
            if len(row) % self.count:
                shown = shortly(text[row[0][0] : row[-1][1]])
                yield f"{shown} is a row of {len(row)}; {self.count} make a box"
                continue
            for first in range(0, len(row), self.count):
                start, end = row[first][0], row[first + self.count - 1][1]
                yield pattern.fullmatch(text, start, end) or f"{shortly(text[start:end])} is not a box"

    def _rows(self, text: str) -> Iterator[list[tuple[int, int]]]:
        row: list[tuple[int, int]] = []
        for match in self.token.finditer(text):
            if row and text[row[-1][1] : match.start()].strip() not in self.between:
                yield row
                row = []
            row.append(match.span())
        if row:
            yield row
