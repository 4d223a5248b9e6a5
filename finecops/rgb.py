"""Pixels of every mode that Pillow opens, as RGB."""

from __future__ import annotations

import numpy as np
from PIL import Image

_STRIP_ROWS = 256
"""How many rows of a picture are laid on white at a time."""


def as_rgb(image: Image.Image) -> Image.Image:
    """Convert to RGB with eight bits per colour. Transparent parts become white.

    Of 16-bit grey values, the upper eight bits are kept. Pillow's own conversion makes every value above 255 white.
    """
    # "I", "I;16" and their variants: Pillow opens a 16-bit file as integers. If all values fit in eight bits, they are.
    if image.mode.startswith("I"):
        values = np.asarray(image)
        return Image.fromarray((values >> 8 if values.max(initial=0) > 255 else values).astype(np.uint8)).convert("RGB")
    if image.mode == "F":
        raise ValueError("its pixels are floating-point numbers of no known range")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        return _on_white(image)
    return image.convert("RGB")


def _on_white(image: Image.Image) -> Image.Image:
    """A picture with transparent parts on a white ground, made strip by strip: whole, it would be four copies."""
    found = Image.new("RGB", image.size)
    for top in range(0, image.height, _STRIP_ROWS):
        box = (0, top, image.width, min(top + _STRIP_ROWS, image.height))
        strip = image.crop(box).convert("RGBA")
        found.paste(Image.alpha_composite(Image.new("RGBA", strip.size, "white"), strip).convert("RGB"), box)
    return found
