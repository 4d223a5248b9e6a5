"""Lines of JSON objects of strangers: every error with file, line and what to do."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

from finecops.errors import DataError
from finecops.metrics.answers import AnswersBuilder
from finecops.strict_json import parse_json
from finecops.text import plain_ids, shortly

_PART = 1 << 20
"""So many bytes of whole lines are parsed at once."""
Row: TypeAlias = dict[str, Any]


def read_objects(path: Path, builder: AnswersBuilder, required: tuple[str, ...]) -> Iterator[tuple[int, Row]]:
    """Line number and object of each line that is not empty. A last line that was cut off is noted and left out.

    Where `image_id` is required, it is a text in the object.

    Raises:
        DataError: a line is no JSON object, or lacks a required key, or its `image_id` is no id.
    """
    for part in read_parts(path, builder, required):
        yield from part


def read_parts(path: Path, builder: AnswersBuilder, required: tuple[str, ...]) -> Iterator[list[tuple[int, Row]]]:
    """As `read_objects`, some thousand objects at a time."""
    with path.open("rb") as file:
        before = 0
        while lines := file.readlines(_PART):
            numbered = [(number, line) for number, line in enumerate(lines, start=before + 1) if line.strip()]
            before += len(lines)
            rows = _parsed([line for _, line in numbered])
            sound = _sound(rows, required)
            yield [(number, row) for (number, _), row in zip(numbered, rows[:sound])]
            if sound < len(rows):
                number, line = numbered[sound]
                # A line that was cut off is the last.
                if isinstance(rows[sound], ValueError) and not line.endswith(b"\n"):
                    builder.problem(number, "cut off (no end of line); left out, its sample counts as missing")
                    return
                raise _fault(rows[sound], required, f"{path}:{number}")


def _sound(rows: list[Any], required: tuple[str, ...]) -> int:
    """How many rows come before the first that is no object with the required keys; their `image_id` is a text now."""
    if not set(map(type, rows)) <= {dict} or not all(key in row for row in rows for key in required):
        wrong = (not isinstance(row, dict) or not row.keys() >= set(required) for row in rows)
        rows = rows[: list(wrong).index(True)]
    if "image_id" in required:
        ids = plain_ids([row["image_id"] for row in rows])
        for row, id_ in zip(rows, ids):
            if id_ is None:
                return ids.index(None)
            row["image_id"] = id_
    return len(rows)


def _fault(row: Any, required: tuple[str, ...], where: str) -> DataError:
    """What is wrong with a row."""
    if isinstance(row, ValueError):
        error = DataError(f"{where}: not JSON ({row}); correct or delete the line")
        error.__cause__ = row
        return error
    if not isinstance(row, dict):
        return DataError(f"{where}: a JSON object per line is meant, not {type(row).__name__}")
    missing = [key for key in required if key not in row]
    if missing:
        there = shortly(", ".join(row), 300)
        return DataError(f"{where}: no {', '.join(missing)}; the line has: {there[1:-1]}")
    return DataError(f"{where}: image_id is {shortly(row['image_id'])}; a whole number or a short text is meant")


def _parsed(lines: list[bytes]) -> list[Any]:
    """What each line holds, or the error."""
    # One call for all lines takes half the time of one for each; anything odd is looked at line by line. Between two
    # lines stands a text that no file can know, so that two objects on one line are not taken for two lines.
    between = secrets.token_hex(8)
    try:
        together = parse_json(b"[" + f',"{between}",'.encode().join(lines) + b"]")
        if len(together) == 2 * len(lines) - 1 and together[1::2].count(between) == len(lines) - 1:
            return list(together[::2])
    except ValueError:
        pass
    return [_parsed_line(line) for line in lines]


def _parsed_line(line: bytes) -> Any:
    try:
        return parse_json(line.decode())
    except ValueError as error:
        return error
