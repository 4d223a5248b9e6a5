"""The rows of a file by sample id, of which only the places are held: a row is parsed when it is asked for.

A million rows as objects take gigabytes; their places take some 25 MB, and their ids some 150 MB once for all files.
"""

from __future__ import annotations

import logging
import os
import threading
import weakref
from array import array
from collections.abc import Callable, ItemsView, Iterable, Iterator, Mapping, Sequence, ValuesView
from itertools import repeat
from pathlib import Path
from typing import BinaryIO, ClassVar, Generic, TypeVar

from finecops.errors import RunError
from finecops.paths import open_regular
from finecops.records import StageRow
from finecops.runs.failures import Tally
from finecops.runs.jsonl import repair_torn_end
from finecops.runs.row_check import Head, rows_check
from finecops.strict_json import parse_record
from finecops.text import shortly

log = logging.getLogger(__name__)

Row = TypeVar("Row", bound=StageRow)
_COPIED = 4 << 20
"""So many bytes are copied at once."""
_READ = 1 << 20
"""So many bytes of whole lines are read at once."""


class RowFaultError(ValueError):
    """A line is no row.

    Attributes:
        number: of the line, from 1 on.
    """

    def __init__(self, number: int, message: str) -> None:
        super().__init__(message)
        self.number = number


class IdNumbers:
    """Numbers of ids, from 0 on, which the files of a run have in common: each id is held once."""

    _living: ClassVar[weakref.ref[IdNumbers] | None] = None

    def __init__(self) -> None:
        self.of: dict[str, int] = {}
        self.ids: list[str] = []
        """By their numbers."""
        self._lock = threading.Lock()

    @classmethod
    def shared(cls) -> IdNumbers:
        """Those of this process, as long as a file has them."""
        found = cls._living() if cls._living is not None else None
        if found is None:
            found = cls()
            cls._living = weakref.ref(found)
        return found

    def numbers(self, ids: Sequence[str]) -> list[int]:
        """The numbers of some ids; new ones get theirs."""
        with self._lock:
            found = []
            for id_ in ids:
                # The next free number, unless the id has one.
                number = self.of.setdefault(id_, len(self.ids))
                if number == len(self.ids):
                    self.ids.append(id_)
                found.append(number)
            return found


