"""A column of texts: one block of UTF-8, and where each text is in it."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, islice, pairwise
from typing import overload

import numpy as np
from numpy.typing import NDArray

_CHUNK = 1024
"""So many texts are decoded at once."""
_TAKEN = 1 << 16
"""So many texts are taken at once."""
# Half a character has no UTF-8; a text shall come out as it went in.
_HALVES = "surrogatepass"


class Texts(Sequence[str]):
    """Texts as one block of UTF-8 and the offset of each."""

    def __init__(self, block: bytes, offsets: NDArray[np.unsignedinteger]) -> None:
        self.block = block
        self.offsets = offsets

    @classmethod
    def of(cls, texts: Iterable[str]) -> Texts:
        """These texts."""
        encoded = [text.encode("utf-8", _HALVES) for text in texts]
        lengths = np.fromiter(map(len, encoded), dtype=np.int64, count=len(encoded))
        return cls(b"".join(encoded), small(np.concatenate([[0], np.cumsum(lengths)])))

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        return len(self.block) + self.offsets.nbytes

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            rows = range(*index.indices(len(self)))
            return self.part(rows.start, rows.stop) if rows.step == 1 else [self[i] for i in rows]
        i = range(len(self))[index]
        return self.block[int(self.offsets[i]) : int(self.offsets[i + 1])].decode("utf-8", _HALVES)

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self), _CHUNK):
            yield from self.part(start, start + _CHUNK)

    def part(self, start: int, stop: int) -> list[str]:
        """The texts of some rows, faster than one by one."""
        ends = self.offsets[start : stop + 1].tolist()
        if len(ends) < 2:
            return []
        block = self.block[ends[0] : ends[-1]]
        if block.isascii():
            # Characters are bytes: decoded once.
            text, first = block.decode("ascii"), ends[0]
            return [text[a - first : b - first] for a, b in pairwise(ends)]
        return [self.block[a:b].decode("utf-8", _HALVES) for a, b in pairwise(ends)]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, list | tuple):
            return len(self) == len(other) and all(a == b for a, b in zip(self, other))
        if not isinstance(other, Texts):
            return NotImplemented
        return self.block == other.block and np.array_equal(self.offsets, other.offsets)

    __hash__ = None  # type: ignore[assignment]

    def take(self, rows: NDArray[np.integer], where: NDArray[np.bool_] | None = None) -> Texts:
        """Some of the texts, in the order of `rows`; empty ones where `where` is False."""
        parts, lengths = list[bytes](), np.zeros(len(rows) + 1, dtype=np.int64)
        for start in range(0, len(rows), _TAKEN):
            part = slice(start, start + _TAKEN)
            first, last = self.offsets[rows[part]].astype(np.int64), self.offsets[rows[part] + 1].astype(np.int64)
            if where is not None:
                last = np.where(where[part], last, first)
            parts.append(b"".join([self.block[a:b] for a, b in zip(first.tolist(), last.tolist())]))
            lengths[1:][part] = last - first
        return Texts(b"".join(parts), small(np.cumsum(lengths)))


class TextsBuilder:
    """A column that grows by one text at a time."""

    def __init__(self) -> None:
        self.block = bytearray()
        self.offsets = array("Q", [0])

    def __getitem__(self, row: int) -> str:
        return self.block[self.offsets[row] : self.offsets[row + 1]].decode("utf-8", _HALVES)

    def add(self, text: str) -> None:
        """Append a text."""
        self.block += text.encode("utf-8", _HALVES)
        self.offsets.append(len(self.block))

    def extend(self, texts: Sequence[str]) -> None:
        """Append texts."""
        together = "".join(texts)
        if together.isascii():
            # Characters are bytes: encoded once.
            self.offsets.extend(islice(accumulate(map(len, texts), initial=len(self.block)), 1, None))
            self.block += together.encode("ascii")
            return
        for text in texts:
            self.add(text)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def build(self) -> Texts:
        """The column of what was added so far."""
        return Texts(bytes(self.block), small(self.offsets))


def small(values: array[int] | NDArray[np.integer]) -> NDArray[np.unsignedinteger]:
    """Whole numbers in the smallest type that holds them all."""
    found = np.asarray(values)
    return found.astype(np.min_scalar_type(int(found.max(initial=0))))
