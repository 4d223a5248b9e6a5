"""Images that stay in their zip file: each is unpacked alone, when it is read for the first time.

GQA's images.zip has 20 GB, and a run needs 4,313 of its 148,854 images. An image that a run may need has a path below
`FINECOPS_HOME/cache/zips/` at once; `unpack_if_zipped` makes the file when somebody opens it. The cache may be deleted
at any time. Its folder of a zip file is named after the file's size, time and last bytes: another file has another one.
"""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from functools import lru_cache
from pathlib import Path

from finecops.archives.directory import read_directory, unpack_member
from finecops.archives.index import ZipIndex, open_index, write_index
from finecops.archives.source import LocalSource
from finecops.config.home import home
from finecops.errors import DataError
from finecops.paths import name_problem, safe_path
from finecops.strict_json import parse_json

_TAIL = 65_536
_places: dict[str, Path] = {}
"""Key → zip file, of those that this process opened."""


class ZipImages:
    """A zip file of images. The first use writes an index of its directory into the cache.

    Raises:
        DataError: it is no zip file, or a truncated one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        source = LocalSource(self.path)
        self.key = _key(self.path, source)
        self.folder = _cache() / self.key
        if open_index(self.folder / "index.sqlite", self.key) is None:
            write_index(self.folder / "index.sqlite", read_directory(source), self.key)
        _places[self.key] = self.path
        # For processes that get a path of the cache and nothing else.
        _write_if_changed(self.folder / "zip.json", json.dumps({"zip": str(self.path)}).encode())

    def image_path(self, name: str) -> Path | None:
        """Where an image of that name is, or will be when it is read; None: the zip file has none.

        Raises:
            DataError: the name is not plain.
        """
        problem = name_problem(name)
        if problem is not None:
            raise DataError(problem)
        return self.folder / "files" / name if _index(self.folder, os.getpid()).find(name) else None

    def count(self) -> int:
        """How many files are in the zip file."""
        return _index(self.folder, os.getpid()).count()


def is_zipped(path: Path) -> bool:
    """Whether a path is that of an image in a zip file, unpacked or not."""
    return path.is_relative_to(_cache())


def unpack_if_zipped(path: Path) -> None:
    """Make the file of an image that is still in its zip file. Any other path is left alone.

    Raises:
        DataError: the zip file is gone, or the image is damaged, too large, or there twice.
    """
    if not is_zipped(path) or _is_whole(path):
        return
    key, _, *parts = path.relative_to(_cache()).parts
    folder, name = _cache() / key, "/".join(parts)
    # A path may come from another process, and from a file of it.
    safe_path(folder / "files", name)
    members = _index(folder, os.getpid()).find(name)
    zip_path = _zip_of(folder)
    if len(members) != 1:
        what = f"{len(members)} files of the name" if members else "no file"
        raise DataError(f"{zip_path} has {what} {name}")
    source = LocalSource(zip_path)
    if _key(zip_path, source) != key:
        raise DataError(f"{zip_path} has changed since the run began; start the same command again")
    # Waiting for the disk takes longer than the rest, and what is lost is unpacked again.
    write_atomically(path, unpack_member(source, members[0]), durable=False)


def write_atomically(path: Path, content: bytes, durable: bool = True) -> None:
    """Write a file in one step: who sees it sees all of it; if durable, also after a loss of power."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{uuid.uuid4().hex}.partial")
    try:
        with partial.open("wb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _is_whole(path: Path) -> bool:
    # A loss of power leaves an empty file where the content was not yet on the disk.
    return path.is_file() and path.stat().st_size > 0


def _cache() -> Path:
    return home().absolute() / "cache" / "zips"


def _key(path: Path, source: LocalSource) -> str:
    tail = source.read_at(max(source.size - _TAIL, 0), min(source.size, _TAIL))
    state = f"{source.size} {path.stat().st_mtime_ns} ".encode()
    return hashlib.sha256(state + tail).hexdigest()[:20]


@lru_cache(maxsize=8)
def _index(folder: Path, process: int) -> ZipIndex:
    # `process` is part of the key: SQLite's connections do not survive a fork.
    found = open_index(folder / "index.sqlite", folder.name)
    if found is None:
        raise DataError(f"{folder} holds no index; start the same command again")
    return found


def _zip_of(folder: Path) -> Path:
    if folder.name not in _places:
        try:
            _places[folder.name] = Path(str(parse_json((folder / "zip.json").read_bytes())["zip"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{folder} does not say where its zip file is; start the same command again") from error
    return _places[folder.name]


def _write_if_changed(path: Path, content: bytes) -> None:
    if not path.is_file() or path.read_bytes() != content:
        write_atomically(path, content)
