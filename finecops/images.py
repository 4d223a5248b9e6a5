"""Reading image files, including files that are not trusted."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from finecops.errors import DataError

MAX_PIXELS = 100_000_000
"""Larger images are refused before they are decoded."""

MEDIA_TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
"""Formats that servers accept, by Pillow's name → media type."""
_ORIENTATION = 0x0112
"""The EXIF tag of the camera's orientation. 1: upright."""

CACHE_BYTES = 2 * 1024**3
"""How many bytes of decoded images a process keeps in memory."""


@dataclass(frozen=True)
class OriginalFile:
    """An image file that a server can get unchanged: every decoder gets the same pixels from it."""

    path: Path
    media_type: str
    """For example `image/jpeg`."""

    def read_bytes(self) -> bytes:
        """The content of the file."""
        return self.path.read_bytes()


@dataclass(frozen=True)
class Picture:
    """A decoded image, as models get it."""

    pixels: Image.Image
    """RGB. Do not modify it: other stages get the same object."""
    original: OriginalFile | None = None
    """The file, if it has the same pixels. None: the image was rotated or converted, or marks were drawn on it."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.pixels.size


_cache: dict[tuple[Path, int, int], Picture] = {}
_cached_bytes = 0


def read_image(path: Path) -> Image.Image:
    """Decode an image as RGB; see `read_picture`."""
    return read_picture(path).pixels


def read_picture(path: Path) -> Picture:
    """Decode an image as RGB, and keep it for the next stage.

    The stages of a run read the same images in the same order. So the first images that fit into `CACHE_BYTES` are kept
    until the end: removing the oldest would remove each image just before it is needed again. EXIF rotation is applied,
    as it is in annotation tools, which show the rotated image.

    Raises:
        DataError: the file is missing, broken, or too large.
    """
    global _cached_bytes
    if not path.is_file():
        raise DataError(f"image {path} is missing")
    state = path.stat()
    # A file that was changed gets another key and is read again.
    key = (path, state.st_mtime_ns, state.st_size)
    if key not in _cache:
        picture = _decode(path)
        # RGB: three bytes per pixel.
        size = 3 * picture.pixels.width * picture.pixels.height
        if _cached_bytes + size > CACHE_BYTES:
            return picture
        _cache[key] = picture
        _cached_bytes += size
    return _cache[key]


def forget_images() -> None:
    """Remove all decoded images from memory."""
    global _cached_bytes
    _cache.clear()
    _cached_bytes = 0


def _decode(path: Path) -> Picture:
    try:
        with warnings.catch_warnings():
            # Pillow warns from 89 megapixels on; here MAX_PIXELS is the limit.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise DataError(f"image {path} has {image.width}x{image.height} pixels; the limit is {MAX_PIXELS}")
                upright = ImageOps.exif_transpose(image)
                decoded = _as_rgb(upright)
                # A server may get the file itself only if its decoder sees what was decoded here: no transparency, no
                # rotation, and a mode that every decoder converts to RGB in the same way.
                plain = image.mode in ("RGB", "L", "P") and "transparency" not in image.info
                unchanged = plain and upright.size == image.size and image.getexif().get(_ORIENTATION, 1) == 1
                media_type = MEDIA_TYPES.get(image.format or "") if unchanged else None
                return Picture(decoded, OriginalFile(path, media_type) if media_type is not None else None)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"image {path} cannot be read: {error}") from error


def _as_rgb(image: Image.Image) -> Image.Image:
    """Convert to RGB with eight bits per colour. Transparent parts become white.

    Of 16-bit grey values, the upper eight bits are kept. Pillow's own conversion makes every value above 255 white.
    """
    # "I", "I;16" and their variants: Pillow opens a 16-bit file as integers. If all values fit in eight bits, they are.
    if image.mode.startswith("I"):
        values = np.asarray(image).astype(np.int64)
        return Image.fromarray((values >> 8 if values.max(initial=0) > 255 else values).astype(np.uint8)).convert("RGB")
    if image.mode == "F":
        raise ValueError("its pixels are floating-point numbers of no known range")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        coloured = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), coloured).convert("RGB")
    return image.convert("RGB")
