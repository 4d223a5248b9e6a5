"""How a dataset writes boxes: a convention is declared by the dataset's layout, and checked on its first rows.

A convention is never guessed. The check only refuses a declaration that the rows contradict.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from finecops.datasets.fields import BORDER_TOLERANCE, FieldError
from finecops.errors import DataError
from finecops.records import Xyxy
from finecops.text import shortly

CHECKED_ROWS: Final = 200
"""The check looks at this many boxes."""
_CLEAR, _CLEAR_SHARE = 2, 0.25
"""So many boxes, and this share of all, must speak for another convention before a declaration is refused."""
_CLEAR_SCALED = 5
"""The same number for shares of the sides, since almost any box of pixels is one in the upper left corner too."""
_MANY = 20
"""Fewer boxes say nothing about the part of the image that all of them together reach."""
_Four = tuple[float, float, float, float]


class Row(NamedTuple):
    """A box as the file has it, and the size of its image in pixels."""

    raw: _Four
    image_wh: tuple[int, int]


CONVENTIONS: dict[str, Callable[[_Four, tuple[int, int]], Xyxy]] = {
    "xywh": lambda b, _: (b[0], b[1], b[0] + b[2], b[1] + b[3]),
    "xyxy": lambda b, _: b,
    "xywh_norm1": lambda b, wh: _scaled((b[0], b[1], b[0] + b[2], b[1] + b[3]), wh, 1),
    "xyxy_norm1": lambda b, wh: _scaled(b, wh, 1),
    "xywh_percent": lambda b, wh: _scaled((b[0], b[1], b[0] + b[2], b[1] + b[3]), wh, 100),
    "xyxy_percent": lambda b, wh: _scaled(b, wh, 100),
    "xyxy_norm1000": lambda b, wh: _scaled(b, wh, 1000),
}
"""Convention → a box as corners in pixels. `xywh` and `xyxy` are pixels; the others are shares of the image's sides."""
_MOST = {"xywh_norm1": 1, "xyxy_norm1": 1, "xywh_percent": 100, "xyxy_percent": 100, "xyxy_norm1000": 1000}


def _scaled(box: _Four, image_wh: tuple[int, int], most: int) -> Xyxy:
    width, height = image_wh[0] / most, image_wh[1] / most
    return box[0] * width, box[1] * height, box[2] * width, box[3] * height


def four_numbers(raw: object) -> _Four:
    """The numbers of a box.

    Raises:
        FieldError: these are not four finite numbers.
    """
    if not isinstance(raw, list) or len(raw) != 4 or not all(type(v) is int or type(v) is float for v in raw):
        raise FieldError(f"the box is {shortly(raw)}; four numbers are meant")
    # A comparison holds for whole numbers of any length, and for no NaN.
    if not all(-1e9 < v < 1e9 for v in raw):
        raise FieldError(f"the box {shortly(raw)} has a value that is not a finite number of pixels")
    return float(raw[0]), float(raw[1]), float(raw[2]), float(raw[3])


def corners_in_image(row: Row, convention: str) -> Xyxy:
    """A box as corners inside its image; what extends beyond it by at most `BORDER_TOLERANCE` pixels is cut off.

    Raises:
        FieldError: the box has no area, or is not in the image.
    """
    x1, y1, x2, y2 = CONVENTIONS[convention](row.raw, row.image_wh)
    (width, height), said = row.image_wh, f"the box {shortly(list(row.raw))} ({convention})"
    if x2 <= x1 or y2 <= y1:
        raise FieldError(f"{said} has no area")
    out = max(-x1, -y1, x2 - width, y2 - height)
    if out > BORDER_TOLERANCE:
        raise FieldError(f"{said} extends {out:g} pixels beyond the {width}x{height} image")
    box = max(x1, 0.0), max(y1, 0.0), min(x2, float(width)), min(y2, float(height))
    if box[0] >= box[2] or box[1] >= box[3]:
        raise FieldError(f"{said} has no area inside the {width}x{height} image")
    return box


def check_convention(rows: Sequence[Row], declared: str, where: str) -> None:
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
    for other, theirs in fits.items():
        against = sum(b and not a for a, b in zip(mine, theirs))
        speaks_for = sum(a and not b for a, b in zip(mine, theirs))
        enough = max(_CLEAR_SCALED if other in _MOST else _CLEAR, _CLEAR_SHARE * len(rows))
        if against >= enough and against > speaks_for:
            raise DataError(_refusal(where, declared, f"{other} fits {sum(theirs)} of {len(rows)}", inside))
    # Shares of the sides are valid pixels, all in the upper left corner; no real set of boxes lies there.
    small = next((name for name in _MOST if declared not in _MOST and _all_below(rows, name)), None)
    if small is not None:
        raise DataError(_refusal(where, declared, f"all values are at most {_MOST[small]}, as in {small}", inside))
    if len(rows) >= _CLEAR and not any(mine):
        raise DataError(_refusal(where, declared, "no other convention fits either", inside))


def _refusal(where: str, declared: str, found: str, fitting: str) -> str:
    return (
        f"{where}: the layout says that boxes are {declared}, and the rows say otherwise: {fitting} boxes are "
        f"inside their images; {found}. Name the right layout (`layout:` in a YAML file), or correct the file"
    )


def _all_below(rows: Sequence[Row], convention: str) -> bool:
    """Whether all boxes are shares of the sides: no value is above the convention's largest, and they fill the image.

    Boxes of pixels that all lie within the first 100 pixels of larger images would be shares too. So more rows are
    needed for that than for values of at most 1, which are no pixels of anything.
    """
    most = _MOST[convention]
    if most == 1000 or len(rows) < (_CLEAR if most == 1 else _MANY):
        return False
    if max(max(row.raw) for row in rows) > most or not all(_fits(row, convention) for row in rows):
        return False
    return most == 1 or all(min(row.image_wh) > 2 * most for row in rows)


def _fits(row: Row, convention: str) -> bool:
    if convention in _MOST and max(row.raw) > _MOST[convention]:
        return False
    try:
        corners_in_image(row, convention)
    except FieldError:
        return False
    return True
