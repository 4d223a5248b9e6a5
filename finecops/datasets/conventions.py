"""What the four numbers of a box mean: the values of `--boxes`, and what the layouts of datasets declare.

The size of the numbers does not say it: `[10, 20, 30, 40]` is a box in most of them. So it is declared, never guessed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from finecops.datasets.fields import FieldError, inside_image
from finecops.records import Xyxy
from finecops.text import shortly

Kind = Literal["corners", "size", "centre"]


@dataclass(frozen=True)
class Convention:
    """How four numbers are a box."""

    kind: Kind
    """`corners`: left, top, right, bottom. `size`: left, top, width, height. `centre`: its x and y, width, height."""
    whole: float | None
    """The number that stands for a whole side of the image; None: the numbers are pixels."""
    words: str
    """For people."""


CONVENTIONS: dict[str, Convention] = {
    "xyxy": Convention("corners", None, "left, top, right, bottom in pixels"),
    "xywh": Convention("size", None, "left, top, width, height in pixels (COCO)"),
    "cxcywh": Convention("centre", None, "centre, width, height in pixels"),
    "norm1": Convention("corners", 1.0, "left, top, right, bottom from 0 to 1"),
    "norm1_xywh": Convention("size", 1.0, "left, top, width, height from 0 to 1"),
    "norm1_cxcywh": Convention("centre", 1.0, "centre, width, height from 0 to 1 (YOLO)"),
    "percent": Convention("corners", 100.0, "left, top, right, bottom from 0 to 100"),
    "percent_xywh": Convention("size", 100.0, "left, top, width, height from 0 to 100"),
    "norm1000": Convention("corners", 1000.0, "left, top, right, bottom from 0 to 1000"),
}
"""Name → convention."""

_TO_CORNERS: dict[Kind, Callable[[float, float, float, float], Xyxy]] = {
    "corners": lambda x1, y1, x2, y2: (x1, y1, x2, y2),
    "size": lambda x, y, w, h: (x, y, x + w, y + h),
    "centre": lambda x, y, w, h: (x - w / 2, y - h / 2, x - w / 2 + w, y - h / 2 + h),
}


def box_of(numbers: Sequence[float], convention: str, image_wh: tuple[int, int]) -> Xyxy:
    """Four numbers as corners in pixels, inside the image.

    >>> box_of([0.1, 0.2, 0.5, 0.5], "norm1", (100, 50))
    (10.0, 10.0, 50.0, 25.0)

    Raises:
        FieldError: they are not a box of that convention in an image of that size.
    """
    how = CONVENTIONS[convention]
    if len(numbers) != 4 or not all(math.isfinite(v) for v in numbers):
        raise FieldError(f"the box is {shortly(list(numbers))}; it must be four finite numbers ({how.words})")
    # A normalised box may leave the image by as many pixels as one in pixels.
    scale = (1.0, 1.0) if how.whole is None else (image_wh[0] / how.whole, image_wh[1] / how.whole)
    pixels = [v * s for v, s in zip(numbers, scale * 2, strict=True)]
    try:
        return inside_image(_TO_CORNERS[how.kind](*pixels), image_wh)[0]
    except FieldError as error:
        raise FieldError(f"the box {shortly(list(numbers))} is not {convention} ({how.words}): it {error}") from error


def choices() -> str:
    """The conventions, one line each, for a message."""
    return "\n".join(f"  --boxes {name:13} {convention.words}" for name, convention in CONVENTIONS.items())