class RowFile(Mapping[str, Row], Generic[Row]):
    """Rows in a file, in its order.

    The file stays open: one that is moved over it later changes nothing here.
    """

    def __init__(self, path: Path, row_type: type[Row]) -> None:
        self.path, self.row_type = path, row_type
        self.tally = Tally()
        """What its rows say of failures and notes."""
        self._file: BinaryIO | None = None
        self._numbers = IdNumbers.shared()
        self._number = array("q")
        """Of each row the number of its id."""
        self._row = array("q")
        """The row of each number, -1 where there is none; it may end before the last number."""
        self._ends = array("Q", [0])
        """Where each row ends, and before them where the first begins."""

    def read(self, seen: Callable[[bytes], object] | None = None, most: int | None = None) -> None:
        """Find and check the rows of the file behind those that are here already.

        Args:
            seen: is called with all lines that are read, some at a time, for a checksum.
            most: so many rows are read; None: all.

        Raises:
            RowFaultError: a line is no row of the type, or the second of its sample. The rows before it are here.
        """
        check = rows_check(self.row_type)
        if self._file is None:
            self._file = open_regular(self.path)
        # Rows that others appended since the last call are read; those before them are known.
        self._file.seek(self.end)
        while lines := self._file.readlines(_READ):
            if most is not None:
                lines = lines[: most - len(self)]
            if seen is not None:
                seen(b"".join(lines))
            heads, error = check(lines)
            self._add(heads, lines)
            if error is not None:
                raise RowFaultError(len(self) + 1, f"not a {self.row_type.__name__} row: {error}") from error
            if most is not None and len(self) >= most:
                break

    def copy_to(self, file: BinaryIO, ids: Iterable[str]) -> None:
        """Write some rows to another file, in the order of the ids. What lies together is copied together."""
        begin = end = 0
        for id_ in ids:
            row = self._row_of(id_)
            # A gap ends the piece, and so does its size: it is held in memory.
            if self._ends[row] != end or end - begin > _COPIED:
                file.write(self._bytes(begin, end))
                begin = self._ends[row]
            end = self._ends[row + 1]
        file.write(self._bytes(begin, end))

    @property
    def end(self) -> int:
        """How many bytes its rows take."""
        return self._ends[-1]

    def __len__(self) -> int:
        return len(self._number)

    def __iter__(self) -> Iterator[str]:
        return map(self._numbers.ids.__getitem__, self._number)

    def __contains__(self, id_: object) -> bool:
        number = self._numbers.of.get(id_)  # type: ignore[call-overload]
        return number is not None and number < len(self._row) and self._row[number] >= 0

    def __getitem__(self, id_: str) -> Row:
        return self._parsed(self._row_of(id_))

    def values(self) -> ValuesView[Row]:
        """The rows, each parsed as it comes."""
        return _Values(self)

    def items(self) -> ItemsView[str, Row]:
        """Ids and rows."""
        return _Items(self)

    def rows(self) -> Iterator[Row]:
        """The rows, each parsed as it comes."""
        return map(self._parsed, range(len(self)))

    def _row_of(self, id_: str) -> int:
        if id_ not in self:
            raise KeyError(id_)
        return self._row[self._numbers.of[id_]]

    def _add(self, heads: Sequence[Head], lines: Sequence[bytes]) -> None:
        """
        Raises:
            RowFaultError: one is the second of its sample. Those before it are noted.
        """
        numbers = self._numbers.numbers([head.sample_id for head in heads])
        # Ids that another file brought have no row here.
        self._row.extend(repeat(-1, max(numbers, default=-1) + 1 - len(self._row)))
        for count, (number, line) in enumerate(zip(numbers, lines)):
            if self._row[number] >= 0:
                self.tally.add_all(heads[:count])
                id_ = shortly(heads[count].sample_id)
                raise RowFaultError(len(self) + 1, f"a second row for sample {id_}")
            self._row[number] = len(self._number)
            self._number.append(number)
            self._ends.append(self._ends[-1] + len(line))
        self.tally.add_all(heads)

    def _parsed(self, row: int) -> Row:
        line = self._bytes(self._ends[row], self._ends[row + 1])
        try:
            return parse_record(line, self.row_type, keys_once=False)
        except ValueError as error:
            raise RunError(f"{self.path}:{row + 1}: not a {self.row_type.__name__} row: {error}") from error

    def _bytes(self, begin: int, end: int) -> bytes:
        if self._file is None or begin == end:
            return b""
        return os.pread(self._file.fileno(), end - begin, begin)


def read_partial(path: Path, row_type: type[Row]) -> RowFile[Row]:
    """The rows of an unfinished file. What is behind the last sound row is cut off.

    Raises:
        RunError: not even the first row is sound.
    """
    repair_torn_end(path)
    rows = RowFile(path, row_type)
    try:
        rows.read()
    except RowFaultError as fault:
        said = f"{path}:{fault.number}: {fault}"
        if not rows:
            raise RunError(f"{said}. Delete the file to have it made again") from fault
        log.warning("%s; cut back to the %d rows before it", said, len(rows))
        os.truncate(path, rows.end)
    return rows


def replace_rows(path: Path, rows: RowFile[Row], ids: Iterable[str]) -> None:
    """Make a file hold some rows of a file and no others, in the order of the ids, in one step."""
    writing = path.with_name(path.name + ".writing")
    _write(writing, rows, ids)
    os.replace(writing, path)


def finish(partial: Path, final: Path, rows: RowFile[Row], ids: Iterable[str]) -> None:
    """Put rows, in the order of the ids, where the final file belongs, in one step; the partial file goes."""
    ordered = final.with_suffix(".ordered")
    _write(ordered, rows, ids)
    os.replace(ordered, final)
    partial.unlink(missing_ok=True)


def _write(path: Path, rows: RowFile[Row], ids: Iterable[str]) -> None:
    path.unlink(missing_ok=True)
    with path.open("xb") as file:
        rows.copy_to(file, ids)
        file.flush()
        os.fsync(file.fileno())


class _Values(ValuesView[Row]):
    def __init__(self, file: RowFile[Row]) -> None:
        super().__init__(file)
        self._of = file

    def __iter__(self) -> Iterator[Row]:
        return self._of.rows()


class _Items(ItemsView[str, Row]):
    def __init__(self, file: RowFile[Row]) -> None:
        super().__init__(file)
        self._of = file

    def __iter__(self) -> Iterator[tuple[str, Row]]:
        return zip(self._of, self._of.rows())
