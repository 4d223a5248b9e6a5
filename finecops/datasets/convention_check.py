"""Whether the boxes of a file are in the convention that is declared for them, by its first rows.

A convention is never guessed. The check only refuses a declaration that the rows contradict.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from finecops.datasets.conventions import CONVENTIONS, box_of
from finecops.datasets.fields import FieldError
from finecops.errors import DataError

CHECKED_ROWS: Final = 200
"""The check looks at this many boxes."""
_CLEAR, _CLEAR_SHARE = 2, 0.25
"""So many boxes, and this share of all, must speak for another convention before a declaration is refused."""
_CLEAR_SCALED = 5
"""The same number for shares of the sides, since almost any box of pixels is one in the upper left corner too."""
_MANY = 20
"""Fewer boxes say nothing about the part of the image that all of them together reach."""


class RawBox(NamedTuple):
    """A box as the file has it, and the size of its image in pixels."""

    numbers: Sequence[float]
    image_wh: tuple[int, int]


def fitting(rows: Sequence[RawBox]) -> dict[str, int]:
    """Of each convention, how many of the first rows are boxes in it: to name a better one, not to choose it."""
    return {name: sum(_fits(row, name) for row in rows[:CHECKED_ROWS]) for name in CONVENTIONS}


def check_convention(rows: Sequence[RawBox], declared: str, where: str) -> None:
    """See whether some boxes contradict the declared convention.

    Args:
        rows: the first boxes of a file, at most `CHECKED_ROWS` are looked at.
        declared: the convention.
        where: the file, for the message.

    Raises:
        DataError: another convention fits clearly better, or the boxes fit none.
    """
    rows = rows[:CHECKED_ROWS]
    fits = {name: [_fits(row, name) for row in rows] for name in CONVENTIONS}
    mine = fits[declared]
    inside = f"{sum(mine)} of the first {len(rows)}"
    better = [other for other, theirs in fits.items() if _is_better(theirs, mine, CONVENTIONS[other].whole)]
    if better:
        best = max(better, key=lambda name: sum(fits[name]))
        raise DataError(_refusal(where, declared, f"{best} fits {sum(fits[best])} of {len(rows)}", inside))
    # Shares of the sides are valid pixels, all in the upper left corner; no real set of boxes lies there.
    largest = CONVENTIONS[declared].whole or math.inf
    for name, convention in CONVENTIONS.items():
        if convention.whole is not None and convention.whole < largest and _all_below(rows, name, convention.whole):
            found = f"all values are at most {convention.whole:g}, as in {name}"
            raise DataError(_refusal(where, declared, found, inside))
    if len(rows) >= _CLEAR and not any(mine):
        raise DataError(_refusal(where, declared, "no other convention fits either", inside))


def _refusal(where: str, declared: str, found: str, fitting: str) -> str:
    return (
        f"{where}: the layout says that boxes are {declared}, and the rows say otherwise: {fitting} boxes are "
        f"inside their images; {found}. Name the right layout (`layout:` in a YAML file), or correct the file"
    )


def _is_better(theirs: Sequence[bool], mine: Sequence[bool], whole: float | None) -> bool:
    """Whether the rows that fit another convention speak clearly against the declared one."""
    against = sum(b and not a for a, b in zip(mine, theirs, strict=True))
    speaks_for = sum(a and not b for a, b in zip(mine, theirs, strict=True))
    enough = max(_CLEAR if whole is None else _CLEAR_SCALED, _CLEAR_SHARE * len(mine))
    return against >= enough and against > speaks_for


def _all_below(rows: Sequence[RawBox], convention: str, whole: float) -> bool:
    """Whether all boxes are shares of the sides: no value is above the convention's largest, and they fill the image.

    Boxes of pixels that all lie within the first 100 pixels of larger images would be shares too. So more rows are
    needed for that than for values of at most 1, which are no pixels of anything.
    """
    if whole == 1000 or len(rows) < (_CLEAR if whole == 1 else _MANY):
        return False
    if not all(_fits(row, convention) for row in rows):
        return False
    return whole == 1 or all(min(row.image_wh) > 2 * whole for row in rows)


def _fits(row: RawBox, convention: str) -> bool:
    whole = CONVENTIONS[convention].whole
    if whole is not None and max(row.numbers, default=0) > whole:
        return False
    try:
        box_of(row.numbers, convention, row.image_wh)
    except FieldError:
        return False
    return True
