"""What is to be downloaded of a dataset: its files with their sums, and what of them is here already."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from finecops.archives.zip_images import write_atomically
from finecops.config.dataset_schema import DatasetConfig
from finecops.config.download import Download, DownloadFile
from finecops.config.find import resolve
from finecops.datasets.fetch.download import Wanted
from finecops.datasets.fetch.figshare import Record, read_record
from finecops.datasets.fetch.http import Session
from finecops.errors import DataError, UsageError
from finecops.names import no_such
from finecops.paths import safe_path
from finecops.strict_json import parse_json

log = logging.getLogger(__name__)

_OURS, _THEIRS = "known to finecops", "of figshare's record"


@dataclass(frozen=True)
class Item:
    """A file of the plan."""

    wanted: Wanted
    unpack: Path | None
    """The folder that it is unpacked to."""
    here: bool
    """Whether it is here, and is what it should be."""
    fault: str | None = None
    """Why the file of that name that is here is not it."""

    @property
    def left(self) -> int | None:
        """How many bytes are still to come; None: that is not known."""
        if self.here or self.wanted.size is None:
            return 0 if self.here else None
        partial = self.wanted.partial
        return max(self.wanted.size - (partial.stat().st_size if partial.is_file() else 0), 0)

    @property
    def is_unpacked(self) -> bool:
        """Whether a command unpacked this version of the archive to its end."""
        try:
            stamp = parse_json(self._stamp.read_bytes())
        except (OSError, ValueError):
            return False
        return self.unpack is not None and self.unpack.is_dir() and stamp == self._version

    def note_unpacked(self) -> None:
        """Note that the archive was unpacked to its end. It may then be deleted."""
        write_atomically(self._stamp, json.dumps(self._version).encode())

    @property
    def _stamp(self) -> Path:
        return self.wanted.path.with_name(f".{self.wanted.path.name}.unpacked")

    @property
    def _version(self) -> dict[str, object]:
        return {"size": self.wanted.size, "md5": self.wanted.md5}


@dataclass(frozen=True)
class Plan:
    """What is to be downloaded."""

    title: str
    licence: str
    """As the dataset's configuration and, where there is one, the article's record say."""
    root: Path
    """The dataset's folder."""
    items: tuple[Item, ...]


def make_plan(session: Session, config: DatasetConfig, section: Download, only: Sequence[str] = ()) -> Plan:
    """What is to be downloaded of a dataset.

    Args:
        session: connections, for the record of the article.
        config: the dataset.
        section: its section `download`.
        only: patterns of names (`test_*`); none: all files.

    Raises:
        NetworkError: the record cannot be read.
        DataError: the article has other files than are known.
        UsageError: a pattern fits no file.
    """
    root = resolve(config.root)
    record = read_record(session, section.figshare) if section.figshare is not None else None
    files = _files(section, record)
    for pattern in only:
        if not any(fnmatchcase(name, pattern) for name in files):
            raise UsageError(no_such(f"--only {pattern}: no file has such a name", pattern, files))
    chosen = [file for name, file in files.items() if not only or any(fnmatchcase(name, p) for p in only)]
    licence = section.licence
    if record is not None:
        licence += f" (figshare's record: {record.licence})"
    title = record.title if record is not None else config.name
    return Plan(title, licence, root, tuple(_item(root, file, section) for file in chosen))


def _files(section: Download, record: Record | None) -> Mapping[str, DownloadFile]:
    """All files with their links and sums; a file's MD5 is that of the configuration, else that of the record."""
    known = {file.name: file for file in section.files}
    files = {name: file for name, file in known.items() if file.url is not None}
    for entry in record.files if record is not None else ():
        ours = known.get(entry.name, DownloadFile(name=entry.name))
        theirs = {"bytes": entry.size, "md5": entry.md5}
        for key, value in theirs.items():
            expected = getattr(ours, key)
            if None not in (expected, value) and expected != value:
                raise DataError(
                    f"{section.page} has another {entry.name} than finecops knows ({key} {value}, and {expected} is "
                    "meant): the release has changed. Nothing was downloaded; a newer finecops may know it"
                )
        given = {key: value for key, value in theirs.items() if getattr(ours, key) is None}
        files[entry.name] = ours.model_copy(update={"url": ours.url or entry.url, **given})
    for name in known.keys() - files.keys():
        log.warning("%s has no file %s any more", section.page, name)
    return files


def _item(root: Path, file: DownloadFile, section: Download) -> Item:
    path = safe_path(root, file.name)
    ours = {known.name for known in section.files if known.md5 is not None}
    wanted = Wanted(
        name=file.name,
        url=file.url or "",
        path=path,
        size=file.bytes,
        md5=file.md5,
        md5_of="" if file.md5 is None else _OURS if file.name in ours else _THEIRS,
    )
    unpack = safe_path(root, file.unpack) if file.unpack is not None else None
    item = Item(wanted, unpack, here=False)
    if path.is_file():
        fault = wanted.problem(path)
        return Item(wanted, unpack, here=fault is None, fault=fault)
    # Its images are here, and the user needs the space.
    return Item(wanted, unpack, here=item.is_unpacked)
