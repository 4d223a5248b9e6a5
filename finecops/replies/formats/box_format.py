"""What a box format is: from boxes to text and back."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finecops.records import Xyxy
from finecops.replies.formats.quadruple import Convention, Found, ImageWh


@dataclass(frozen=True)
class BoxFormat:
    """A box format. Boxes are in pixels; image sizes are (width, height)."""

    encode: Callable[[Xyxy, ImageWh], str]
    """Box, image size → text."""
    find: Callable[[str, ImageWh], list[Found]]
    """Text, image size → every box with its character span, or the reason why it is not valid."""
    bin_size: Callable[[ImageWh], tuple[float, float]]
    """Image size → how many pixels in x and y correspond to a step of 1 in the numbers."""
    single: Single | None = None
    """How texts with one box are read many at a time, where that is possible."""


@dataclass(frozen=True)
class Single:
    """A format in which a text with one match of a pattern has one box, whatever stands around it.

    Attributes:
        pattern: its four groups are x1, y1, x2, y2.
        convention: what these mean; it takes arrays.
    """

    pattern: re.Pattern[str]
    convention: Convention

    def xyxy(self, written: NDArray[np.float64], image_wh: NDArray[np.int64]) -> NDArray[np.float64]:
        """Boxes in pixels `[n, 4]` of numbers as written `[n, 4]`, as `find_boxes` gives them; NaN where it gives
        none, or one that it cuts."""
        assert self.convention.top is not None
        x1, y1, x2, y2 = written.T
        wide, high = image_wh.T
        # The functions of a convention are written for four numbers and two sides; with arrays they do the same.
        found = np.stack(self.convention.to_pixels((x1, y1, x2, y2), (wide, high)), axis=1)
        sound = (written.max(axis=1) <= self.convention.top) & (x1 <= x2) & (y1 <= y2) & ((x1 != x2) | (y1 != y2))
        sound &= (found[:, :2] >= 0).all(axis=1) & (found[:, 2] <= wide) & (found[:, 3] <= high)
        sound &= (found[:, :2] < found[:, 2:]).all(axis=1)
        return np.where(sound[:, None], found, np.nan)
