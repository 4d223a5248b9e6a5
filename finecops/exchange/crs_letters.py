"""`crs-letters`: lines of `{image_id, answer, gt: {letter: box xyxy or "None"}, answer_prob_norm, none_prob_norm}`,
as FineCops-Ref's region selection writes them. The two scores are log-probabilities."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from finecops.errors import DataError
from finecops.exchange.json_lines import read_objects
from finecops.metrics.answers import Answers, AnswersBuilder
from finecops.replies.choices import parse_letter

ANSWER_SCORE, NONE_SCORE = "answer_prob_norm", "none_prob_norm"


def read(path: Path, source: str, score: str | None) -> Answers:
    """Read the file. The chosen box has the probability of its letter; presence is 1 - p(None) where that is given.

    Raises:
        DataError: a line is no such row, or a score is no log-probability.
    """
    field = score or ANSWER_SCORE
    builder = AnswersBuilder(str(path))
    for number, row in read_objects(path, builder, ("image_id", "answer", "gt")):
        options = row["gt"]
        if not isinstance(options, dict) or not options:
            raise DataError(f"{path}:{number}: gt must map letters to boxes or 'None'")
        text = row["answer"][0] if isinstance(row["answer"], list) and row["answer"] else row["answer"]
        # Which letter stands for None differs from row to row: it follows the last candidate.
        none = next((letter for letter, box in options.items() if box == "None"), None)
        letter = parse_letter(str(text), tuple(options), none)
        presence = None if none is None else _probability(row, field=NONE_SCORE, path=path, number=number)
        presence = None if presence is None else 1 - presence
        id_ = str(row["image_id"])
        if letter is None:
            builder.add(id_, status="unparsed", boxes=(), scores=None, presence=None, source=source, line=number)
            builder.problem(number, f"{str(text)[:80]!r} names none of the options {', '.join(options)}")
        elif letter == none:
            builder.add(id_, status="reject", boxes=(), scores=None, presence=presence, source=source, line=number)
        else:
            box = options[letter]
            if not isinstance(box, list) or len(box) != 4 or not all(isinstance(v, int | float) for v in box):
                raise DataError(f"{path}:{number}: option {letter} is {box!r}; four numbers xyxy are meant")
            probability = _probability(row, field=field, path=path, number=number)
            scores = None if probability is None else [probability]
            builder.add(id_, status="box", boxes=[box], scores=scores, presence=presence, source=source, line=number)
    return builder.build()


def _probability(row: Mapping[str, Any], field: str, path: Path, number: int) -> float | None:
    value = row.get(field)
    if value is None:
        return None
    if not isinstance(value, int | float) or value > 1e-6:
        raise DataError(
            f"{path}:{number}: {field} is {value!r}; a log-probability is meant, which is not above 0 "
            "(answer_prob and none_prob are raw logits: use their _norm fields)"
        )
    return math.exp(value)
