"""Images that are inside a parquet file: each is written to a folder once, as the file that it was.

The folder is named by what it holds, so that two rows with one image share it, and a changed image is another file.
What became of each row stands in an index beside the images: the next reading of the file opens no image.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from finecops.archives.zip_images import write_atomically
from finecops.datasets.fields import FieldError
from finecops.datasets.parquet.table import ParquetTable
from finecops.datasets.problems import Problem
from finecops.errors import DataError
from finecops.images import image_size
from finecops.paths import name_problem
from finecops.progress import progress

IMAGES = "images"
"""The folder of images below a dataset's cache folder."""
_VERSION = 1
"""Of the index. Another one is made again."""
_LONGEST_NAME = 200
"""Bytes of a name that is kept; more is added while the file is written."""
_ENDINGS = {b"\xff\xd8\xff": ".jpg", b"\x89PNG": ".png", b"RIFF": ".webp", b"GIF8": ".gif", b"BM": ".bmp"}
_ENDINGS |= {b"II*\x00": ".tif", b"MM\x00*": ".tif"}


class Kept(NamedTuple):
    """An image of a row."""

    image: str
    """Its path below the cache folder."""
    width: int
    height: int


def images_of(table: ParquetTable, names: str | None, folder: Path) -> list[Kept | str]:
    """The image of each row, or what is wrong with it. Images that are not in the folder yet are written to it.

    Args:
        table: the file.
        names: the column with the names of the images, if there is one.
        folder: where images and index are kept.

    Raises:
        DataError: the folder cannot be written to.
    """
    with table.path.open("rb") as file:
        checksum = hashlib.file_digest(file, "sha256").hexdigest()
    index = folder / "index" / f"{checksum}-v{_VERSION}.json"
    known = _read_index(index, folder, table.rows)
    if known is not None:
        return known
    try:
        found = list(_extracted(table, names, folder))
        write_atomically(index, json.dumps(found).encode())
    except OSError as error:
        raise DataError(f"images cannot be written to {folder}/: {error.strerror or error}") from error
    return found


def _read_index(path: Path, folder: Path, rows: int) -> list[Kept | str] | None:
    """What an earlier reading found; None where there was none, or an image has gone since."""
    try:
        found = [entry if isinstance(entry, str) else Kept(*entry) for entry in json.loads(path.read_bytes())]
    except (OSError, ValueError, TypeError):
        return None
    there = all(os.path.isfile(folder / image) for image in {k.image for k in found if isinstance(k, Kept)})
    return found if there and len(found) == rows else None


def _extracted(table: ParquetTable, names: str | None, folder: Path) -> Iterator[Kept | str]:
    known: dict[str, Kept] = {}
    columns = ["image"] if names is None else ["image", names]
    bar = progress(table.values(columns), what=f"images of {table.path.name}", unit="row", total=table.rows)
    for _, values in bar:
        if isinstance(values, Problem):
            yield values.message
            continue
        try:
            yield _kept(values["image"], None if names is None else values.get(names), folder, known)
        except FieldError as error:
            yield str(error)


def _kept(image: Any, name: object, folder: Path, known: dict[str, Kept]) -> Kept:
    """The image of a row: the file of the first row with the same bytes, whatever it is called here."""
    content = image.get("bytes") if isinstance(image, Mapping) else image
    if not isinstance(content, bytes) or not content:
        raise FieldError("the image is null or empty")
    problem = None if name is None else name_problem(name)
    if problem is not None:
        raise FieldError(f"of the image: {problem}")
    # Half a checksum: that is still far more than a chance can hit.
    checksum = hashlib.sha256(content).hexdigest()[:32]
    if checksum not in known:
        # A file system takes 255 bytes, and a name can be longer in bytes than in characters.
        own = "" if name is None else _own_name(str(name))
        inside = f"{checksum}/{own}" if 0 < len(own.encode()) <= _LONGEST_NAME else f"{checksum}{_ending(content)}"
        known[checksum] = Kept(f"{IMAGES}/{inside}", *_stored(content, folder / IMAGES / inside))
    return known[checksum]


def _own_name(name: str) -> str:
    """The last part of a name. RefCOCO's own names end in the id of the annotation: COCO's name of the image does not.

    >>> _own_name("x/COCO_train2014_000000380440_491042.jpg")
    'COCO_train2014_000000380440.jpg'
    """
    return re.sub(r"^(COCO_(?:train|val)2014_\d{12})_\d+(?=\.jpg$)", r"\1", name.rpartition("/")[2])


def _stored(content: bytes, path: Path) -> tuple[int, int]:
    """Write an image and give its size; it gets its name only when it was decoded."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        size = image_size(part)
        os.replace(part, path)
    except DataError as error:
        # The name of a temporary file would say nothing.
        raise FieldError(str(error).replace(f"image {part} ", "the image ")) from error
    finally:
        part.unlink(missing_ok=True)
    return size


def _ending(content: bytes) -> str:
    return next((ending for start, ending in _ENDINGS.items() if content.startswith(start)), ".img")
