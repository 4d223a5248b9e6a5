"""Long arrays of a JSON object, of which some thousand entries at a time are parsed.

A parsed annotation file takes ten times its size. Here only the places of entries are kept, and they are parsed when
they are asked for: by the parsers of `finecops.strict_json`, so that every entry is what it would be in the tree.
Whatever this module does not expect (a syntax error, a key that stands twice, another encoding than UTF-8, a number of
thousands of digits) it leaves to `parse_marked_json`, which parses the whole file and has the error messages.
"""

from __future__ import annotations

import json
import os
import re
import weakref
from array import array
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias, overload

from finecops.strict_json import ODD, marked_decoder, parse_marked_json, plain_json

_WINDOW = 1 << 20
"""How many bytes are decoded at once; more where an entry is longer."""
TREE_BYTES = 32 << 20
"""Smaller files are parsed as a whole: that is faster, and takes some 300 MB at most."""
_MOST_READ = 1 << 30
"""No system reads more than 2 GB at once."""
_BLANK = " \t\n\r"
_BLANKS = re.compile(rf"[{_BLANK}]*")


class FileBytes:
    """The bytes of a file, each slice read when it is asked for."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        weakref.finalize(self, os.close, self._file)
        self._size = os.fstat(self._file).st_size

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, part: slice) -> bytes:
        start, stop, _ = part.indices(self._size)
        found = []
        while start < stop and (read := os.pread(self._file, min(stop - start, _MOST_READ), start)):
            found.append(read)
            start += len(read)
        return b"".join(found)


Content: TypeAlias = bytes | FileBytes


def content_of(path: Path) -> Content:
    """The content of a file; of a large one the parts that are asked for."""
    return path.read_bytes() if path.stat().st_size < TREE_BYTES else FileBytes(path)


class JsonArray(Sequence[Any]):
    """An array of a file: entries are parsed again each time that they are asked for, some thousand at a time."""

    def __init__(self, content: Content, parts: _Parts) -> None:
        self._content = content
        self._parts = parts
        self._kept: tuple[int, list[Any]] = (-1, [])

    def __len__(self) -> int:
        return self._parts.first[-1]

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> list[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        i = range(len(self))[index]
        part = bisect_right(self._parts.first, i) - 1
        if self._kept[0] != part:
            self._kept = (part, self._part(part))
        return self._kept[1][i - self._parts.first[part]]

    def __iter__(self) -> Iterator[Any]:
        return (entry for part in range(len(self._parts.starts)) for entry in self._part(part))

    def _part(self, part: int) -> list[Any]:
        entries = self._content[self._parts.starts[part] : self._parts.ends[part]]
        found: list[Any] = parse_marked_json(b"[" + entries + b"]")
        return found


class _Parts:
    """Where in a file the entries of an array are, some thousand together with the commas between them."""

    def __init__(self) -> None:
        self.starts, self.ends = array("Q"), array("Q")
        self.first = array("Q", [0])
        """The number of each part's first entry, and the number of all."""

    def add(self, start: int, end: int, entries: int) -> None:
        """Append a part."""
        self.starts.append(start)
        self.ends.append(end)
        self.first.append(self.first[-1] + entries)


Seen: TypeAlias = Callable[[str, list[Any], bytes], object]
"""Is called with the key of an array, some of its entries, and their text."""


def parse_arrays(content: Content, keys: Collection[str], seen: Seen | None = None) -> Any:
    """Parse JSON like `parse_marked_json`, with arrays at some keys of the outermost object as `JsonArray`s.

    If the object has all of these keys, its other values are left out: they are None.

    Args:
        content: the file.
        keys: the keys of long arrays.
        seen: is shown all entries of these arrays, in their order, as they are parsed. Shown entries mean nothing
            where the parsing ends with an error, or gives no `JsonArray`s: then they may not be all.

    Raises:
        ValueError: it is no JSON, or is nested too deeply.
    """
    if len(content) < TREE_BYTES or json.detect_encoding(content[:4]) != "utf-8":
        return parse_marked_json(content[:])
    try:
        return _Scanner(content, seen).outermost(keys)
    except (ValueError, RecursionError):
        return parse_marked_json(content[:])


_DECODER = marked_decoder()


