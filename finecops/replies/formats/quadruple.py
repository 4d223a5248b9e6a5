"""The one way to read boxes of four numbers: where they stand in a text, and what the numbers mean.

A convention is a pair of functions between the numbers and pixels; it is the dialect's own and never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from finecops.records import Xyxy

ImageWh = tuple[int, int]
Found = tuple[Xyxy, tuple[int, int]] | str
NUMBER: Final = r"\s*(\d+(?:\.\d+)?)\s*"


@dataclass(frozen=True)
class Convention:
    """What four numbers mean.

    Attributes:
        to_pixels: the numbers as written and the image's size → xyxy pixels.
        from_pixels: the other way, before rounding.
        highest: the highest number there may be, per image size.
        bin_size: how many pixels (x, y) one step of the numbers is.
    """

    to_pixels: Callable[[Xyxy, ImageWh], Xyxy]
    from_pixels: Callable[[Xyxy, ImageWh], Xyxy]
    highest: Callable[[ImageWh], float]
    bin_size: Callable[[ImageWh], tuple[float, float]]


def per_axis(steps: float, highest: float | None = None) -> Convention:
    """Shares of the image's own sides, in `steps` parts."""
    top = steps if highest is None else highest
    return Convention(
        lambda v, wh: (v[0] / steps * wh[0], v[1] / steps * wh[1], v[2] / steps * wh[0], v[3] / steps * wh[1]),
        lambda b, wh: (b[0] / wh[0] * steps, b[1] / wh[1] * steps, b[2] / wh[0] * steps, b[3] / wh[1] * steps),
        lambda wh: top,
        lambda wh: (wh[0] / steps, wh[1] / steps),
    )


def bin_centres(steps: int) -> Convention:
    """Numbers of bins along the image's own sides; a bin stands for its centre."""
    edges = per_axis(steps, steps - 1)
    return Convention(
        lambda v, wh: edges.to_pixels((v[0] + 0.5, v[1] + 0.5, v[2] + 0.5, v[3] + 0.5), wh),
        lambda b, wh: _map(lambda v: v - 0.5, edges.from_pixels(b, wh)),
        edges.highest,
        edges.bin_size,
    )


def centred_square(decimals: int) -> Convention:
    """Shares (0 to 1) of the image padded to a square, the image in the middle."""

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
    return Convention(to_pixels, from_pixels, lambda wh: 1.0, lambda wh: (max(wh) * step, max(wh) * step))


PIXELS: Final = Convention(lambda v, wh: v, lambda b, wh: b, lambda wh: float(max(wh)), lambda wh: (1.0, 1.0))


def find_boxes(pattern: re.Pattern[str], convention: Convention, text: str, image_wh: ImageWh) -> list[Found]:
    """All boxes in a text as pixels, cut to the image, with the span of the match; for a box that is none, a
    sentence that says why. The pattern has four groups, x1 y1 x2 y2, or named ones of these names."""
    found: list[Found] = []
    highest = convention.highest(image_wh)
    at = pattern.groupindex
    order = (at["x1"], at["y1"], at["x2"], at["y2"]) if at else (1, 2, 3, 4)
    for match in pattern.finditer(text):
        x1, y1, x2, y2 = match.group(*order)
        values = (float(x1), float(y1), float(x2), float(y2))
        if max(values) > highest:
            found.append(f"{match[0].strip()} has a coordinate above {highest:g}")
        elif values[0] > values[2] or values[1] > values[3] or values[:2] == values[2:]:
            found.append(f"{match[0].strip()} has its corners the wrong way round")
        else:
            left, top, right, bottom = convention.to_pixels(values, image_wh)
            w, h = image_wh
            cut = (left, top, right, bottom)
            if left < 0 or top < 0 or right > w or bottom > h:
                cut = (min(max(left, 0.0), w), min(max(top, 0.0), h), min(max(right, 0.0), w), min(max(bottom, 0.0), h))
            if cut[0] >= cut[2] or cut[1] >= cut[3]:
                found.append(f"{match[0].strip()} has its corners the wrong way round or no area")
            else:
                found.append((cut, match.span()))
    return found


def rounded(convention: Convention, box: Xyxy, image_wh: ImageWh) -> tuple[int, int, int, int]:
    """A box as the convention's numbers, rounded to integers and cut to what it allows."""
    highest = int(convention.highest(image_wh))
    x1, y1, x2, y2 = (min(max(round(v), 0), highest) for v in convention.from_pixels(box, image_wh))
    return x1, y1, x2, y2


def _map(change: Callable[[float], float], values: Xyxy) -> Xyxy:
    return (change(values[0]), change(values[1]), change(values[2]), change(values[3]))
