"""Stage `chosen`: which negatives stay, by scores and thresholds, and by refinement of the texts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pydantic import JsonValue

from finecops.construction.chain.context import Context
from finecops.construction.chain.stage import Stage, Whole
from finecops.construction.samples import ChosenRow, EditRow, NegativeRow, PositiveRow, RewriteRow, ScoreRow

NAME: Final = "chosen"
SAME_TEXT: Final = "the words are those of the positive"
NO_CANDIDATE: Final = "no candidate was made"


def stage(context: Context) -> Stage[ChosenRow]:
    """The stage of a build."""
    asked = context.settings
    settings: dict[str, JsonValue] = {
        "seed": asked.seed,
        "refine": asked.refine,
        "synthetic threshold": asked.synthetic_threshold,
    }
    reads = ("positives", "rewrites", "negatives", "edits", "scores")
    return Stage(NAME, ChosenRow, settings, Whole(lambda: _rows(context)), reads=reads, remake=True)


def _rows(context: Context) -> Iterator[ChosenRow]:
    texts = positive_texts(context)
    scores = {row.id: row for row in context.rows("scores", ScoreRow)}
    negatives = [row for row in context.rows("negatives", NegativeRow) if row.status == "kept"]
    for row in negatives:
        same = row.expression is None or row.expression.text == texts[row.positive_id]
        yield ChosenRow(id=row.id, kept=not same, reason=SAME_TEXT if same else None)
    for edit in context.rows("edits", EditRow):
        if edit.status == "kept":
            yield _edit(edit, scores.get(edit.id))


def positive_texts(context: Context) -> dict[int, str]:
    """Positive → its final words before people see it."""
    found = {row.id: row.expression.text for row in context.rows("positives", PositiveRow)}
    return found | {row.id: row.expression.text for row in context.rows("rewrites", RewriteRow)}


def _edit(edit: EditRow, scored: ScoreRow | None) -> ChosenRow:
    first = next((number for number, name in enumerate(edit.candidates) if name), None)
    if first is None:
        return ChosenRow(id=edit.id, kept=False, reason=NO_CANDIDATE)
    return ChosenRow(id=edit.id, kept=True, candidate=first)
