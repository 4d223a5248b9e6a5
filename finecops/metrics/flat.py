"""Values of millions of rows, one after the other in one array each: numbers, and texts of which there are few."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

_WAITING = 4096
"""Parts that are flattened together."""


class Names(Sequence[str]):
    """Texts of which there are few different ones."""

    def __init__(self, names: Sequence[str], number: NDArray[np.unsignedinteger]) -> None:
        """
        Args:
            names: the different ones.
            number: `[n]` index into `names`.
        """
        self.names, self.number = tuple(names), number

    def __len__(self) -> int:
        return len(self.number)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[str, ...]: ...
    def __getitem__(self, index: int | slice) -> str | tuple[str, ...]:
        if isinstance(index, slice):
            return tuple(map(self.names.__getitem__, self.number[index].tolist()))
        return self.names[int(self.number[index])]

    def __iter__(self) -> Iterator[str]:
        return map(self.names.__getitem__, self.number.tolist())


class Numbers:
    """Numbers of rows, lists and arrays mixed, one after the other."""

    def __init__(self) -> None:
        self._flat = array("d")
        self._waiting: list[Any] = []

    def add(self, part: Any) -> None:
        """Append numbers, or rows of numbers."""
        self._waiting.append(part)
        # Together they take less time, and as objects more memory.
        if len(self._waiting) >= _WAITING:
            self._flatten()

    def build(self) -> NDArray[np.float64]:
        """All of them, `[n]`. Nothing can be added afterwards."""
        self._flatten()
        return np.frombuffer(self._flat, dtype=np.float64) if self._flat else np.zeros(0)

    def _flatten(self) -> None:
        parts, self._waiting = self._waiting, []
        for part in parts:
            if isinstance(part, np.ndarray):
                self._flat.frombytes(np.ascontiguousarray(part, dtype=np.float64).tobytes())
                continue
            for row in part:
                if isinstance(row, list | tuple | np.ndarray):
                    self._flat.extend(row)
                else:
                    self._flat.append(row)
