"""Reading image files, including files that are not trusted."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, PngImagePlugin, UnidentifiedImageError

from finecops.archives.zip_images import unpack_if_zipped
from finecops.errors import DataError
from finecops.rgb import as_rgb

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF")
"""What is opened, by Pillow's name; of a GIF the first frame. Pillow knows forty more, and one starts Ghostscript."""

MAX_PIXELS = 100_000_000
"""Larger images are refused before they are decoded."""

MEDIA_TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
"""Formats that servers accept, by Pillow's name → media type."""
_ORIENTATION = 0x0112
"""The EXIF tag of the camera's orientation. 1: upright."""
MISSING = "is missing"
"""The end of the error about an image that is not there."""

PngImagePlugin.MAX_TEXT_CHUNK = 1024**2
PngImagePlugin.MAX_TEXT_MEMORY = 4 * 1024**2
# Texts and colour profiles beside the pixels of a PNG file, unpacked: no picture needs more.

CACHE_BYTES = 2 * 1024**3
"""How many bytes of decoded images a process keeps in memory."""
RECENT_BYTES = CACHE_BYTES // 8
"""How many bytes of other images it keeps until newer ones come: those of a batch, which several stages work on."""
AHEAD_BYTES = RECENT_BYTES // 4
"""How many bytes of images are decoded ahead of a batch: they must not push out those of the current one."""


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


_Key = tuple[Path, int, int]
"""Path, time of the last change in nanoseconds, bytes."""
_cache: dict[_Key, Picture] = {}
_cached_bytes = 0
_recent: dict[_Key, Picture] = {}
"""The last images that are not in the cache, the last one last."""
_recent_bytes = 0
_lock = Lock()
"""For the numbers of bytes: images are read by several threads."""


def read_image(path: Path) -> Image.Image:
    """Decode an image as RGB; see `read_picture`."""
    return read_picture(path).pixels


def read_picture(path: Path, expected_wh: tuple[int, int] | None = None) -> Picture:
    """Decode an image as RGB, and keep it for the next stage.

    The stages of a run read the same images in the same order. So the first images that fit into `CACHE_BYTES` are kept
    until the end: removing the oldest would remove each image just before it is needed again. Of the others the last
    are kept (`RECENT_BYTES`). EXIF rotation is applied, as it is in annotation tools, which show the rotated image.

    Args:
        path: the file.
        expected_wh: width and height in the annotation, whose boxes would be wrong in an image of another size.

    Raises:
        DataError: the file is missing, broken, too large, no picture, or of another size.
    """
    picture = _read(path)
    if expected_wh is not None and picture.size != expected_wh:
        found, expected = ("x".join(map(str, wh)) for wh in (picture.size, expected_wh))
        raise DataError(f"image {path} is {found}; its annotation says {expected}")
    return picture


def read_ahead(paths: Iterable[Path]) -> None:
    """Decode images that will be asked for soon, up to `AHEAD_BYTES`, and keep them as `read_picture` does.

    An image that cannot be read, for whatever reason, is passed over: reading it with its batch gives the error.
    """
    taken = 0
    for path in paths:
        with suppress(Exception):
            key, found = _looked_up(path)
            if found is None:
                # From the file's head: nothing too large is decoded only to be thrown away.
                width, height = stated_size(path)
                taken += 3 * width * height
                if taken > AHEAD_BYTES:
                    return
                _keep(key, _decode(path))


def decode_image(path: Path) -> Image.Image:
    """An image in RGB, which is not kept: for work that looks at each image once.

    Raises:
        DataError: as `read_picture`.
    """
    _check_is_file(path)
    return _decode(path).pixels


def image_size(path: Path) -> tuple[int, int]:
    """Width and height of an image, which is decoded and not kept.

    Raises:
        DataError: as `read_picture`.
    """
    return decode_image(path).size


def grey_square(path: Path, side: int) -> NDArray[np.float64]:
    """An image in grey, scaled to a square `[side, side]`: for comparing pictures, and not kept.

    Raises:
        DataError: as `read_picture`.
    """
    _check_is_file(path)
    # JPEG decodes to an eighth of the size in a fraction of the time, which is still much larger than the square.
    small = _decode(path, draft=8 * side).pixels.convert("L").resize((side, side), Image.Resampling.LANCZOS)
    return np.asarray(small, dtype=np.float64)


def small_image(path: Path, side: int) -> Image.Image:
    """An image in RGB whose longer side has at most `side` pixels: for pages, and not kept.

    Raises:
        DataError: as `read_picture`.
    """
    _check_is_file(path)
    small = _decode(path, draft=side).pixels
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    return small


