"""Sizes of images for annotation files that do not state them: from the image's header, or from a table beside.

A sample needs its image's size, since boxes are checked against it. The size is that of the image as it is shown: EXIF
rotation is applied, as `finecops.images` does.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

from PIL import Image

from finecops.datasets.fields import FieldError, as_image_wh
from finecops.datasets.source import SourceFile
from finecops.errors import DataError
from finecops.images import FORMATS, MAX_PIXELS
from finecops.paths import safe_path
from finecops.text import plain_id

_ORIENTATION, _TURNED = 0x0112, (5, 6, 7, 8)
"""The EXIF tag, and its values with width and height exchanged."""
Table = Mapping[str, tuple[int, int]]
"""Image id or file name → width and height."""


def header_wh(path: Path) -> tuple[int, int]:
    """Width and height of an image file as it is shown; its pixels are not decoded.

    Raises:
        DataError: the file is missing, is no picture or too large.
    """
    if not path.is_file():
        raise DataError(f"image {path} is missing")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path, formats=FORMATS) as image:
                turned = image.getexif().get(_ORIENTATION) in _TURNED
                width, height = image.size
    except Exception as error:
        # Pillow raises exceptions of any kind for broken files.
        raise DataError(f"image {path} cannot be read: {error or type(error).__name__}") from error
    if width * height > MAX_PIXELS:
        raise DataError(f"image {path} has {width}x{height} pixels; the limit is {MAX_PIXELS}")
    return (height, width) if turned else (width, height)


class ImageSizes:
    """The sizes of a source's images, each looked up once: the image's header first, then a table."""

    def __init__(self, source: SourceFile, table: Callable[[], Table] | None = None, hint: str = "") -> None:
        """
        Args:
            source: whose images.
            table: reads the table, at most once, when the first image is not there.
            hint: what to put where, for messages.
        """
        self._source, self._read_table, self._hint = source, table, hint
        self._table: Table | None = None
        self._known: dict[str, tuple[int, int] | str] = {}

    def of(self, image: str, key: str = "") -> tuple[int, int]:
        """Width and height.

        Args:
            image: path of the image below the root, as `as_image_path` gives it.
            key: what the table calls it.

        Raises:
            FieldError: the image cannot be read and no table has it.
        """
        if image not in self._known:
            self._known[image] = self._look_up(image, key)
        found = self._known[image]
        if isinstance(found, str):
            raise FieldError(found)
        return found

    def _look_up(self, image: str, key: str) -> tuple[int, int] | str:
        try:
            return header_wh(image_file(self._source, image))
        except DataError as error:
            if self._table is None:
                self._table = self._read_table() if self._read_table is not None else {}
            if key in self._table:
                return self._table[key]
            return f"its size is not known: {error}" + (f" ({self._hint})" if self._hint else "")


def image_file(source: SourceFile, image: str) -> Path:
    """The file of an image; the folder of images may itself be a link.

    Raises:
        DataError: a link leads out of the folder.
    """
    for folder in sorted(source.image_folders, key=len, reverse=True):
        if image.startswith(f"{folder}/"):
            return safe_path(source.root / folder, image.removeprefix(f"{folder}/"))
    return safe_path(source.root, image)


def first_file(folders: tuple[Path, ...], *names: str) -> Path | None:
    """The first of the files that is in one of the folders."""
    return next((folder / name for name in names for folder in folders if (folder / name).is_file()), None)


def wh_by_id(entries: Mapping[str, object]) -> dict[str, tuple[int, int]]:
    """Sizes of entries with `width` and `height`, by their key; entries without a usable size are left out."""
    found = {}
    for key, entry in entries.items():
        id_ = plain_id(key)
        if id_ is None or not isinstance(entry, dict):
            continue
        try:
            found[id_] = as_image_wh(entry)
        except FieldError:
            continue
    return found
