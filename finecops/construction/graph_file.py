"""Scene graph files, which are not trusted and may be large: one entry after the other, with limits on all sizes."""

from __future__ import annotations

import gzip
import io
import json
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeVar, cast

from finecops.errors import DataError
from finecops.strict_json import next_end, next_marked_value
from finecops.text import shortly

MAX_CHARS: Final = 640_000_000
"""A file is not longer, unpacked. GQA's two files have 45 and about 320 million characters."""
MAX_PACKED: Final = 50
"""A file of more than `FREE_CHARS` unpacks to at most this many times its size. GQA's zip: 8 times."""
FREE_CHARS: Final = 2**26
"""Up to this length, a file may be packed as well as it can."""
MAX_GRAPH_CHARS: Final = 2**23
"""One entry is not longer. GQA's have some thousands of characters."""
MAX_GRAPHS: Final = 500_000
"""A file has no more entries. GQA's have 10,696 and 74,942."""

T = TypeVar("T")

_PIECE = 2**21
_BLANKS = re.compile(r"[ \t\n\r]*")


def read_entries(path: Path) -> Iterator[tuple[str, Any]]:
    """The entries of a JSON dictionary in a file, gzipped or not: key and value, as `parse_marked_json` gives them.

    Raises:
        DataError: the file is missing, damaged, too large, or no JSON dictionary.
    """
    return _read(path, _Text.value)


def read_texts(path: Path) -> Iterator[tuple[str, str]]:
    """The entries of a JSON dictionary in a file, gzipped or not: key and the value's JSON text, not yet parsed.

    This takes a fifth of the time of `read_entries` and `parse_scene_graph`, which other processes then do.

    Raises:
        DataError: as `read_entries`.
    """
    return _read(path, _Text.text)


def _read(path: Path, take: Callable[[_Text, str], T]) -> Iterator[tuple[str, T]]:
    if not path.is_file():
        raise DataError(f"no scene graph file {path}; GQA's download page has sceneGraphs.zip")
    try:
        with closing(_open(path)) as stream:
            yield from _entries(_Text(path, stream), take)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path} is not JSON: its gzip data are damaged: {error}; download it again") from error


def _open(path: Path) -> BinaryIO:
    """The file, unpacked if it is gzipped, whatever its name says."""
    with path.open("rb") as file:
        packed = path.suffix == ".gz" or file.read(2) == b"\x1f\x8b"
    return cast("BinaryIO", gzip.open(path, "rb")) if packed else path.open("rb")


class _Text:
    """The text of a file, of which a window is in memory."""

    def __init__(self, path: Path, stream: BinaryIO) -> None:
        self.path = path
        # As `json.loads` reads bytes: half a character does not stop the file, but its entry is refused later.
        self._stream = io.TextIOWrapper(stream, "utf-8-sig", "surrogatepass")
        self._left = min(MAX_CHARS, max(FREE_CHARS, MAX_PACKED * path.stat().st_size))
        self._window, self._at, self._ended = "", 0, False

    def wrong(self, why: str) -> DataError:
        return DataError(f"{self.path} is not JSON: {why}")

    def _read_on(self) -> None:
        try:
            piece = self._stream.read(_PIECE)
        except UnicodeDecodeError as error:
            raise self.wrong(f"it is not UTF-8: {error.reason}") from error
        self._left -= len(piece)
        if self._left < 0:
            raise DataError(
                f"{self.path} is too large: unpacked, at most {MAX_CHARS} characters are read, and of a file with more "
                f"than {FREE_CHARS} at most {MAX_PACKED} times its size; GQA's files are far below that"
            )
        self._window, self._at, self._ended = self._window[self._at :] + piece, 0, not piece

    def sign(self) -> str:
        """The next character that is no blank, which stays; empty at the end of the file."""
        while True:
            self._at = cast("re.Match[str]", _BLANKS.match(self._window, self._at)).end()
            if self._at < len(self._window) or self._ended:
                return self._window[self._at : self._at + 1]
            self._read_on()

    def take(self, signs: str, where: str) -> str:
        """The next character, which must be one of some."""
        found = self.sign()
        if not found or found not in signs:
            raise self.wrong(f"{' or '.join(signs)} is missing {where}")
        self._at += 1
        return found

    def value(self, where: str) -> Any:
        """The next value."""

        def read(window: str, at: int) -> tuple[Any, bool, int]:
            found, end = next_marked_value(window, at)
            return found, isinstance(found, int | float), end

        return self._next(read, where)

    def text(self, where: str) -> str:
        """The JSON text of the next value."""

        def read(window: str, at: int) -> tuple[str, bool, int]:
            is_number, end = next_end(window, at)
            return window[at:end], is_number, end

        return self._next(read, where)

    def _next(self, read: Callable[[str, int], tuple[T, bool, int]], where: str) -> T:
        """What a function makes of the next value; it also gives whether that is a number, and its end."""
        self.sign()
        while True:
            cause = "it is too long"
            try:
                found, is_number, end = read(self._window, self._at)
                # A number may go on behind the window (at its end, this is the empty text, which is in every text).
                goes_on = is_number and self._window[end : end + 1] in "0123456789.eE+-"
                if self._ended or not goes_on:
                    self._at = end
                    return found
            except json.JSONDecodeError as error:
                cause = error.msg
            except ValueError as error:
                raise self.wrong(f"{where}: {error}") from error
            if self._ended:
                raise self.wrong(f"{where}: {cause}")
            if len(self._window) - self._at > MAX_GRAPH_CHARS:
                raise self.wrong(f"{where}: {cause} (an entry has at most {MAX_GRAPH_CHARS} characters)")
            self._read_on()


def _entries(text: _Text, take: Callable[[_Text, str], T]) -> Iterator[tuple[str, T]]:
    if text.sign() not in ("{", ""):
        raise DataError(f"{text.path} is not in GQA's format: a dictionary from image id to scene graph")
    text.take("{", "at its start")
    # An empty dictionary has no key before its end.
    sign = text.take("}", "") if text.sign() == "}" else ","
    number = 0
    while sign == ",":
        number += 1
        if number > MAX_GRAPHS:
            raise DataError(f"{text.path} has more than {MAX_GRAPHS} scene graphs; split it")
        key = text.value(f"the key of entry {number}")
        if not isinstance(key, str):
            raise text.wrong(f"the key of entry {number} is no text")
        where = f"entry {shortly(key)}"
        text.take(":", f"behind the key of {where}")
        yield key, take(text, where)
        sign = text.take(",}", f"behind {where}")
    if text.sign():
        raise text.wrong("something stands behind its end")
