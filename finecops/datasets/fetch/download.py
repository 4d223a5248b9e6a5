"""Downloading one file: it continues where it was stopped, notices a changed file, and ends with the right checksum.

What has come is in `NAME.partial`, and `NAME.partial.json` says of which version of the file. The file gets its name
when it is whole and has its checksum.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from finecops.archives.zip_images import write_atomically
from finecops.datasets.fetch.http import NetworkError, Patience, Reply, Session, TransientError
from finecops.strict_json import parse_json

log = logging.getLogger(__name__)

_PIECE = 256 * 1024
_CONTENT_RANGE = re.compile(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15}|\*)")


@dataclass(frozen=True)
class Wanted:
    """A file to be downloaded."""

    name: str
    url: str
    path: Path
    size: int | None = None
    """Its bytes, if they are known."""
    md5: str | None = None
    """Its MD5, if it is known."""
    md5_of: str = ""
    """Who says so."""

    @property
    def partial(self) -> Path:
        """What has come of it."""
        return self.path.with_name(f"{self.path.name}.partial")

    def problem(self, path: Path) -> str | None:
        """What is wrong with a file that should be it; None: nothing that can be seen."""
        size = path.stat().st_size
        if self.size is not None and size != self.size:
            return f"it has {size:,} bytes, and {self.size:,} are meant"
        if self.md5 is not None and (found := md5_of(path)) != self.md5:
            return f"its MD5 is {found}, and {self.md5} is meant ({self.md5_of})"
        return None


def md5_of(path: Path) -> str:
    """The MD5 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def download(session: Session, wanted: Wanted, came: Callable[[int], None]) -> None:
    """Download a file, or what is missing of it.

    Args:
        session: the connections.
        wanted: the file. Its folder exists.
        came: gets the number of all bytes that are there now, after each piece.

    Raises:
        NetworkError: the server cannot be reached, refuses, or twice gave a file with another checksum. What has come
            is kept, but for a wrong file.
    """
    for attempt in (1, 2):
        _fetch(session, wanted, came)
        problem = wanted.problem(wanted.partial)
        if problem is None:
            os.replace(wanted.partial, wanted.path)
            _about_path(wanted).unlink(missing_ok=True)
            return
        _forget(wanted)
        if attempt == 1:
            log.warning("%s: %s; it is downloaded again from its start", wanted.name, problem)
    raise NetworkError(f"{wanted.name} came twice with a fault: {problem}. Nothing is kept of it")


class _About(NamedTuple):
    """The version of a file that a partial file is of."""

    size: int | None
    etag: str | None
    md5: str | None


_NOTHING = _About(None, None, None)


def _fetch(session: Session, wanted: Wanted, came: Callable[[int], None]) -> None:
    """Append to the partial file until it is whole."""
    patience = Patience(wanted.name)

    def progress(all_: int) -> None:
        patience.progress()
        came(all_)

    while True:
        have, about = _state(wanted)
        if have and have == about.size:
            came(have)
            return
        try:
            with closing(session.get(wanted.url, have or None, same=about.etag)) as reply:
                if not _begun(wanted, reply, have, about):
                    continue
                _append(wanted, reply, progress)
        except TransientError as error:
            patience.pause(error)
            continue
        have, about = _state(wanted)
        if about.size is None or have == about.size:
            return
        patience.pause(TransientError(f"the connection ended after {have:,} of {about.size:,} bytes"))


def _begun(wanted: Wanted, reply: Reply, have: int, about: _About) -> bool:
    """Whether an answer goes on where the partial file ends, or begins it anew; False: the file is asked for again.

    Raises:
        NetworkError: the answer is about another range than was asked for.
    """
    if reply.status == 200:
        if have:
            changed = about.etag is not None and reply.etag != about.etag
            why = "the file has changed on the server" if changed else "the server does not continue it"
            log.warning("%s: %s; it is downloaded from its start", wanted.name, why)
        _begin(wanted, reply.etag, reply.length)
        return True
    found = _CONTENT_RANGE.fullmatch(reply.header("Content-Range") or "") if reply.status == 206 else None
    total = int(found[3]) if found and found[3] != "*" else None
    same_size = None in (total, about.size) or about.size == total
    same_etag = None in (about.etag, reply.etag) or about.etag == reply.etag
    if have and (reply.status == 416 or not same_size or not same_etag):
        log.warning("%s: the file has changed on the server; it is downloaded from its start", wanted.name)
        _forget(wanted)
        return False
    if not have or found is None or int(found[1]) != have:
        raise NetworkError(f"{wanted.name}: the server sends another part than was asked for")
    return True


def _append(wanted: Wanted, reply: Reply, came: Callable[[int], None]) -> None:
    have, about = _state(wanted)
    with wanted.partial.open("ab") as file:
        while piece := reply.read(_PIECE):
            have += len(piece)
            if about.size is not None and have > about.size:
                raise NetworkError(f"{wanted.name}: the server sends more than the {about.size:,} bytes of the file")
            file.write(piece)
            # What a killed process has written so far is what the next one goes on from.
            file.flush()
            came(have)


def _about_path(wanted: Wanted) -> Path:
    return wanted.partial.with_name(f"{wanted.partial.name}.json")


def _begin(wanted: Wanted, etag: str | None, length: int | None) -> None:
    """Note which version of a file is about to come.

    Raises:
        NetworkError: the server has a file of another size than the one that is meant.
    """
    if wanted.size is not None and length is not None and length != wanted.size:
        raise NetworkError(f"{wanted.name}: the server has a file of {length:,} bytes, and {wanted.size:,} are meant")
    # In this order: bytes are never taken for those of another version.
    _forget(wanted)
    about = _About(length if wanted.size is None else wanted.size, etag, wanted.md5)
    write_atomically(_about_path(wanted), json.dumps(about._asdict()).encode())
    wanted.partial.touch()


def _state(wanted: Wanted) -> tuple[int, _About]:
    """How many bytes are there, and of which version of the file."""
    if not wanted.partial.is_file():
        return 0, _NOTHING
    have = wanted.partial.stat().st_size
    try:
        about = _About(**parse_json(_about_path(wanted).read_bytes()))
        same = about.md5 == wanted.md5 and wanted.size in (None, about.size) and have <= (about.size or have)
    except (OSError, ValueError, TypeError):
        same = False
    if same:
        return have, about
    log.warning("%s: what came before is of another version of the file; it is downloaded from its start", wanted.name)
    _forget(wanted)
    return 0, _NOTHING


def _forget(wanted: Wanted) -> None:
    # In this order: a partial file without a record of its version is never gone on with.
    _about_path(wanted).unlink(missing_ok=True)
    wanted.partial.unlink(missing_ok=True)
