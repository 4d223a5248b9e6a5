"""`finecops`: our own prediction rows (`docs/records.md`), from a run or made by another program."""

from __future__ import annotations

from pathlib import Path

from finecops.errors import DataError
from finecops.metrics.answers import Answers, AnswersBuilder
from finecops.records import Prediction
from finecops.strict_json import parse_record


def read(path: Path) -> Answers:
    """Read the file; boxes stand in rank order. A last line that was cut off is noted and left out.

    Raises:
        DataError: a line is no prediction row.
    """
    builder = AnswersBuilder(str(path))
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                row = parse_record(line, Prediction, strict=True)
            except ValueError as error:
                if not line.endswith(b"\n"):
                    builder.problem(number, "cut off (no end of line); left out, its sample counts as missing")
                    break
                raise DataError(f"{path}:{number}: no prediction row: {error}") from error
            if row.scores is not None and len(row.scores) != len(row.boxes):
                raise DataError(f"{path}:{number}: {len(row.scores)} scores for {len(row.boxes)} boxes")
            builder.add(row.sample_id, row.status, row.boxes, row.scores, row.presence, row.source, number)
    return builder.build()
