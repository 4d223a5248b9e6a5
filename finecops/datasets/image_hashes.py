"""Perceptual hashes of image files: pictures that look the same have hashes that differ in few bits.

The hash is the 64-bit pHash: the signs of the 8 x 8 lowest frequencies of the picture in grey, against their median. A
copy that was saved again, or scaled, differs in up to 4 bits; other pictures in 10 or more, as a rule.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn

from finecops.archives.zip_images import unpack_if_zipped, write_atomically
from finecops.config.home import home
from finecops.errors import DataError
from finecops.images import grey_square
from finecops.progress import progress
from finecops.strict_json import parse_json

Hashes = NDArray[np.uint64]
VERSION = 1
"""Of the cache; another way of hashing needs another number."""
_SIDE = 32
_FLAT = 2.0
"""A picture whose grey values differ by less (their standard deviation, of 255) has no hash: its signs are noise."""
_SAVE_EVERY = 2000
_PAIRS_AT_ONCE = 1 << 22

log = logging.getLogger(__name__)


@dataclass
class FoundHashes:
    """The hashes of a dataset's images.

    Attributes:
        images: the images that have a hash.
        hashes: `[n]` uint64, a hash per image.
        missing: images whose file is not there.
        broken: image → why it cannot be read.
        flat: images of one colour, which have no hash.
    """

    images: list[str] = field(default_factory=list)
    hashes: Hashes = field(default_factory=lambda: np.zeros(0, dtype=np.uint64))
    missing: list[str] = field(default_factory=list)
    broken: dict[str, str] = field(default_factory=dict)
    flat: list[str] = field(default_factory=list)


def picture_hash(path: Path) -> int | None:
    """The hash of an image file; None for a picture of one colour.

    Raises:
        DataError: it cannot be read.
    """
    grey = grey_square(path, _SIDE)
    if grey.std() < _FLAT:
        return None
    low = dctn(grey, norm="ortho")[:8, :8].ravel()
    # The first is the mean brightness, which is no pattern.
    bits = low > np.median(low[1:])
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def hash_images(paths: Mapping[str, Path], cache: Path | None, what: str) -> FoundHashes:
    """Hash images, with a bar of progress; those that did not change since the last time are in the cache.

    Args:
        paths: image → its file.
        cache: a JSON file, which is made if it is not there; None: no cache.
        what: the title of the bar.
    """
    kept = _HashCache(cache)
    found = FoundHashes()
    hashes: list[int] = []
    try:
        with progress(what=what, unit="image", total=len(paths)) as bar:
            for image, result in _results(paths, kept):
                bar.update()
                if isinstance(result, int):
                    found.images.append(image)
                    hashes.append(result)
                elif isinstance(result, DataError):
                    found.broken[image] = str(result)
                else:
                    (found.flat if result == "flat" else found.missing).append(image)
                bar.set_postfix_str(f"{len(found.missing)} missing, {len(found.broken)} broken", refresh=False)
    finally:
        # Also where the user stops it: the next time goes on from there.
        kept.save()
    found.hashes = np.array(hashes, dtype=np.uint64)
    return found


def nearest(a: Hashes, b: Hashes) -> tuple[NDArray[np.uint8], NDArray[np.intp]]:
    """The distance of each of `a` to the nearest of `b`, `[n]`, and which that is, `[n]`.

    A distance is the number of bits that differ; 65 where there is nothing to compare with. Every pair is compared:
    10,000 with 100,000 take some seconds.
    """
    of_a, which = np.full(len(a), 65, dtype=np.uint8), np.zeros(len(a), dtype=np.intp)
    if not len(b):
        return of_a, which
    step = max(1, _PAIRS_AT_ONCE // len(b))
    for start in range(0, len(a), step):
        found = _bits(a[start : start + step, None] ^ b[None, :])
        which[start : start + step] = found.argmin(axis=1)
        of_a[start : start + step] = found.min(axis=1)
    return of_a, which


def distances(a: Hashes, b: Hashes) -> NDArray[np.uint8]:
    """How many bits differ between the two hashes of each row, `[n]`."""
    return _bits(a ^ b)


def _bits(values: Hashes) -> NDArray[np.uint8]:
    if hasattr(np, "bitwise_count"):
        counted: NDArray[np.uint8] = np.bitwise_count(values)
        return counted
    # NumPy 1: the bits of each byte, from a table.
    table = np.array([value.bit_count() for value in range(256)], dtype=np.uint8)
    parts: NDArray[np.uint8] = table[np.ascontiguousarray(values)[..., None].view(np.uint8)].sum(-1, dtype=np.uint8)
    return parts


def default_cache(root: Path, name: str) -> Path:
    """Where the hashes of a dataset's images are kept: in the user's folder, named after the dataset's folder."""
    place = hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:12]
    return home() / "hashes" / f"{name}-{place}.json"


_Result = int | str | DataError


def _results(paths: Mapping[str, Path], cache: _HashCache) -> Iterator[tuple[str, _Result]]:
    """The hash of each image, or "missing", "flat", or what is wrong with it, in order."""
    # Pillow decodes outside of Python's lock.
    pool = ThreadPoolExecutor(min(8, os.cpu_count() or 1))
    try:
        names = list(paths)
        for start in range(0, len(names), _SAVE_EVERY):
            part = names[start : start + _SAVE_EVERY]
            yield from zip(part, pool.map(lambda name: cache.hash_of(name, paths[name]), part))
            cache.save()
    finally:
        # Who stops it waits for the images in hand, not for the next thousands.
        pool.shutdown(cancel_futures=True)


class _HashCache:
    """Hashes by image, size and time of change."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.entries = self._read()
        self.new = 0

    def hash_of(self, image: str, path: Path) -> _Result:
        try:
            # An image in a zip file is a file only once it was read.
            unpack_if_zipped(path)
            state = path.stat()
        except DataError as error:
            return error
        except OSError:
            return "missing"
        key = f"{state.st_size}-{state.st_mtime_ns}"
        kept = self.entries.get(image)
        if kept is not None and kept[0] == key:
            return int(kept[1], 16) if kept[1] else "flat"
        try:
            value = picture_hash(path)
        except DataError as error:
            return error
        self.entries[image] = (key, "" if value is None else f"{value:016x}")
        self.new += 1
        return "flat" if value is None else value

    def save(self) -> None:
        """Write the file, if there is something new."""
        if self.path is None or not self.new:
            return
        # Another process may write at the same time: each writes a file of its own and renames it.
        write_atomically(self.path, json.dumps({"version": VERSION, "images": dict(self.entries)}).encode())
        self.new = 0

    def _read(self) -> dict[str, tuple[str, str]]:
        if self.path is None or not self.path.is_file():
            return {}
        try:
            raw = parse_json(self.path.read_bytes())
            if raw["version"] != VERSION:
                return {}
            entries = {image: (str(key), str(value)) for image, (key, value) in raw["images"].items()}
            for _, value in entries.values():
                int(value or "0", 16)
            return entries
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            log.warning("%s cannot be read (%s); all images are hashed again", self.path, type(error).__name__)
            return {}
