"""In which row each id is: exact, for millions of ids, in a tenth of the memory of a dictionary."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import islice
from typing import Final

import numpy as np
from numpy.typing import NDArray

LARGE: Final = 200_000
"""Of fewer ids a dictionary is made."""
_CHUNK: Final = 1 << 16
Rows = NDArray[np.intp]


class IdRows:
    """The rows of ids that stand once each.

    Of many ids the checksums are sorted, and the ids that they lead to are compared. Ids that come in their own order,
    as in most files, are compared alone.
    """

    def __init__(self, ids: Sequence[str]) -> None:
        self._ids = ids
        self._next = 0

    def rows_of(self, wanted: Iterable[str]) -> Rows:
        """The row of each, -1 where it is none; an empty id is nowhere."""
        found, texts = [np.zeros(0, dtype=np.intp)], iter(wanted)
        while part := list(islice(texts, _CHUNK)):
            found.append(self._of_part(part))
        return np.concatenate(found)

    def _of_part(self, wanted: list[str]) -> Rows:
        # Where the last ones ended, the next ones are as a rule.
        start, stop = self._next, self._next + len(wanted)
        if stop <= len(self._ids) and "" not in wanted and wanted == list(self._ids[start:stop]):
            self._next = stop
            return np.arange(start, stop)
        rows = self._looked_up(wanted)
        self._next = int(rows[-1]) + 1
        return rows

    def _looked_up(self, wanted: list[str]) -> Rows:
        if len(self._ids) < LARGE:
            return np.fromiter((self._row_of.get(id_, -1) for id_ in wanted), dtype=np.intp, count=len(wanted))
        # Python salts checksums of texts in each process: nobody can make a file of equal ones.
        ordered, row_of = self._sums
        sums = np.fromiter(map(hash, wanted), dtype=np.int64, count=len(wanted))
        places = np.searchsorted(ordered, sums)
        rows = np.full(len(wanted), -1, dtype=np.intp)
        inside = np.flatnonzero(places < len(ordered))
        for i in inside[ordered[places[inside]] == sums[inside]].tolist():
            place = int(places[i])
            # Two ids hardly ever have one checksum; if so, both are looked at.
            while place < len(ordered) and ordered[place] == sums[i]:
                if wanted[i] and self._ids[int(row_of[place])] == wanted[i]:
                    rows[i] = row_of[place]
                place += 1
        return rows

    @cached_property
    def _row_of(self) -> dict[str, int]:
        found = dict(zip(self._ids, range(len(self._ids))))
        found.pop("", None)
        return found

    @cached_property
    def _sums(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Checksums in their order, and the row of each."""
        sums = np.fromiter(map(hash, self._ids), dtype=np.int64, count=len(self._ids))
        order = np.argsort(sums, kind="stable")
        return sums[order], order


def rows_of_ids(wanted: Sequence[str], ids: Sequence[str]) -> Rows:
    """The row in `ids` of each wanted id, -1 where it is none; an empty one is nowhere."""
    return IdRows(ids).rows_of(wanted)


def are_unique(ids: Sequence[str]) -> bool:
    """Whether no id stands twice."""
    if len(ids) < LARGE:
        return len(set(ids)) == len(ids)
    # Checksums take a tenth of the memory of the ids. Equal ones are most probably equal ids.
    sums = np.fromiter(map(hash, ids), dtype=np.int64, count=len(ids))
    return len(np.unique(sums)) == len(ids) or len(set(ids)) == len(ids)
