"""The box as a mask: what an editor repaints, and how its pixels come back into the image.

All pixels outside of the mask stay as they are, bit for bit: whatever an editor returns, only the mask is pasted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from finecops.errors import DataError
from finecops.records import Xyxy

Pixels = tuple[int, int, int, int]
"""A box of whole pixels: left, top, right, bottom; right and bottom are the first ones outside."""


@dataclass(frozen=True, slots=True)
class MaskOptions:
    """How a mask is made of a box.

    Attributes:
        grow: by how much the box grows on each side, as a share of its longer side.
        min_grow: but at least so many pixels.
        feather: over how many pixels inside the mask's edge the new pixels fade in. At most what the box grew by is
            used, so that the box itself is replaced whole.
        shape: a rectangle, or the largest ellipse in it (which leaves the corners of the box).
    """

    grow: float = 0.05
    min_grow: int = 4
    feather: int = 4
    shape: Literal["rectangle", "ellipse"] = "rectangle"


def grown_box(xyxy: Xyxy, image_wh: tuple[int, int], options: MaskOptions) -> Pixels:
    """The box that a mask covers, in whole pixels inside the image.

    >>> grown_box((10, 10, 30, 20), (100, 22), MaskOptions(grow=0.1, min_grow=4))
    (6, 6, 34, 22)

    Raises:
        DataError: no pixel of the box is in the image.
    """
    left, top, right, bottom = xyxy
    by = _grown_by(xyxy, options)
    found = (
        max(0, math.floor(left) - by),
        max(0, math.floor(top) - by),
        min(image_wh[0], math.ceil(right) + by),
        min(image_wh[1], math.ceil(bottom) + by),
    )
    inside = left < image_wh[0] and top < image_wh[1] and right > 0 and bottom > 0 and left < right and top < bottom
    if not inside:
        said = ", ".join(f"{value:g}" for value in xyxy)
        raise DataError(f"the box {said} is not in the image of {image_wh[0]}x{image_wh[1]} pixels")
    return found


def _grown_by(xyxy: Xyxy, options: MaskOptions) -> int:
    longer = max(xyxy[2] - xyxy[0], xyxy[3] - xyxy[1])
    return max(options.min_grow, round(options.grow * longer))


@dataclass(frozen=True, eq=False, slots=True)
class Mask:
    """What is repainted.

    Attributes:
        box: that of the mask, in the image.
        opacity: how much of each of its pixels is new, `[height, width]` of the box, from 0 to 1.
    """

    box: Pixels
    opacity: NDArray[np.float64]


def mask_of(xyxy: Xyxy, image_wh: tuple[int, int], options: MaskOptions) -> Mask:
    """The mask of a box: 1 in the box, fading out at the edges of the mask.

    An edge of the mask that is the border of the image does not fade: there is nothing to fade into.

    Raises:
        DataError: no pixel of the box is in the image.
    """
    width, height = image_wh
    left, top, right, bottom = grown_box(xyxy, image_wh, options)
    feather = min(options.feather, _grown_by(xyxy, options))
    if options.shape == "ellipse":
        return Mask((left, top, right, bottom), _ellipse(right - left, bottom - top, feather))
    across = _ramp(left, right, width, feather)
    down = _ramp(top, bottom, height, feather)
    return Mask((left, top, right, bottom), np.minimum(across[None, :], down[:, None]))


def _ramp(start: int, end: int, length: int, feather: int) -> NDArray[np.float64]:
    """From the edges of the mask to its middle, along one axis of an image of this length."""
    place = np.arange(start, end)
    # The distance to the first pixel outside; a border of the image is endlessly far.
    before = np.full(end - start, np.inf) if start == 0 else place - start + 1.0
    behind = np.full(end - start, np.inf) if end == length else end - place + 0.0
    ramp: NDArray[np.float64] = np.minimum(1.0, np.minimum(before, behind) / (feather + 1))
    return ramp


def _ellipse(width: int, height: int, feather: int) -> NDArray[np.float64]:
    x = (np.arange(width) + 0.5 - width / 2) / (width / 2)
    y = (np.arange(height) + 0.5 - height / 2) / (height / 2)
    # The radius is 1 on the edge. Along the shorter axis, a pixel is this much of it.
    inwards = (1 - np.sqrt(x[None, :] ** 2 + y[:, None] ** 2)) * min(width, height) / 2
    return np.clip(inwards / (feather + 1), 0.0, 1.0)


def paste_back(image: Image.Image, edited: Image.Image, mask: Mask) -> Image.Image:
    """The image with the edited pixels where the mask is.

    A grey photograph stays grey: a coloured patch in it would give the edit away.

    Args:
        image: the original, RGB.
        edited: of the same size, as the editor returned it.
        mask: where it is pasted.

    Raises:
        DataError: the editor returned an image of another size.
    """
    if edited.size != image.size:
        raise DataError(f"the editor returned {edited.width}x{edited.height} pixels for {image.width}x{image.height}")
    found = np.array(image.convert("RGB"))
    grey = bool((found[..., 0] == found[..., 1]).all() and (found[..., 1] == found[..., 2]).all())
    part = edited.crop(mask.box)
    new = np.asarray((part.convert("L") if grey else part).convert("RGB"))
    left, top, right, bottom = mask.box
    # A view: only what is inside the mask's box can be written to.
    old = found[top:bottom, left:right]
    share = mask.opacity[..., None]
    mixed = np.rint(share * new + (1 - share) * old).astype(np.uint8)
    # No rounding may touch a pixel that is not covered at all.
    old[:] = np.where(share > 0, mixed, old)
    return Image.fromarray(found)


def mask_image(box: Pixels, image_wh: tuple[int, int]) -> Image.Image:
    """The mask as pipelines take it: grey values, white is repainted. Its edge is hard; the pasting fades."""
    mask = Image.new("L", image_wh, 0)
    mask.paste(255, box)
    return mask
