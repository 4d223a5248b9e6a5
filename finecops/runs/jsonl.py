"""JSON Lines: read with file and line in every error, append and flush, repair a broken end, finish atomically."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, TextIO, TypeVar

from finecops.errors import RunError
from finecops.paths import open_regular
from finecops.records import Record, StageRow
from finecops.runs.checksums import FileChecksums, sound_rows
from finecops.strict_json import parse_record
from finecops.text import shortly

R = TypeVar("R", bound=Record)
Row = TypeVar("Row", bound=StageRow)

_TABLES_KEPT = 8
"""Tables that a process holds: a run has hardly more stages."""
_tables: dict[Any, tuple[str, Mapping[str, Any]]] = {}
"""By file and its state: its SHA-256 and its rows."""
LARGE_BYTES = 32 << 20
"""The rows of larger files are not held as objects."""

MADE_AGAIN = (
    "The command that made the file (`finecops sfa run`, …) makes it again from there; if that stops here too, delete "
    "the file first"
)


def read_rows(path: Path, row_type: type[R], seen: Callable[[bytes], object] | None = None) -> Iterator[R]:
    """Read rows of one type.

    Args:
        path, row_type: the file, and what is in it.
        seen: is called with every line, for a checksum, which finds a key that stands twice too.

    Raises:
        RunError: a line is not JSON, or lacks a key, or has one too many or twice; names file, line and key.
    """
    with open_regular(path) as file:
        for number, line in enumerate(file, start=1):
            if seen is not None:
                seen(line)
            try:
                row = parse_record(line, row_type, keys_once=seen is None)
            except ValueError as error:
                raise RunError(f"{path}:{number}: not a {row_type.__name__} row: {error}. {MADE_AGAIN}") from error
            yield row


def read_table(path: Path, row_type: type[Row], checksums: FileChecksums | None = None) -> Mapping[str, Row]:
    """The rows of a stage's file by sample id. A file that has not changed is read once per process.

    Of a large file the places of rows are held, and a row is made each time that it is asked for.

    Raises:
        RunError: as `read_rows`; or a sample has two rows, or the file has other checksums than these.
    """
    state = path.stat()
    # Inode, time and size: a file that was made again in the same second is another file.
    key = (path.resolve(), state.st_ino, state.st_mtime_ns, state.st_size, row_type)
    if key not in _tables:
        while len(_tables) >= _TABLES_KEPT:
            _tables.pop(next(iter(_tables)))
        digest = hashlib.sha256()
        read = _read_places if state.st_size >= LARGE_BYTES else _read_all
        rows = read(path, row_type, digest.update)
        _tables[key] = (digest.hexdigest(), rows)
    sha256, table = _tables[key]
    if checksums is not None and sha256 != checksums.sha256:
        sound = sound_rows(path, checksums)
        raise RunError(f"{path}: changed after row {sound} since it was finished. {MADE_AGAIN}")
    return table


class RowsLater(Mapping[str, Row]):
    """Rows by sample id, read when one of them is asked for: who goes on to the next stage reads none."""

    def __init__(self, read: Callable[[], Mapping[str, Row]]) -> None:
        self._read = read

    @cached_property
    def _rows(self) -> Mapping[str, Row]:
        return self._read()

    def __getitem__(self, id_: str) -> Row:
        return self._rows[id_]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


def _read_all(path: Path, row_type: type[Row], seen: Callable[[bytes], object]) -> Mapping[str, Row]:
    rows: dict[str, Row] = {}
    for number, row in enumerate(read_rows(path, row_type, seen), start=1):
        if row.sample_id in rows:
            raise RunError(f"{path}:{number}: a second row for sample {shortly(row.sample_id)}. {MADE_AGAIN}")
        rows[row.sample_id] = row
    return rows


def _read_places(path: Path, row_type: type[Row], seen: Callable[[bytes], object]) -> Mapping[str, Row]:
    # Imported late: that module writes files with this one.
    from finecops.runs.row_file import RowFaultError, RowFile

    rows = RowFile(path, row_type)
    try:
        rows.read(seen)
    except RowFaultError as fault:
        raise RunError(f"{path}:{fault.number}: {fault}. {MADE_AGAIN}") from fault
    return rows


def repair_torn_end(path: Path) -> None:
    """Cut off what a killed process left after the last complete line, if anything."""
    # No pipe and no device is opened for writing either.
    open_regular(path).close()
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        end = size
        while end > 0:
            step = min(65536, end)
            file.seek(end - step)
            newline = file.read(step).rfind(b"\n")
            if newline >= 0:
                end = end - step + newline + 1
                break
            end -= step
        if end < size:
            file.truncate(end)


def open_new(path: Path) -> TextIO:
    """Open a file for writing in place of what has its name: never that to which a link of its name leads."""
    path.unlink(missing_ok=True)
    return path.open("x", encoding="utf-8")


def append_rows(file: TextIO, rows: Iterable[Record]) -> None:
    """Write rows and hand them to the operating system."""
    for row in rows:
        file.write(row.model_dump_json() + "\n")
    file.flush()


def replace_rows(path: Path, rows: Iterable[Record]) -> None:
    """Make a file hold these rows and no others, in one step."""
    writing = path.with_name(path.name + ".writing")
    with open_new(writing) as file:
        append_rows(file, rows)
        os.fsync(file.fileno())
    os.replace(writing, path)


def write_json_atomically(path: Path, content: object) -> None:
    """Write indented JSON into a temporary file and move it to the path."""
    temporary = path.with_name(path.name + ".writing")
    with open_new(temporary) as file:
        file.write(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    os.replace(temporary, path)
