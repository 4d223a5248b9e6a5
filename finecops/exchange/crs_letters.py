"""`crs-letters`: lines of `{image_id, answer, gt: {letter: box xyxy or "None"}, answer_prob_norm, none_prob_norm}`,
as FineCops-Ref's region selection writes them. The two scores are log-probabilities."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from finecops.errors import DataError
from finecops.exchange.json_lines import read_objects
from finecops.exchange.values import as_number, as_numbers
from finecops.metrics.answers import OUTCOMES, Answers, AnswersBuilder
from finecops.replies.choices import parse_letter
from finecops.text import shortly

ANSWER_SCORE, NONE_SCORE = "answer_prob_norm", "none_prob_norm"


def read(path: Path, source: str, score: str | None) -> Answers:
    """Read the file. The chosen box has the probability of its letter; presence is 1 - p(None) where that is given.

    Where some rows give it and others do not, those are unparsed: in its place would stand the letter's probability,
    which is on another scale and may be the better rank.

    Raises:
        DataError: a line is no such row, or a score is no log-probability.
    """
    field = score or ANSWER_SCORE
    builder = AnswersBuilder(str(path))
    with_none, without_presence = 0, list[int]()
    for number, row in read_objects(path, builder, ("image_id", "answer", "gt")):
        options = row["gt"]
        if not isinstance(options, dict) or not options:
            raise DataError(f"{path}:{number}: gt must map letters to boxes or 'None'")
        text = row["answer"][0] if isinstance(row["answer"], list) and row["answer"] else row["answer"]
        # Which letter stands for None differs from row to row: it follows the last candidate.
        none = next((letter for letter, box in options.items() if box == "None"), None)
        # Null is no answer, and no rejection either, though its text would be "None".
        letter = parse_letter(text, tuple(options), none) if isinstance(text, str) else None
        presence = None if none is None else _probability(row, field=NONE_SCORE, path=path, number=number)
        with_none += none is not None
        if presence is None:
            without_presence.append(number)
        presence = None if presence is None else 1 - presence
        id_ = row["image_id"]
        if letter is None:
            builder.add(id_, status="unparsed", boxes=(), scores=None, presence=None, source=source, line=number)
            builder.problem(number, f"{shortly(text)} names none of the options {shortly(', '.join(options))}")
        elif letter == none:
            builder.add(id_, status="reject", boxes=(), scores=None, presence=presence, source=source, line=number)
        else:
            box = as_numbers(options[letter], 4)
            if box is None:
                meant = "four numbers xyxy are meant"
                raise DataError(f"{path}:{number}: option {letter} is {shortly(options[letter])}; {meant}")
            probability = _probability(row, field=field, path=path, number=number)
            scores = None if probability is None else [probability]
            builder.add(id_, status="box", boxes=[box], scores=scores, presence=presence, source=source, line=number)
    # Without the option anywhere, the letter's probability is what is meant.
    return _on_one_scale(builder.build(), path, without_presence) if with_none else builder.build()


def _on_one_scale(answers: Answers, path: Path, without: Sequence[int]) -> Answers:
    """All rows with presence, or none; `without` are the lines that give none."""
    if not without:
        return answers
    unknown = np.isnan(answers.presence)
    read = answers.outcome <= OUTCOMES.index("reject")
    what = "presence is the letter's probability" if unknown.all() else "counted as unparsed"
    said = (
        f"{path}: {len(without)} of {len(answers)} rows (the first: line {without[0]}) have no option None with its "
        f"{NONE_SCORE}: {what}"
    )
    outcome = (
        answers.outcome if unknown.all() else np.where(unknown & read, OUTCOMES.index("unparsed"), answers.outcome)
    )
    return replace(answers, outcome=outcome, problems=(*answers.problems, said))


def _probability(row: Mapping[str, Any], field: str, path: Path, number: int) -> float | None:
    raw = row.get(field)
    if raw is None:
        return None
    value = as_number(raw)
    # The comparison refuses NaN too.
    if value is None or not value <= 1e-6:
        raise DataError(
            f"{path}:{number}: {field} is {shortly(raw)}; a log-probability is meant, which is not above 0 "
            "(answer_prob and none_prob are raw logits: use their _norm fields)"
        )
    return math.exp(value)
