"""`refexp-text`: lines of `{image_id, text | answer, <score>}`, what an MLLM said, with `--box-format` naming how it
writes boxes and `--score` the field that holds one score per box."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from finecops.answers import Answers, AnswersBuilder
from finecops.errors import DataError
from finecops.exchange.json_lines import read_objects
from finecops.models.dialects import Dialect, decode

ImageSizes = Mapping[str, tuple[int, int]]
SCORE_FIELDS = ("scores", "score", "scores_prob_average", "scores_logits_average", "sum_log_prob")


def read(path: Path, source: str, sizes: ImageSizes, dialect: Dialect, score: str | None) -> Answers:
    """Read the file. Boxes are ranked by score where there are scores, else in the order of the text.

    A score field that a row with boxes lacks, or that does not fit the number of its boxes, leaves the row without
    scores; a single number for several boxes is one too few.

    Raises:
        DataError: a line is no such row, or the score field is in no row.
    """
    builder = AnswersBuilder(str(path), ranked=False)
    unfit, scored = 0, False
    for number, row in read_objects(path, builder, ("image_id",)):
        text = _text(row, path, number)
        id_ = str(row["image_id"])
        found = decode(dialect, text, sizes.get(id_, (1, 1)))
        scores = None
        if found.status == "box" and score is not None and score in row:
            scored = True
            scores = row[score] if isinstance(row[score], list) else [row[score]]
            if len(scores) != len(found.boxes) or not all(isinstance(v, int | float) for v in scores):
                unfit += 1
                if unfit == 1:
                    builder.problem(number, f"{score} has {len(scores)} values for {len(found.boxes)} boxes")
                scores = None
        builder.add(id_, found.status, found.boxes, scores, None, source, number)
        if found.status == "unparsed":
            builder.problem(number, f"{found.reason}: {text[:80]!r}")
    if score is not None and not scored:
        raise DataError(f"{path}: no row with a box has the field {score!r}; --score names the field of the scores")
    return builder.build()


def find_score_field(path: Path) -> str | None:
    """The first known score field of the first line, or None."""
    builder = AnswersBuilder(str(path))
    for _, row in read_objects(path, builder, ("image_id",)):
        return next((name for name in SCORE_FIELDS if name in row), None)
    return None


def _text(row: Mapping[str, Any], path: Path, number: int) -> str:
    for key in ("text", "answer"):
        if key in row:
            value = row[key][0] if isinstance(row[key], list) and row[key] else row[key]
            if isinstance(value, str):
                return value
            raise DataError(f"{path}:{number}: {key} is {type(value).__name__}; a text is meant")
    raise DataError(f"{path}:{number}: no text or answer; the line has: {', '.join(map(str, row))}")
