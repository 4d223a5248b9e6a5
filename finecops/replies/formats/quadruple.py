"""Boxes of four numbers: finding them in a text, and converting the numbers to pixels and back.

In the functions, `v` are the four numbers as written, `b` is a box in pixels and `wh` is the image's (width, height).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from finecops.records import Xyxy
from finecops.replies.formats.grouping import Grouping
from finecops.text import shortly

ImageWh = tuple[int, int]
Found = tuple[Xyxy, tuple[int, int]] | str
"""A box in pixels with its character span, or the reason why a box is not valid."""
NUMBER: Final = r"\s*+(\d++(?:\.\d++)?+)\s*+"
"""Regular expression of a number without a sign, with blanks around it; one group. It is possessive: nothing is read
twice, so a text that almost has a box takes no longer than one that has."""


@dataclass(frozen=True)
class Convention:
    """What four numbers mean."""

    to_pixels: Callable[[Xyxy, ImageWh], Xyxy]
    """The numbers as written, image size → box in pixels."""
    from_pixels: Callable[[Xyxy, ImageWh], Xyxy]
    """Box in pixels, image size → the numbers before rounding."""
    highest: Callable[[ImageWh], float]
    """Image size → the largest number allowed."""
    bin_size: Callable[[ImageWh], tuple[float, float]]
    """Image size → how many pixels in x and y correspond to the smallest step of the numbers."""
    to_corners: Callable[[Xyxy], Xyxy] = lambda v: v
    """The numbers as written → x1, y1, x2, y2 on the same scale."""
    top: float | None = None
    """The largest number allowed, where it is one for all images; then `to_pixels` also takes arrays of numbers."""


def per_axis(steps: float, highest: float | None = None) -> Convention:
    """Shares of the image's width and height, in `steps` parts.

    The largest number is `steps`, or `highest` where the model has no token for `steps` itself.
    """
    top = steps if highest is None else highest
    return Convention(
        to_pixels=lambda v, wh: (
            v[0] / steps * wh[0],
            v[1] / steps * wh[1],
            v[2] / steps * wh[0],
            v[3] / steps * wh[1],
        ),
        from_pixels=lambda b, wh: (
            b[0] / wh[0] * steps,
            b[1] / wh[1] * steps,
            b[2] / wh[0] * steps,
            b[3] / wh[1] * steps,
        ),
        highest=lambda wh: top,
        bin_size=lambda wh: (wh[0] / steps, wh[1] / steps),
        top=top,
    )


def per_axis_shares(decimals: int) -> Convention:
    """Shares (0 to 1) of the image's width and height.

    Args:
        decimals: how many decimals the model writes; they determine the bin size.
    """
    step = 10.0**-decimals
    return replace(per_axis(1), bin_size=lambda wh: (wh[0] * step, wh[1] * step))


def bin_centres(steps: int) -> Convention:
    """Indices of `steps` bins along the width and the height. An index stands for the centre of its bin."""
    # The centre of bin i is at i + 0.5 steps; rounding i - 0.5 gives the bin back.
    edges = per_axis(steps, steps - 1)
    return Convention(
        to_pixels=lambda v, wh: edges.to_pixels((v[0] + 0.5, v[1] + 0.5, v[2] + 0.5, v[3] + 0.5), wh),
        from_pixels=lambda b, wh: _map(lambda v: v - 0.5, edges.from_pixels(b, wh)),
        highest=edges.highest,
        bin_size=edges.bin_size,
    )


def centred_square(decimals: int) -> Convention:
    """Shares (0 to 1) of the image after padding to a square, with the image in the middle.

    Args:
        decimals: how many decimals the model writes; they determine the bin size.
    """

    def padding(wh: ImageWh) -> tuple[float, float, float]:
        side = max(wh)
        return float(side), (side - wh[0]) / 2, (side - wh[1]) / 2

    def to_pixels(v: Xyxy, wh: ImageWh) -> Xyxy:
        side, left, top = padding(wh)
        return (v[0] * side - left, v[1] * side - top, v[2] * side - left, v[3] * side - top)

    def from_pixels(b: Xyxy, wh: ImageWh) -> Xyxy:
        side, left, top = padding(wh)
        return ((b[0] + left) / side, (b[1] + top) / side, (b[2] + left) / side, (b[3] + top) / side)

    step = 10.0**-decimals
    return Convention(
        to_pixels=to_pixels,
        from_pixels=from_pixels,
        highest=lambda wh: 1.0,
        bin_size=lambda wh: (max(wh) * step, max(wh) * step),
    )


PIXELS: Final = Convention(
    to_pixels=lambda v, wh: v,
    from_pixels=lambda b, wh: b,
    highest=lambda wh: float(max(wh)),
    bin_size=lambda wh: (1.0, 1.0),
)
"""Pixels of the image."""


def find_boxes(
    pattern: re.Pattern[str], convention: Convention, text: str, image_wh: ImageWh, grouping: Grouping | None = None
) -> list[Found]:
    """All boxes in a text.

    Args:
        pattern: a regular expression with four groups: x1, y1, x2, y2 in this order, or in any order with these names.
            A group `box` is what a box's span is; without it, that is the whole match.
        convention: what the numbers mean.
        text: the reply.
        image_wh: the size of the image that the numbers refer to.
        grouping: of boxes that are tokens in a row: how they are grouped.

    Returns:
        For each match in the order of the text: the box in pixels, clipped to the image, with the span of the match; or
        the reason why it is not a box.
    """
    found: list[Found] = []
    highest = convention.highest(image_wh)
    group_of = pattern.groupindex
    order = (group_of["x1"], group_of["y1"], group_of["x2"], group_of["y2"]) if group_of else (1, 2, 3, 4)
    inner = group_of.get("box", 0)
    for match in grouping.boxes(pattern, text) if grouping is not None else pattern.finditer(text):
        if isinstance(match, str):
            found.append(match)
            continue
        x1, y1, x2, y2 = match.group(*order)
        written = (float(x1), float(y1), float(x2), float(y2))
        values = convention.to_corners(written)
        if max(written) > highest:
            found.append(f"{shortly(match[0].strip())[1:-1]} has a coordinate above {highest:g}")
        # Equal numbers on one axis only may still be a box: one bin wide, for a convention of bins.
        elif values[0] > values[2] or values[1] > values[3] or values[:2] == values[2:]:
            found.append(f"{shortly(match[0].strip())[1:-1]} has its corners in the wrong order")
        else:
            left, top, right, bottom = convention.to_pixels(values, image_wh)
            w, h = image_wh
            # Most boxes are inside the image; only the others are clipped.
            cut = (left, top, right, bottom)
            if left < 0 or top < 0 or right > w or bottom > h:
                cut = (min(max(left, 0.0), w), min(max(top, 0.0), h), min(max(right, 0.0), w), min(max(bottom, 0.0), h))
            if cut[0] >= cut[2] or cut[1] >= cut[3]:
                found.append(f"{shortly(match[0].strip())[1:-1]} has its corners in the wrong order or no area")
            else:
                found.append((cut, match.span(inner)))
    return found


def rounded(convention: Convention, box: Xyxy, image_wh: ImageWh) -> tuple[int, int, int, int]:
    """A box as the convention's numbers, rounded to integers from 0 to the largest number allowed."""
    highest = int(convention.highest(image_wh))
    x1, y1, x2, y2 = (min(max(round(v), 0), highest) for v in convention.from_pixels(box, image_wh))
    return x1, y1, x2, y2


def _map(change: Callable[[float], float], values: Xyxy) -> Xyxy:
    return (change(values[0]), change(values[1]), change(values[2]), change(values[3]))
