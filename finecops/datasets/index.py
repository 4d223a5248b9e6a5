"""Indexes of large annotation files: the table of a split's samples as it was read, kept in the user's folder.

An index is used for the very same bytes of the annotation files, read in the same way, while the folders of images are
as they were: all of that is in its key. Anything else makes a new one. A file that is broken is as none.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np

from finecops.config.dataset_schema import DatasetConfig
from finecops.config.home import home
from finecops.datasets.formats import FORMAT_OF_SUFFIX
from finecops.datasets.image_place import listing
from finecops.datasets.places import Place
from finecops.datasets.problems import Problem
from finecops.datasets.table import Kind, SampleTable
from finecops.datasets.table_lines import sha256_of_samples, with_known_sha256
from finecops.datasets.text_column import Texts
from finecops.version import __version__

log = logging.getLogger(__name__)

VERSION: Final = 1
"""To be raised when the same files are read in another way."""
LEAST_BYTES: Final = 8 << 20
"""Smaller files are read in no time."""
_MOST: Final = 30
"""So many indexes are kept; the oldest go."""
_JUST_NOW: Final = 2.0
"""Some disks have no finer times: what changed so many seconds ago may change again without another time."""
_MAGIC: Final = b"finecops index\n"
_TEXTS = ("ids", "images", "expressions", "positive_ids")
_ARRAYS = ("image_wh", "xyxy", "kind")


@dataclass(frozen=True)
class Key:
    """What an index is of.

    Attributes:
        path: its file.
        about: everything that the samples depend on.
        settled: whether nothing of it changed just now.
    """

    path: Path
    about: Mapping[str, Any]
    settled: bool

    @property
    def checksum(self) -> str:
        """Of all that it is about."""
        return hashlib.sha256(json.dumps(self.about, sort_keys=True).encode()).hexdigest()


def index_key(config: DatasetConfig, where: Place, sha256: str) -> Key | None:
    """The key of a split's index; None: its files are small, or in a format whose samples depend on more files.

    Args:
        config: the dataset, with all folders of images.
        where: its files.
        sha256: of the files.
    """
    if config.format != "coco" or any(path.suffix.lower() in FORMAT_OF_SUFFIX for path in where.files):
        return None
    stats = [path.stat() for path in where.files]
    if sum(stat.st_size for stat in stats) < LEAST_BYTES:
        return None
    same = [config.name, where.split, str(where.root.absolute()), [str(path.absolute()) for path in where.files]]
    name = f"{config.name}-{hashlib.sha256(json.dumps(same).encode()).hexdigest()[:16]}.index"
    folders = [] if config.image_folders == (".",) else [where.root / folder for folder in config.image_folders]
    # A file that comes or goes changes its folder's time. Images are looked up in no other way.
    times = [_modified(folder) for folder in folders]
    about = {
        "version": [VERSION, __version__],
        "of": same,
        "sha256": sha256,
        "folders": list(zip(config.image_folders, times)) if folders else ["."],
    }
    settled = all(time_ns is None or time.time() - time_ns / 1e9 > _JUST_NOW for time_ns in times)
    return Key(home() / "cache" / "indexes" / name, about, settled)


def _modified(folder: Path) -> int | None:
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return None


def read_index(key: Key, files: Sequence[Path]) -> tuple[SampleTable, list[Problem]] | None:
    """The samples and problems of an index; None: there is none, or one of other files, or a broken one."""
    try:
        with key.path.open("rb") as file:
            found = _read(file, key.checksum, files)
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        if not isinstance(error, FileNotFoundError):
            log.debug("%s is not used: %s", key.path, error)
        return None
    if found is not None:
        log.info("%s is read from its index (%s)", files[0].name, key.path)
        # It was used now: the oldest go first.
        with suppress(OSError):
            os.utime(key.path)
    return found


def _read(file: BinaryIO, checksum: str, files: Sequence[Path]) -> tuple[SampleTable, list[Problem]] | None:
    digest, end = hashlib.sha256(), os.fstat(file.fileno()).st_size

    def part(size: int) -> bytes:
        if not 0 <= size <= end - file.tell():
            raise ValueError("it is cut off")
        content = file.read(size)
        digest.update(content)
        return content

    if part(len(_MAGIC)) != _MAGIC:
        raise ValueError("it is no index")
    header = json.loads(part(int.from_bytes(part(8), "little")))
    if header["key"] != checksum:
        # Of other files, of an earlier state of these, or of another version.
        return None
    arrays = []
    for dtype, shape, size in header["arrays"]:
        arrays.append(np.frombuffer(part(size), dtype=np.dtype(dtype)).reshape(shape))
    texts = [Texts(part(size), arrays[i]) for i, size in enumerate(header["texts"])]
    # One byte more than there may be: nothing follows.
    if file.read(digest.digest_size + 1) != digest.digest():
        raise ValueError("it has another checksum")
    image_wh, xyxy, kind = arrays[len(_TEXTS) :]
    kinds = tuple(Kind(*values) for values in header["kinds"])
    table = SampleTable((texts[0], texts[1], texts[2], texts[3]), image_wh, xyxy, kinds, kind)
    problems = [Problem(files[i], *values) for i, *values in header["problems"]]
    return with_known_sha256(table, header["rows_sha256"]), problems


def write_index(key: Key, samples: SampleTable, problems: Sequence[Problem], files: Sequence[Path]) -> None:
    """Keep what was read. A folder that cannot be written to is no matter."""
    if not key.settled or not _depends_on_folders_alone(key, samples):
        return
    arrays = [*(getattr(samples, name).offsets for name in _TEXTS), *(getattr(samples, name) for name in _ARRAYS)]
    blocks = [getattr(samples, name).block for name in _TEXTS]
    place = {path: i for i, path in enumerate(files)}
    header = {
        "key": key.checksum,
        "arrays": [[array.dtype.str, array.shape, array.nbytes] for array in arrays],
        "texts": [len(block) for block in blocks],
        "kinds": samples.kinds,
        "problems": [[place[p.file], p.entry, p.message, p.left_out, p.fault, p.about, p.entries] for p in problems],
        "rows_sha256": sha256_of_samples(samples),
    }
    writing = key.path.with_name(f"{key.path.name}.{uuid.uuid4().hex}")
    try:
        key.path.parent.mkdir(parents=True, exist_ok=True)
        with writing.open("xb") as file:
            digest = hashlib.sha256()
            for part in _parts(header, [*(array.tobytes() for array in arrays), *blocks]):
                digest.update(part)
                file.write(part)
            file.write(digest.digest())
        # In one step: whoever reads it at the same time has the old one or the new one.
        os.replace(writing, key.path)
        _forget_oldest(key.path.parent)
    except OSError as error:
        log.debug("no index of %s: %s", files[0], error)
        with suppress(OSError):
            writing.unlink()


def _parts(header: Mapping[str, Any], contents: Sequence[bytes]) -> Iterator[bytes]:
    text = json.dumps(header).encode()
    yield _MAGIC
    yield len(text).to_bytes(8, "little")
    yield text
    yield from contents


def _depends_on_folders_alone(key: Key, samples: SampleTable) -> bool:
    """Whether the time of the folders of images says that images are found where they were found: not where they are in
    folders of these, nor where links among them may lead elsewhere."""
    folders = [name for name, *_ in key.about["folders"]] if key.about["folders"] != ["."] else []
    if len(folders) < 2:
        return True
    known = {os.path.normpath(folder) for folder in folders}
    inside = {image.rpartition("/")[0] or "." for image in samples.images}
    root = Path(key.about["of"][2])
    return inside <= known and not any(listing(root / folder)[1] for folder in folders)


def _forget_oldest(folder: Path) -> None:
    found = sorted(folder.glob("*.index"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in found[_MOST:]:
        path.unlink(missing_ok=True)