class _Scanner:
    """Walks through a file, with a decoded part of it as a window."""

    def __init__(self, content: Content, seen: Seen | None) -> None:
        self.content, self.seen = content, seen
        self.begin = 0
        """Offset of the window in the file, in bytes."""
        self.text = ""
        self.at = 0
        """Where the scanner is, in the window."""
        self.plain = True
        """Whether characters of the window are bytes."""
        self.base = 0
        """Where in the window the offset `begin` is; above 0 only where the window is not plain."""
        self.end = 0
        """Where the window ends in the file, in bytes."""
        self._open(0, _WINDOW)

    def outermost(self, keys: Collection[str]) -> Mapping[str, Any]:
        """The object that the file is."""
        found: dict[str, Any] = {}
        self._expect("{")
        if self._peek() == "}":
            raise ValueError("nothing in it")
        while True:
            key = self._value() if self._peek() == '"' else None
            if key is None or key in found:
                raise ValueError("no key, or twice the same")
            self._expect(":")
            if key in keys and self._peek() == "[":
                found[key] = self._array(key)
            else:
                # Not an array where one is meant: the caller says so, and shows it.
                value = self._value()
                found[key] = value if key in keys else None
            if self._next() == "}":
                break
        if self._peek() or not set(keys) <= found.keys():
            raise ValueError("more behind the end, or another object than is meant")
        return found

    def _array(self, key: str) -> JsonArray:
        parts = _Parts()
        self._expect("[")
        if self._peek() == "]":
            self.at += 1
            return JsonArray(self.content, parts)
        while True:
            self._peek()
            if not self._plain_part(key, parts):
                self._part(key, parts)
            if self._next("]") == "]":
                return JsonArray(self.content, parts)

    def _plain_part(self, key: str, parts: _Parts) -> bool:
        """Take the entries from here to some end of an object at once, if that is where an entry ends.

        What begins at an entry and is a whole list of values with brackets around it ends where an entry does.
        """
        start = self._offset()
        window = self.content[start : start + _WINDOW]
        for end in (window.rfind(b"},"), window.find(b"}]")):
            entries = plain_json(b"[" + window[: end + 1] + b"]") if end >= 0 else ODD
            if entries is not ODD and entries:
                self._add(key, entries, parts, (start, start + end + 1))
                self._open(start + end + 1, _WINDOW)
                return True
        return False

    def _part(self, key: str, parts: _Parts) -> None:
        """Take the entries of the next window one by one."""
        start = self._offset()
        entries = []
        while True:
            entries.append(self._value())
            end = self._offset()
            # Behind the last of them stands the comma or bracket that ends this part.
            if end >= start + _WINDOW or self._peek() != ",":
                break
            self.at += 1
            self._peek()
        self._add(key, entries, parts, (start, end))

    def _add(self, key: str, entries: list[Any], parts: _Parts, where: tuple[int, int]) -> None:
        parts.add(*where, len(entries))
        if self.seen is not None:
            self.seen(key, entries, self.content[slice(*where)])

    def _value(self) -> Any:
        self._peek()
        size = 2 * _WINDOW
        while True:
            try:
                value, end = _DECODER.raw_decode(self.text, self.at)
                # A number at the end of the window may go on behind it: "1", "1.", "1e-".
                if end + 2 < len(self.text) or self._complete():
                    self.at = end
                    return value
            except json.JSONDecodeError:
                if self._complete():
                    raise
            # Twice as much each time, so that a long entry is not parsed a thousand times.
            self._open(self._offset(), size)
            size *= 2

    def _next(self, close: str = "}") -> str:
        """Go behind a comma or a closing bracket."""
        found = self._peek()
        if found not in (",", close) or not found:
            raise ValueError("no comma")
        self.at += 1
        return found

    def _expect(self, char: str) -> None:
        if self._peek() != char:
            raise ValueError(f"no {char}")
        self.at += 1

    def _peek(self) -> str:
        """The next character that is not blank; empty at the end of the file."""
        while True:
            # Most often there is one blank or none; a pattern costs more.
            char = self.text[self.at : self.at + 1]
            if char == " ":
                self.at += 1
                char = self.text[self.at : self.at + 1]
            if char in _BLANK:
                blanks = _BLANKS.match(self.text, self.at)
                self.at = blanks.end() if blanks else self.at
                char = self.text[self.at : self.at + 1]
            if char or self._complete():
                return char
            self._open(self._offset(), _WINDOW)

    def _complete(self) -> bool:
        """Whether the window reaches to the end of the file."""
        return self.end >= len(self.content)

    def _offset(self) -> int:
        """Where the scanner is in the file, in bytes."""
        if not self.plain:
            # From the last count on: each character is counted once.
            self.begin += len(self.text[self.base : self.at].encode("utf-8", "surrogatepass"))
            self.base = self.at
            return self.begin
        return self.begin + self.at

    def _open(self, begin: int, size: int) -> None:
        end = min(begin + size, len(self.content))
        # A window ends at a whole character; the bytes within one begin with the bits 10.
        while begin < end < len(self.content) and b"\x80" <= self.content[end : end + 1] < b"\xc0":
            end -= 1
        self.begin, self.end, self.at, self.base = begin, end, 0, 0
        self.text = self.content[begin:end].decode("utf-8", "surrogatepass")
        self.plain = self.text.isascii()
