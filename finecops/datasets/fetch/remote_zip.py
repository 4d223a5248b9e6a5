"""A zip file on a server that answers ranges: its directory, and single members."""

from __future__ import annotations

import hashlib
import re
from contextlib import closing
from pathlib import Path

from finecops.archives.directory import read_directory
from finecops.archives.index import ZipIndex, open_index, write_index
from finecops.config.home import home
from finecops.datasets.fetch.http import NetworkError, Patience, Reply, Session, TransientError

_RANGE = re.compile(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15})")


class ChangedError(NetworkError):
    """The zip file on the server is another one than before."""


class RemoteSource:
    """The bytes of a file on a server. Each thread has its own; see `finecops.archives.source.Source`.

    Args:
        session: the connections.
        url: the file.
        version: its size and ETag, from another source; None: the server is asked.
    """

    def __init__(self, session: Session, url: str, version: tuple[int, str | None] | None = None) -> None:
        self.name, self._session = url, session
        self.size, self.etag = version or (0, None)
        if version is None:
            # No suffix range: a first byte shows the size and whether ranges are answered.
            self.read_at(0, 1)

    @property
    def state(self) -> str:
        """What tells this version of the file from another one."""
        return f"{self.size} {self.etag or ''}"

    def read_at(self, offset: int, length: int) -> bytes:
        """See `Source`.

        Raises:
            NetworkError: the server cannot be reached, or answers no ranges.
            ChangedError: the file has changed.
        """
        patience = Patience(self.name)
        content = b""
        while len(content) < length:
            before = len(content)
            try:
                content += self._some(offset + before, length - before)
            except TransientError as error:
                patience.pause(error)
                continue
            if len(content) < length:
                # The connection ended early: what came is kept.
                if len(content) > before:
                    patience.progress()
                patience.pause(TransientError("the connection ended too early"))
        return content

    def _some(self, offset: int, length: int) -> bytes:
        with closing(self._session.get(self.name, offset, offset + length - 1)) as reply:
            self._check(reply, offset)
            pieces: list[bytes] = []
            left = length
            try:
                while left and (piece := reply.read(min(left, 1 << 20))):
                    pieces.append(piece)
                    left -= len(piece)
            except TransientError:
                if not pieces:
                    raise
            # Read to its end, the connection can be used again.
            if not left:
                reply.read(1)
            return b"".join(pieces)

    def _check(self, reply: Reply, offset: int) -> None:
        if reply.status == 200:
            raise NetworkError(f"{self.name}: the server answers no ranges: all of the file would have to come")
        found = _RANGE.fullmatch(reply.header("Content-Range") or "") if reply.status == 206 else None
        if reply.status == 416 or (found is not None and self.size and int(found[3]) != self.size):
            raise ChangedError(f"{self.name} has changed on the server")
        if found is None or int(found[1]) != offset:
            raise NetworkError(f"{self.name}: the server sends another part than was asked for")
        if not self.size:
            self.size, self.etag = int(found[3]), reply.etag
        elif None not in (self.etag, reply.etag) and self.etag != reply.etag:
            raise ChangedError(f"{self.name} has changed on the server")


def remote_index(source: RemoteSource) -> ZipIndex:
    """The directory of a zip file on a server. It is kept in the user's folder as long as the file is the same.

    Raises:
        DataError: it is no zip file, or a truncated one.
    """
    path = _index_path(source.name)
    index = open_index(path, source.state)
    if index is None:
        write_index(path, read_directory(source), source.state)
        index = open_index(path, source.state)
    if index is None:
        raise NetworkError(f"{path} cannot be read back")
    return index


def _index_path(url: str) -> Path:
    return home() / "cache" / "remote-zips" / f"{hashlib.sha256(url.encode()).hexdigest()[:20]}.sqlite"
