"""`refexp-text`: lines of `{image_id, text | answer, <score>}`, what an MLLM said, with `--box-format` naming how it
writes boxes and `--score` the field that holds one score per box."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from finecops.errors import DataError
from finecops.exchange.json_lines import read_objects
from finecops.exchange.values import as_numbers
from finecops.metrics.answers import Answers, AnswersBuilder
from finecops.replies.answer import Answer
from finecops.replies.formats import decode
from finecops.replies.formats.box_format import BoxFormat
from finecops.strict_json import parse_json
from finecops.text import clean_text, shortly

ImageSizes = Mapping[str, tuple[int, int]]
SCORE_FIELDS = ("scores", "score", "scores_prob_average", "scores_logits_average", "sum_log_prob")


def read(path: Path, source: str, sizes: ImageSizes, box_format: BoxFormat, score: str | None) -> Answers:
    """Read the file. Boxes are ranked by score where there are scores, else in the order of the text.

    A score field that a row with boxes lacks, or that does not fit the number of its boxes, leaves the row without
    scores; a single number for several boxes is one too few.

    Raises:
        DataError: a line is no such row, or the score field is in no row.
    """
    builder = AnswersBuilder(str(path), ranked=False)
    unfit, scored = 0, False
    for number, row in read_objects(path, builder, ("image_id",)):
        id_ = row["image_id"]
        text = text_of(row, path, number)
        found = decode(box_format, text, sizes.get(id_, (1, 1)))
        scores = scores_of(row, score, found)
        if scores is None and found.status == "box" and score is not None and score in row:
            unfit += 1
            if unfit == 1:
                given = row[score]
                builder.problem(
                    number,
                    f"{score} has {len(given) if isinstance(given, list) else 1} values for {len(found.boxes)} boxes",
                )
        scored |= found.status == "box" and score is not None and score in row
        builder.add(
            id_, status=found.status, boxes=found.boxes, scores=scores, presence=None, source=source, line=number
        )
        if found.status == "unparsed":
            builder.problem(number, f"{found.reason}: {shortly(text)}")
    if score is not None and not scored:
        raise DataError(f"{path}: no row with a box has the field {score!r}; --score names the field of the scores")
    return builder.build()


def scores_of(row: Mapping[str, Any], score: str | None, found: Answer) -> list[float] | None:
    """The scores of an answer's boxes, one each, or None if the field is not there or does not fit them."""
    if found.status != "box" or score is None or score not in row:
        return None
    scores = row[score] if isinstance(row[score], list) else [row[score]]
    # One number for several boxes says nothing about their order.
    return as_numbers(scores, len(found.boxes))


def find_score_field(path: Path) -> str | None:
    """The first known score field of the first line, or None. A line that is broken is left to `read` to refuse."""
    with path.open("rb") as file:
        first = next((line for line in file if line.strip()), b"")
    try:
        row = parse_json(first)
    except ValueError:
        return None
    return next((name for name in SCORE_FIELDS if name in row), None) if isinstance(row, dict) else None


def text_of(row: Mapping[str, Any], path: Path, number: int) -> str:
    """What the model said.

    Raises:
        DataError: the row has no text.
    """
    for key in ("text", "answer"):
        if key in row:
            value = row[key][0] if isinstance(row[key], list) and row[key] else row[key]
            if isinstance(value, str):
                return clean_text(value)
            raise DataError(f"{path}:{number}: {key} is {type(value).__name__}; a text is meant")
    raise DataError(f"{path}:{number}: no text or answer; the line has: {shortly(', '.join(row), 300)}")
