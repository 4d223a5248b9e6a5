"""Box formats that a model's file declares (`finecops.config.box_pattern`): from the text of a box to its parser.

The parser reads a reply once. Literal pieces stand before numbers that are read whole, nothing is read twice at one
place, and no literal piece ends or begins with a digit, so the time grows with the length of the reply alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from finecops.config.box_pattern import BoxPattern
from finecops.records import Xyxy
from finecops.replies.formats.box_format import BoxFormat
from finecops.replies.formats.grouping import Grouping
from finecops.replies.formats.quadruple import PIXELS, Convention, ImageWh, find_boxes, per_axis

_GROUPS = {
    "x1": "x1",
    "y1": "y1",
    "x2": "x2",
    "y2": "y2",
    "x": "x1",
    "y": "y1",
    "cx": "x1",
    "cy": "y1",
    "w": "x2",
    "h": "y2",
}
"""Placeholder → the group of the pattern that holds its number (`find_boxes`)."""
_NUMBER = r"(?P<{}>\d++(?:\.\d++)?+)"


@lru_cache(maxsize=64)
def declared_format(pattern: BoxPattern) -> BoxFormat:
    """The box format of a declared text."""
    compiled, convention = re.compile(_expression(pattern.pieces)), _convention(pattern)
    grouping = _grouping(pattern.pieces)
    template, decimals = pattern.text, pattern.written_decimals

    def encode(box: Xyxy, image_wh: ImageWh) -> str:
        highest = convention.highest(image_wh)
        corners = [min(max(v, 0.0), highest) for v in convention.from_pixels(box, image_wh)]
        # Corners are rounded before sizes are taken: the box then has the corners that it would have in another shape.
        x1, y1, x2, y2 = (round(v, decimals) for v in corners)
        values = {"x1": x1, "y1": y1, "x2": x2, "y2": y2, "x": x1, "y": y1, "w": x2 - x1, "h": y2 - y1}
        values |= {"cx": (x1 + x2) / 2, "cy": (y1 + y2) / 2}
        return template.format(**{name: f"{value:.{decimals}f}" for name, value in values.items()})

    def bin_size(image_wh: ImageWh) -> tuple[float, float]:
        x, y = convention.bin_size(image_wh)
        return x / 10**decimals, y / 10**decimals

    return BoxFormat(
        encode,
        lambda text, wh: find_boxes(compiled, convention, text=text, image_wh=wh, grouping=grouping),
        bin_size=bin_size,
    )


def _expression(pieces: Sequence[tuple[str, str | None]]) -> str:
    """The regular expression; blanks around numbers are free, any other blank stands for one or more."""
    parts = []
    for number, (literal, field) in enumerate(pieces):
        words = r"\s++".join(re.escape(word) for word in literal.split())
        if field is None:
            parts.append(rf")\s*+{words}" if words else ")")
            continue
        # The group "box" reaches from the first number to the last: the markers around them are none of its tokens.
        begin = "(?P<box>" if number == 0 else r"\s*+"
        if number == 0:
            # Without a word before it, a match must not begin within a number.
            parts.append(rf"{words}\s*+" if words else r"(?<![\d.])")
            words = ""
        parts.append(f"{begin}{words}" + ("" if number == 0 else r"\s*+") + _NUMBER.format(_GROUPS[field]))
    if pieces[-1][1] is not None:
        parts.append(")")
    return "".join(parts)


def _grouping(pieces: Sequence[tuple[str, str | None]]) -> Grouping | None:
    """How boxes are grouped that are tokens in a row, of one or two numbers: of five in a row, none four are a box.

    None where something stands around a box or between its numbers that tells it from its neighbours.
    """
    prefix, first, middle, last, *rest = (literal.strip() for literal, _ in pieces)
    tail = rest[0] if rest else ""
    # A blank may be any number of blanks, and what could be part of a number ends no number.
    if first != last or any(any(char.isspace() or char in "+-.eE" for char in one) for one in (prefix, first, tail)):
        return None
    number = r"[-+.\deE\s]*+"
    if first == middle and not prefix and not tail:
        return Grouping(re.compile(r"(?<![\d.])[-+]?+\d++(?:\.\d++)?+"), 4, (first,))
    if not (prefix and tail):
        return None
    if first == middle == tail + prefix:
        return Grouping(re.compile(re.escape(prefix) + number + re.escape(tail)), 4)
    if middle.startswith(tail) and middle.endswith(prefix) and len(middle) >= len(tail + prefix):
        token = re.escape(prefix) + number + re.escape(first) + number + re.escape(tail)
        return Grouping(re.compile(token), 2, ("", middle[len(tail) : len(middle) - len(prefix)].strip()))
    return None


def _convention(pattern: BoxPattern) -> Convention:
    plain = PIXELS if pattern.steps is None else per_axis(pattern.steps)
    to_corners = {"xyxy": plain.to_corners, "xywh": _of_corner_and_size, "cxcywh": _of_centre_and_size}
    return replace(plain, to_corners=to_corners[pattern.shape])


def _of_corner_and_size(v: Xyxy) -> Xyxy:
    return (v[0], v[1], v[0] + v[2], v[1] + v[3])


def _of_centre_and_size(v: Xyxy) -> Xyxy:
    return (v[0] - v[2] / 2, v[1] - v[3] / 2, v[0] + v[2] / 2, v[1] + v[3] / 2)
