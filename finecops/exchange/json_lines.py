"""Lines of JSON objects of strangers: every error with file, line and what to do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from finecops.errors import DataError
from finecops.metrics.answers import AnswersBuilder


def read_objects(
    path: Path, builder: AnswersBuilder, required: tuple[str, ...]
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line number and object of each line that is not empty. A last line that was cut off is noted and left out.

    Raises:
        DataError: a line is no JSON object, or lacks a required key.
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
                there = ", ".join(map(str, row))
                raise DataError(f"{path}:{number}: no {', '.join(missing)}; the line has: {there}")
            yield number, row


def _parsed(lines: list[bytes]) -> Iterator[Any]:
    """What each line holds, or the error."""
    # One call for all lines takes half the time of one for each; anything odd is looked at line by line.
    try:
        together = json.loads(b"[" + b",".join(lines) + b"]")
        if len(together) == len(lines):
            yield from together
            return
    except ValueError:
        pass
    for line in lines:
        try:
            yield json.loads(line.decode())
        except ValueError as error:
            yield error
