"""The fields of annotation entries, checked: one function per field, for every format.

Annotation files are not trusted. Each function gives the value as a sample keeps it.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from finecops.datasets.source import SourceFile
from finecops.paths import name_problem
from finecops.records import Xyxy
from finecops.strict_json import RepeatedKeys
from finecops.text import clean_line, plain_id, shortly

BORDER_TOLERANCE = 2.0
"""Boxes may extend beyond the image by this many pixels, as some of GQA's do; they are clipped."""
LEAST_INSIDE = 0.5
"""Of a box that extends further, `as_cut_box` accepts no less than this share of the area inside the image."""
MAX_SIDE = 100_000
"""Images are not wider or higher, in pixels."""
MAX_CHARS = 10_000
"""Expressions are not longer."""
_COCO_2014 = re.compile(r"COCO_(?:train|val)2014_(\d{12}\.jpg)")


class FieldError(ValueError):
    """A field of an entry cannot be used; the message says why."""


def as_object(value: object, what: str) -> Mapping[str, Any]:
    """An entry as an object, in which no key stands twice."""
    if isinstance(value, RepeatedKeys):
        raise FieldError(f"the key {shortly(value.key)} stands twice in {what}")
    if not isinstance(value, dict):
        raise FieldError(f"{what} is {shortly(value)}, not an object")
    return value


def require_fields(entry: Mapping[str, Any], names: Iterable[str]) -> None:
    """See that an entry has all fields."""
    missing = [name for name in names if name not in entry]
    if missing:
        raise FieldError(f"no {', '.join(missing)}")


def as_expression(value: object) -> str:
    """A caption or sentence, without control characters."""
    if not isinstance(value, str):
        raise FieldError(f"the expression is {shortly(value)}; a text is meant")
    if len(value) > MAX_CHARS:
        raise FieldError(f"the expression has {len(value)} characters; the limit is {MAX_CHARS}")
    found = clean_line(value)
    if not found:
        raise FieldError("the expression is empty")
    return found


def as_id(value: object, what: str) -> str:
    """An id as a text."""
    found = plain_id(value)
    if found is None:
        raise FieldError(f"{what} is {shortly(value)}; a whole number or a short text is meant")
    return found


def as_name(value: object, what: str) -> str:
    """A short text, as types of negatives have them."""
    found = _name(value) if isinstance(value, str) else None
    if found is None:
        raise FieldError(f"{what} is {shortly(value)}; a short text is meant")
    return found


@lru_cache(maxsize=1024)
def _name(value: str) -> str | None:
    # Some dozens of names stand in tens of thousands of entries.
    return plain_id(value)


def as_image_wh(image: Mapping[str, Any]) -> tuple[int, int]:
    """Width and height of an image."""
    width, height = as_whole(image.get("width")), as_whole(image.get("height"))
    if width is None or height is None or not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE):
        raise FieldError(f"width and height are {shortly(image.get('width'))} and {shortly(image.get('height'))}")
    return width, height


def as_whole(value: object) -> int | None:
    """A whole number, also one that is written as a float; None for anything else."""
    if type(value) is int:
        return value
    return int(value) if type(value) is float and value.is_integer() else None


def as_box(raw: object, image_wh: tuple[int, int]) -> Xyxy:
    """A box `[x, y, w, h]` as corners inside the image; it may extend beyond it by `BORDER_TOLERANCE` pixels."""
    return _box(raw, image_wh, cut=False)[0]


def as_cut_box(raw: object, image_wh: tuple[int, int]) -> tuple[Xyxy, float]:
    """As `as_box`, but a box may extend beyond the image by any length if at least half of it is inside.

    Returns:
        Its corners inside the image, and by how many pixels it extended beyond (0 or less: it did not).
    """
    return _box(raw, image_wh, cut=True)


def _box(raw: object, image_wh: tuple[int, int], cut: bool) -> tuple[Xyxy, float]:
    x, y, w, h = four_numbers(raw, "bbox", "it must be four numbers [x, y, w, h]")
    if w <= 0 or h <= 0:
        raise FieldError(f"bbox {raw} has no area")
    try:
        return inside_image((x, y, x + w, y + h), image_wh, cut)
    except FieldError as error:
        raise FieldError(f"bbox {raw} (xywh) {error}") from error


def four_numbers(
    raw: object, called: str = "the box", meant: str = "four numbers are meant"
) -> tuple[float, float, float, float]:
    """The numbers of a box, whatever they mean (`finecops.datasets.conventions`).

    Args:
        raw: the box as the file has it.
        called: what the message calls it.
        meant: what the message says that it should be.
    """
    if not isinstance(raw, list) or len(raw) != 4 or not all(type(v) is int or type(v) is float for v in raw):
        raise FieldError(f"{called} is {shortly(raw)}; {meant}")
    # A comparison holds for whole numbers of any length, and for no NaN.
    if not all(-1e9 < v < 1e9 for v in raw):
        raise FieldError(f"{called} {shortly(raw)} has a value that is not a finite number of pixels")
    return float(raw[0]), float(raw[1]), float(raw[2]), float(raw[3])


def inside_image(corners: Xyxy, image_wh: tuple[int, int], cut: bool = False) -> tuple[Xyxy, float]:
    """The part of a box, as corners in pixels, that is inside its image.

    Args:
        corners: they may be outside of the image by `BORDER_TOLERANCE` pixels.
        image_wh: the image's width and height.
        cut: whether they may be further outside, if `LEAST_INSIDE` of the area is inside.

    Returns:
        The part, and by how many pixels the box extends beyond the image (0 or less: it does not).

    Raises:
        FieldError: what the box does, without the box: `has no area`.
    """
    (x1, y1, x2, y2), (width, height) = corners, image_wh
    if x2 <= x1 or y2 <= y1:
        raise FieldError("has no area")
    # On the side where it is most.
    out = max(-x1, -y1, x2 - width, y2 - height)
    part = max(x1, 0.0), max(y1, 0.0), min(x2, float(width)), min(y2, float(height))
    inside = max(part[2] - part[0], 0.0) * max(part[3] - part[1], 0.0)
    if out > BORDER_TOLERANCE and not (cut and inside >= LEAST_INSIDE * (x2 - x1) * (y2 - y1)):
        raise FieldError(f"extends {out:g} pixels beyond the {width}x{height} image")
    if inside <= 0:
        raise FieldError(f"has no area inside the {width}x{height} image")
    return part, out


def as_image_path(file_name: object, source: SourceFile) -> str:
    """The image's path below the root: in the first folder that has it, else in the first folder.

    An image of COCO 2014 is also found by its name in COCO 2017.
    """
    problem = name_problem(file_name)
    if problem is not None:
        raise FieldError(f"the image has {problem}" if problem.startswith("a name") else f"of the image: {problem}")
    name = str(file_name)
    # Strings, not `Path`s: this runs once per entry. The one folder is the root itself: nothing to look up.
    if source.image_folders == (".",) and "./" not in name:
        return name
    names = [name]
    if match := _COCO_2014.fullmatch(name):
        # In COCO 2017 the same image has its number alone as its name.
        names.append(match[1])
    first = posixpath.normpath(posixpath.join(source.image_folders[0], name))
    if len(source.image_folders) == 1 and len(names) == 1:
        return first
    # One after the other: nearly all images are in the first folder.
    paths = (posixpath.normpath(posixpath.join(folder, n)) for n in names for folder in source.image_folders)
    return next((path for path in paths if os.path.isfile(f"{source.root}/{path}")), first)
