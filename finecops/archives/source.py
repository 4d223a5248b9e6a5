"""Where the bytes of an archive come from: a file here, or a server that answers ranges."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Protocol

from finecops.errors import DataError

_MOST_AT_ONCE = 256 * 1024**2
"""The longest read. The directory of GQA's images.zip, with 148,855 members, has about 14 MB."""


class Source(Protocol):
    """Bytes that can be read anywhere."""

    name: str
    """What messages call it: a path or a URL."""
    size: int
    """How many bytes there are."""

    def read_at(self, offset: int, length: int) -> bytes:
        """Bytes from an offset on.

        Raises:
            DataError: they are not all there.
        """
        ...


class LocalSource:
    """A file on this machine. It is opened for each read, so that threads and forked processes may share the object."""

    def __init__(self, path: Path) -> None:
        self.path, self.name = path, str(path)
        try:
            self.size = path.stat().st_size
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror or error}") from error

    def read_at(self, offset: int, length: int) -> bytes:
        """See `Source`."""
        try:
            with self.path.open("rb") as file:
                file.seek(offset)
                content = file.read(length)
        except OSError as error:
            raise DataError(f"{self.path} cannot be read: {error.strerror or error}") from error
        if len(content) < length:
            raise DataError(f"{self.path} ends at byte {self.size}, before what its directory says")
        return content


class SourceFile(io.RawIOBase):
    """A source as a file, for libraries that read files. A read is bounded, whatever length a broken file asks for."""

    def __init__(self, source: Source) -> None:
        self._source, self._at = source, 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """The position."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move the position."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._source.size}[whence]
        if start + offset < 0:
            raise OSError("a position before the start")
        self._at = start + offset
        return self._at

    def read(self, size: int = -1) -> bytes:
        """Bytes from the position on; fewer at the end.

        Raises:
            DataError: more than the limit are asked for, or the source fails.
        """
        left = max(self._source.size - self._at, 0)
        length = left if size < 0 else min(size, left)
        if length > _MOST_AT_ONCE:
            raise DataError(f"{self._source.name} has a directory of {length:,} bytes: it is broken")
        content = self._source.read_at(self._at, length) if length else b""
        self._at += len(content)
        return content
