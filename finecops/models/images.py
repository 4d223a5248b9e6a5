"""Reading image files, untrusted ones too."""

from __future__ import annotations

import warnings
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from finecops.errors import DataError

MAX_PIXELS = 100_000_000
"""Larger images are refused before they are decoded."""


@lru_cache(maxsize=64)
def read_image(path: Path) -> Image.Image:
    """Decode an image as RGB; the last 64 are kept, since stages of one run ask for the same ones.

    EXIF rotation is applied, as annotation tools that draw boxes on what they show do.

    Raises:
        DataError: the file is missing, broken, or too large.
    """
    if not path.is_file():
        raise DataError(f"image {path} is missing")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise DataError(f"image {path} has {image.width}x{image.height} pixels; the limit is {MAX_PIXELS}")
                return ImageOps.exif_transpose(image).convert("RGB")
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"image {path} cannot be read: {error}") from error
