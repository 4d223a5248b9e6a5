"""A column of texts: one block of UTF-8, and where each text is in it."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import overload

import numpy as np
from numpy.typing import NDArray

_CHUNK = 1024
"""So many texts are decoded at once."""
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
            return [self[i] for i in range(*index.indices(len(self)))]
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

    def build(self) -> Texts:
        """The column of what was added so far."""
        return Texts(bytes(self.block), small(self.offsets))


def small(values: array[int] | NDArray[np.int64]) -> NDArray[np.unsignedinteger]:
    """Whole numbers in the smallest type that holds them all."""
    found = np.asarray(values)
    return found.astype(np.min_scalar_type(int(found.max(initial=0))))
