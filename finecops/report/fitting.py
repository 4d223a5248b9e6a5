"""Which widths the columns of a text table get, and which columns stand beside each other. Pure functions."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

MARGIN = 2
"""Blanks on the left of every line of a table."""
_GAP = 2
# Narrower than this, a column of sentences or of rows' names is hard to read.
_TEXT, _LABEL = 12, 20


@dataclass(frozen=True)
class Layout:
    """How a table is set.

    Attributes:
        widths: characters of each column; a longer cell is wrapped.
        blocks: which columns stand beside each other, each block with the first column.
        gap: blanks between two columns.
    """

    widths: tuple[int, ...]
    blocks: tuple[tuple[int, ...], ...]
    gap: int = _GAP


def fit(cells: Sequence[Sequence[str]], texts: Collection[int] = (), most: int | None = None) -> Layout:
    """The layout of a table: what makes its lines short enough with the least loss.

    Tried in this order: as it is; headings of several words on two lines; one blank between columns instead of
    two; columns of texts and the rows' names on several lines; several blocks of columns. No cell is ever shortened,
    so that no two rows become alike.

    Args:
        cells: the headings, then the rows, all of the same length (at least 1).
        texts: which columns hold texts that may be wrapped; the first always may.
        most: the longest line; None: any.
    """
    together = (tuple(range(len(cells[0]))),)
    widths = [max(map(len, column)) for column in zip(*cells)]
    if most is None or _line(widths) <= most:
        return Layout(tuple(widths), together)
    widths = [max(_half_heading(head), *map(len, rest), 0) for head, *rest in zip(*cells)]
    for gap in (_GAP, 1):
        if _line(widths, gap) <= most:
            return Layout(tuple(widths), together, gap)
    narrowed = _narrowed(cells, widths, sorted({0, *texts}), most)
    return _in_blocks(widths, most) if narrowed is None else Layout(tuple(narrowed), together)


def wrap(text: str, width: int, hanging: bool = False) -> list[str]:
    """The lines of a cell, at least one.

    >>> wrap("the small red car", 9), wrap("the small red car", 9, hanging=True)
    (['the small', 'red car'], ['the small', '  red car'])
    """
    if len(text) <= width:
        return [text]
    indent = "  " if hanging and width > len("  ") else ""
    # Hyphens are parts of names, which a reader copies.
    return textwrap.wrap(
        " ".join(_cut(word, width - len(indent)) for word in text.split(" ")),
        width,
        subsequent_indent=indent,
        break_on_hyphens=False,
    )


def balanced(widths: Sequence[int], room: int) -> list[range]:
    """Cut a row of columns into the fewest blocks that fit, and these as even as can be.

    Args:
        widths: of the columns, with the gaps.
        room: the most for the sum of a block; a column that is wider is a block alone.

    >>> balanced([5, 5, 5, 5], 15)
    [range(0, 2), range(2, 4)]
    """
    # Of the first columns: number of blocks, sum of their squared widths (least where even), where the last begins.
    best = [(0, 0, 0)]
    for end in range(1, len(widths) + 1):
        choices, taken = [], 0
        for start in reversed(range(end)):
            taken += widths[start]
            if taken > room and start < end - 1:
                break
            choices.append((best[start][0] + 1, best[start][1] + taken**2, start))
        best.append(min(choices))
    blocks, end = [], len(widths)
    while end > 0:
        blocks.append(range(best[end][2], end))
        end = best[end][2]
    return blocks[::-1]


def _line(widths: Sequence[int], gap: int = _GAP) -> int:
    return MARGIN + sum(widths) + gap * (len(widths) - 1)


def _half_heading(text: str) -> int:
    """The least width that sets a heading on two lines."""
    words = text.split()
    halves = [(" ".join(words[:i]), " ".join(words[i:])) for i in range(1, len(words) + 1)]
    return min((max(map(len, half)) for half in halves), default=0)


def _cut(word: str, width: int) -> str:
    """A word that is too long, cut where it has a mark if it has one. No two pieces fit a line, so none are joined."""
    pieces = []
    while len(word) > width:
        at = 1 + max(word.rfind(mark, 0, width) for mark in "/-_,") or width
        pieces.append(word[:at])
        word = word[at:]
    return " ".join([*pieces, word])


def _longest_word(text: str) -> int:
    return max(map(len, text.split()), default=0)


def _narrowed(
    cells: Sequence[Sequence[str]], widths: Sequence[int], texts: Sequence[int], most: int
) -> list[int] | None:
    """Widths with which the table is one block, or None: the columns of texts are narrowed where it costs least."""
    found = [min(width, most) if i in texts else width for i, width in enumerate(widths)]
    sizes = {i: Counter((len(row[i]), _longest_word(row[i])) for row in cells) for i in texts}
    least = {i: max(_half_heading(cells[0][i]), _TEXT) for i in texts}
    # A row's name is copied, or compared with another: it is cut where it takes half of the line.
    least[0] = max(least[0], _LABEL, min(most // 2, max(_longest_word(row[0]) for row in cells)))

    def lines(i: int, width: int) -> int:
        # About as many as `wrap` makes; a word that is cut counts like two.
        return sum(n * (-(-length // width) + 2 * (word > width)) for (length, word), n in sizes[i].items())

    while _line(found) > most:
        wide = [i for i in texts if found[i] > least[i]]
        if not wide:
            return None
        cost = {i: lines(i, found[i] - 1) - lines(i, found[i]) for i in wide}
        found[min(wide, key=lambda i: (cost[i], -found[i]))] -= 1
    return found


def _in_blocks(widths: Sequence[int], most: int) -> Layout:
    """Several blocks; the rows' names get half of the line at most, or a third where that makes fewer blocks."""
    layouts = []
    for share in (2, 3):
        label = min(widths[0], max(most // share, 1)) if len(widths) > 1 else max(most - MARGIN, 1)
        room = max(most - MARGIN - label, _GAP + 1)
        others = [min(width, room - _GAP) for width in widths[1:]]
        blocks = balanced([width + _GAP for width in others], room) or [range(0)]
        layouts.append(Layout((label, *others), tuple((0, *(i + 1 for i in block)) for block in blocks)))
    return min(layouts, key=lambda layout: len(layout.blocks))
