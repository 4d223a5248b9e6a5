"""What a box format is: from boxes to text and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from finecops.records import Xyxy
from finecops.replies.formats.quadruple import Found, ImageWh


@dataclass(frozen=True)
class BoxFormat:
    """A box format. Boxes are in pixels; image sizes are (width, height)."""

    encode: Callable[[Xyxy, ImageWh], str]
    """Box, image size → text."""
    find: Callable[[str, ImageWh], list[Found]]
    """Text, image size → every box with its character span, or the reason why it is not valid."""
    bin_size: Callable[[ImageWh], tuple[float, float]]
    """Image size → how many pixels in x and y correspond to a step of 1 in the numbers."""
