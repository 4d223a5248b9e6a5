"""The images of a report: linked where they lie, copied into its folder, or inside the page as data URIs.

All three give a URL for a sample, or the reason why there is none, and count what is missing.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
import re
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import quote

from PIL import Image

from finecops.archives.zip_images import is_zipped, unpack_if_zipped
from finecops.datasets.image_place import ImageFolders
from finecops.errors import DataError
from finecops.images import MISSING, image_size, small_image
from finecops.progress import progress
from finecops.records import Sample
from finecops.report.page.folder import DATA

COPY_SIDE: Final = 800
"""Pixels of the longer side of a copied image."""
INLINE_SIDE: Final = 480
"""The same inside a one-file report."""
IMAGES: Final = f"{DATA}/images"
NOWHERE: Final = "nothing says where the images of this run are"
NAMELESS: Final = "the run does not name the image"
_QUALITY = 80
"""Of WebP: a fifth of a JPEG's bytes, and hard to tell from it at this size."""
# What every browser shows: JPEG, PNG, WebP.
_SHOWN = re.compile(rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|RIFF....WEBP", re.DOTALL)

MakeUrl: TypeAlias = Callable[[Path], str]
"""From an image file to its URL. It may raise `DataError` or `OSError`."""


class PageImages:
    """The URL of each sample's image. One image is looked up once, however many samples have it.

    Args:
        folders: where images are looked up, in this order: several runs may have the same samples.
        make: from a file to its URL.
    """

    def __init__(self, folders: Sequence[ImageFolders], make: MakeUrl) -> None:
        self._folders, self._make = folders, make
        self._url_of: dict[str, str] = {}
        self._path_of: dict[str, Path] = {}
        self.missing: dict[str, str] = {}
        """Images without a URL → the reason."""

    def prepare(self, samples: Iterable[Sample]) -> None:
        """Look up the images of samples, several at a time, with a bar if it takes long."""
        new = [name for name in dict.fromkeys(sample.image for sample in samples) if not self._known(name)]
        # Decoding and encoding leave Python's lock, so threads are as fast as processes.
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            found = pool.map(self._found, new)
            bar = progress(found, what="images", unit="image", total=len(new), leave=False)
            for name, (url, problem) in zip(new, bar):
                if url is not None:
                    self._url_of[name] = url
                else:
                    self.missing[name] = problem

    def url(self, sample: Sample) -> str | None:
        """The URL of a sample's image; None if there is none."""
        if not self._known(sample.image):
            self.prepare([sample])
        return self._url_of.get(sample.image)

    def problem(self, sample: Sample) -> str | None:
        """Why a sample's image has no URL; None if it has one."""
        return self.missing[sample.image] if self.url(sample) is None else None

    def sized(self, sample: Sample) -> Sample:
        """The sample with its image's size where it does not know it (an imported run), and the image is here."""
        path = self._path_of.get(sample.image) if not sample.width and self.url(sample) is not None else None
        if path is None:
            return sample
        try:
            width, height = image_size(path)
        except DataError:
            # The browser says that it cannot show it.
            return sample
        return sample.model_copy(update={"width": width, "height": height})

    def _known(self, name: str) -> bool:
        return name in self._url_of or name in self.missing

    def _found(self, name: str) -> tuple[str | None, str]:
        """The URL of an image, or None and the reason."""
        # Of an imported run: FORUM's files name none.
        if not name:
            return None, NAMELESS
        problem = NOWHERE
        for folders in self._folders:
            try:
                path = folders.path_of(name)
            except DataError as error:
                problem = str(error)
                continue
            try:
                url = self._make(path)
                self._path_of[name] = path
                return url, ""
            except (DataError, OSError) as error:
                # The page may go to somebody else, to whom the folders of this machine say nothing.
                problem = str(error).replace(str(path), name)
        return None, problem


def linking(folder: Path, copy: MakeUrl) -> MakeUrl:
    """Images by their paths, relative to the report's folder.

    Args:
        folder: the report's.
        copy: for what cannot be linked: an image in a zip file, and formats that browsers do not show.
    """
    start = folder.absolute()

    def make(path: Path) -> str:
        if is_zipped(path):
            return copy(path)
        if not path.is_file():
            raise DataError(f"image {path} {MISSING}")
        # By its first bytes: the name of a file says nothing that a browser heeds.
        with path.open("rb") as file:
            shown = _SHOWN.match(file.read(16))
        if not shown:
            return copy(path)
        try:
            relative = os.path.relpath(path.absolute(), start)
        except ValueError:
            # Windows: another drive.
            return copy(path)
        # Quoted, a colon in a name is no scheme, and "#" and "?" end no path.
        return quote(relative.replace(os.sep, "/"))

    return make


def copying(folder: Path, before: Path | None = None) -> MakeUrl:
    """Images as small WebP files in the report's folder, each content once.

    Args:
        folder: the new report's.
        before: of the report whose place it takes: what was copied there is not made again.
    """

    def make(path: Path) -> str:
        unpack_if_zipped(path)
        if not path.is_file():
            raise DataError(f"image {path} {MISSING}")
        with path.open("rb") as file:
            checksum = hashlib.file_digest(file, "sha256").hexdigest()[:32]
        url = f"{IMAGES}/{checksum}-{COPY_SIDE}.webp"
        target = folder / url
        if not target.exists():
            old = before / url if before is not None else None
            content = old.read_bytes() if old is not None and old.is_file() else _webp(path, COPY_SIDE)
            target.parent.mkdir(parents=True, exist_ok=True)
            # Another thread may write the same content.
            partial = target.with_suffix(f".{os.urandom(4).hex()}")
            partial.write_bytes(content)
            partial.replace(target)
        return url

    return make


def inline(path: Path, side: int = INLINE_SIDE) -> str:
    """An image as a data URI: a small WebP, whose longer side has at most `side` pixels.

    Raises:
        DataError: it cannot be read.
    """
    return "data:image/webp;base64," + base64.b64encode(_webp(path, side)).decode()


def _webp(path: Path, side: int) -> bytes:
    stream = io.BytesIO()
    small: Image.Image = small_image(path, side)
    small.save(stream, "WEBP", quality=_QUALITY, method=4)
    return stream.getvalue()
