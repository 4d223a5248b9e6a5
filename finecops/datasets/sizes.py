"""Sizes of images for annotation files that do not state them: from the image's header, or from a table beside.

A sample needs its image's size, since boxes are checked against it. The size is that of the image as it is shown: EXIF
rotation is applied, as `finecops.images` does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from finecops.datasets.fields import FieldError, as_image_wh
from finecops.datasets.source import SourceFile
from finecops.errors import DataError
from finecops.images import MISSING, stated_size
from finecops.text import plain_id

Table = Mapping[str, tuple[int, int]]
"""Image id or file name → width and height."""


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
            return stated_size(self._source.images.path_of(image))
        except DataError as error:
            if self._table is None:
                self._table = self._read_table() if self._read_table is not None else {}
            if key in self._table:
                return self._table[key]
            # No other place helps an image that is there and cannot be read.
            hint = self._hint if str(error).endswith(MISSING) else ""
            return f"{error}: {hint}" if hint else str(error)


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
