"""JSON Lines: read with file and line in every error, append and flush, repair a torn end, finish atomically."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO, TypeVar

from pydantic import ValidationError

from finecops.errors import RunError
from finecops.records import Record, StageRow

R = TypeVar("R", bound=Record)
Row = TypeVar("Row", bound=StageRow)

_TABLES_KEPT = 8
"""Tables that a process holds: a run has hardly more stages."""
_tables: dict[Any, dict[str, Any]] = {}


def read_rows(path: Path, row_type: type[R]) -> Iterator[R]:
    """Read rows of one type.

    Raises:
        RunError: a line is not JSON, or lacks a key, or has one too many; names file, line and key.
    """
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            try:
                yield row_type.model_validate_json(line)
            except ValidationError as error:
                first = error.errors(include_url=False)[0]
                where = ".".join(str(part) for part in first["loc"]) or "the line"
                raise RunError(
                    f"{path}:{number}: not a {row_type.__name__} row: {where}: {first['msg']}. "
                    "Delete the file to have it made again."
                ) from error


def read_table(path: Path, row_type: type[Row]) -> Mapping[str, Row]:
    """The rows of a stage's file by sample id. A file that has not changed is read once per process.

    Raises:
        RunError: as `read_rows`.
    """
    state = path.stat()
    # Inode, time and size: a file that was made again in the same second is another file.
    key = (path.resolve(), state.st_ino, state.st_mtime_ns, state.st_size, row_type)
    if key not in _tables:
        while len(_tables) >= _TABLES_KEPT:
            _tables.pop(next(iter(_tables)))
        _tables[key] = {row.sample_id: row for row in read_rows(path, row_type)}
    return _tables[key]


def repair_torn_end(path: Path) -> None:
    """Cut off what a killed process left after the last complete line, if anything."""
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


def append_rows(file: TextIO, rows: Iterable[Record]) -> None:
    """Write rows and hand them to the operating system."""
    for row in rows:
        file.write(row.model_dump_json() + "\n")
    file.flush()


def replace_rows(path: Path, rows: Iterable[Record]) -> None:
    """Make a file hold these rows and no others, in one step."""
    writing = path.with_name(path.name + ".writing")
    with writing.open("w", encoding="utf-8") as file:
        append_rows(file, rows)
        os.fsync(file.fileno())
    os.replace(writing, path)


def finish(partial: Path, final: Path, rows: Sequence[Record]) -> None:
    """Put the rows, in their order, where the final file belongs, in one step; the partial file goes."""
    ordered = final.with_suffix(".ordered")
    with ordered.open("w", encoding="utf-8") as file:
        append_rows(file, rows)
        os.fsync(file.fileno())
    os.replace(ordered, final)
    partial.unlink(missing_ok=True)


def write_json_atomically(path: Path, content: object) -> None:
    """Write indented JSON into a temporary file and move it to the path."""
    temporary = path.with_name(path.name + ".writing")
    temporary.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(temporary, path)
