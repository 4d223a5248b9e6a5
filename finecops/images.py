"""Reading image files, untrusted ones too."""

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
"""Formats that servers take."""
_ORIENTATION = 0x0112
"""The EXIF tag that says how a camera was held."""

CACHE_BYTES = 2 * 1024**3
"""How many bytes of decoded images a process keeps."""


@dataclass(frozen=True)
class OriginalFile:
    """A file that shows what was decoded from it, in any decoder, in a format that servers take."""

    path: Path
    media_type: str

    def read_bytes(self) -> bytes:
        """What the file holds."""
        return self.path.read_bytes()


@dataclass(frozen=True)
class Picture:
    """A decoded image as models get it.

    Attributes:
        pixels: RGB. Not to be changed: other stages get the same object.
        original: the file it came from, where that shows the very same; None for what was drawn on or rotated.
    """

    pixels: Image.Image
    original: OriginalFile | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.pixels.size


_cache: dict[tuple[Path, int, int], Picture] = {}
_cached_bytes = 0


def read_image(path: Path) -> Image.Image:
    """The pixels of `read_picture`."""
    return read_picture(path).pixels


def read_picture(path: Path) -> Picture:
    """Decode an image as RGB; it is kept for the next stage that asks.

    The stages of a run go through the same images in the same order, so the first ones that fit into
    `CACHE_BYTES` stay and none is evicted: dropping the oldest would drop each just before it is needed again.
    EXIF rotation is applied, as annotation tools that draw boxes on what they show do.

    Raises:
        DataError: the file is missing, broken, or too large.
    """
    global _cached_bytes
    if not path.is_file():
        raise DataError(f"image {path} is missing")
    state = path.stat()
    key = (path, state.st_mtime_ns, state.st_size)
    if key not in _cache:
        picture = _decode(path)
        size = 3 * picture.pixels.width * picture.pixels.height
        if _cached_bytes + size > CACHE_BYTES:
            return picture
        _cache[key] = picture
        _cached_bytes += size
    return _cache[key]


def forget_images() -> None:
    """Drop all decoded images that are kept."""
    global _cached_bytes
    _cache.clear()
    _cached_bytes = 0


def _decode(path: Path) -> Picture:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise DataError(f"image {path} has {image.width}x{image.height} pixels; the limit is {MAX_PIXELS}")
                upright = ImageOps.exif_transpose(image)
                decoded = _as_rgb(upright)
                # What a server may be sent as it is: any decoder sees in the file what was decoded here.
                plain = image.mode in ("RGB", "L", "P") and "transparency" not in image.info
                unchanged = plain and upright.size == image.size and image.getexif().get(_ORIENTATION, 1) == 1
                media_type = MEDIA_TYPES.get(image.format or "") if unchanged else None
                return Picture(decoded, OriginalFile(path, media_type) if media_type is not None else None)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"image {path} cannot be read: {error}") from error


def _as_rgb(image: Image.Image) -> Image.Image:
    """Eight bits of three colours. Transparent parts become white; of 16 bits the upper eight are kept, which
    Pillow's own conversion would cut to white."""
    if image.mode.startswith("I"):
        values = np.asarray(image).astype(np.int64)
        return Image.fromarray((values >> 8 if values.max(initial=0) > 255 else values).astype(np.uint8)).convert("RGB")
    if image.mode == "F":
        raise ValueError("its pixels are floating-point numbers of no known range")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        coloured = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), coloured).convert("RGB")
    return image.convert("RGB")
