"""Lines of JSON objects of strangers: every error with file, line and what to do."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from finecops.errors import DataError
from finecops.metrics.answers import AnswersBuilder
from finecops.strict_json import parse_json
from finecops.text import plain_id, shortly


def read_objects(
    path: Path, builder: AnswersBuilder, required: tuple[str, ...]
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line number and object of each line that is not empty. A last line that was cut off is noted and left out.

    Where `image_id` is required, it is a text in the object.

    Raises:
        DataError: a line is no JSON object, or lacks a required key, or its `image_id` is no id.
    """
    with path.open("rb") as file:
        lines = [(number, line) for number, line in enumerate(file, start=1) if line.strip()]
        for (number, line), row in zip(lines, _parsed([line for _, line in lines])):
            if isinstance(row, ValueError):
                if not line.endswith(b"\n"):
                    builder.problem(number, "cut off (no end of line); left out, its sample counts as missing")
                    return
                raise DataError(f"{path}:{number}: not JSON ({row}); correct or delete the line") from row
            if not isinstance(row, dict):
                raise DataError(f"{path}:{number}: a JSON object per line is meant, not {type(row).__name__}")
            missing = [key for key in required if key not in row]
            if missing:
                there = shortly(", ".join(row), 300)
                raise DataError(f"{path}:{number}: no {', '.join(missing)}; the line has: {there[1:-1]}")
            if "image_id" in required:
                row["image_id"] = _id(row["image_id"], path, number)
            yield number, row


def _id(value: Any, path: Path, number: int) -> str:
    found = plain_id(value)
    if found is None:
        raise DataError(f"{path}:{number}: image_id is {shortly(value)}; a whole number or a short text is meant")
    return found


def _parsed(lines: list[bytes]) -> Iterator[Any]:
    """What each line holds, or the error."""
    # One call for all lines takes half the time of one for each; anything odd is looked at line by line. Between two
    # lines stands a text that no file can know, so that two objects on one line are not taken for two lines.
    between = secrets.token_hex(8)
    try:
        together = parse_json(b"[" + f',"{between}",'.encode().join(lines) + b"]")
        if len(together) == 2 * len(lines) - 1 and together[1::2].count(between) == len(lines) - 1:
            yield from together[::2]
            return
    except ValueError:
        pass
    for line in lines:
        try:
            yield parse_json(line.decode())
        except ValueError as error:
            yield error