def stated_size(path: Path) -> tuple[int, int]:
    """Width and height of an image as it is shown, from the head of the file: nothing is decoded.

    For annotations that state no sizes. A file that is cut off behind its head is not noticed here.

    Raises:
        DataError: the file is missing, too large, or no picture.
    """
    _check_is_file(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path, formats=FORMATS) as image:
                width, height = image.size
                # 5 to 8: the camera lay on its side.
                turned = image.getexif().get(_ORIENTATION, 1) in (5, 6, 7, 8)
    except Exception as error:
        raise DataError(f"image {path} cannot be read: {error or type(error).__name__}") from error
    if width * height > MAX_PIXELS:
        raise DataError(f"image {path} has {width}x{height} pixels; the limit is {MAX_PIXELS}")
    return (height, width) if turned else (width, height)


def _check_is_file(path: Path) -> None:
    """Refuse what is no file: reading a queue or a device never ends. An image in a zip file becomes a file."""
    try:
        unpack_if_zipped(path)
        if path.is_file():
            return
        what = "is not a file" if path.exists() else MISSING
    except (OSError, ValueError) as error:
        what = f"cannot be looked up: {error}"
    raise DataError(f"image {path} {what}")


def _read(path: Path) -> Picture:
    key, found = _looked_up(path)
    return found if found is not None else _keep(key, _decode(path))


def _looked_up(path: Path) -> tuple[_Key, Picture | None]:
    """A file's key in memory, and what is kept of it. A file that was changed gets another key and is read again."""
    _check_is_file(path)
    state = path.stat()
    key = (path, state.st_mtime_ns, state.st_size)
    return key, _cache.get(key) or _recent.get(key)


def _keep(key: _Key, picture: Picture) -> Picture:
    global _cached_bytes
    with _lock:
        # Another thread may have decoded it at the same time: everybody gets the same object.
        found = _cache.get(key) or _recent.get(key)
        if found is not None:
            return found
        if _cached_bytes + _bytes_of(picture) > CACHE_BYTES:
            _keep_recent(key, picture)
        else:
            _cache[key] = picture
            _cached_bytes += _bytes_of(picture)
    return picture


def _keep_recent(key: _Key, picture: Picture) -> None:
    global _recent_bytes
    _recent[key] = picture
    _recent_bytes += _bytes_of(picture)
    while _recent_bytes > RECENT_BYTES:
        _recent_bytes -= _bytes_of(_recent.pop(next(iter(_recent))))


def _bytes_of(picture: Picture) -> int:
    # RGB: three bytes per pixel.
    return 3 * picture.pixels.width * picture.pixels.height


def forget_images(but: Collection[Path] = ()) -> None:
    """Remove all decoded images from memory, but those of some files."""
    global _cached_bytes, _recent_bytes
    with _lock:
        for kept in (_cache, _recent):
            for key in [key for key in kept if key[0] not in but]:
                del kept[key]
        _cached_bytes, _recent_bytes = (sum(map(_bytes_of, kept.values())) for kept in (_cache, _recent))


def _decode(path: Path, draft: int | None = None) -> Picture:
    try:
        with warnings.catch_warnings():
            # Pillow warns from 89 megapixels on; here MAX_PIXELS is the limit.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path, formats=FORMATS) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise DataError(f"image {path} has {image.width}x{image.height} pixels; the limit is {MAX_PIXELS}")
                if draft is not None:
                    image.draft("RGB", (draft, draft))
                size, orientation = image.size, image.getexif().get(_ORIENTATION, 1)
                # In place: of the largest images, each copy takes 400 MB.
                ImageOps.exif_transpose(image, in_place=True)
                decoded = as_rgb(image)
                # A server may get the file itself only if its decoder sees what was decoded here: no transparency, no
                # rotation, and a mode that every decoder converts to RGB in the same way.
                plain = image.mode in ("RGB", "L", "P") and "transparency" not in image.info
                unchanged = plain and decoded.size == size and orientation == 1
                media_type = MEDIA_TYPES.get(image.format or "") if unchanged else None
                return Picture(decoded, OriginalFile(path, media_type) if media_type is not None else None)
    except UnidentifiedImageError as error:
        raise DataError(f"image {path} cannot be read: it is none of {', '.join(FORMATS)}") from error
    except DataError:
        raise
    except Exception as error:
        # Pillow raises exceptions of any kind for broken files: struct.error, KeyError, EOFError, ….
        raise DataError(f"image {path} cannot be read: {error or type(error).__name__}") from error
