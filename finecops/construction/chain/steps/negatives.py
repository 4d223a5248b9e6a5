"""Stage `negatives`: for each positive, type and level, a change that is proved false, until a column is full."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from pydantic import JsonValue

from finecops.construction.chain.columns import Column, key_of, shuffled_ids, text_columns, text_id
from finecops.construction.chain.context import Context
from finecops.construction.chain.desk import Place, desk_at
from finecops.construction.chain.pool import ordered_map
from finecops.construction.chain.stage import Stage, Whole
from finecops.construction.chain.wording import reworded
from finecops.construction.english.realise import Wording, realise
from finecops.construction.negatives.make import Negative, negatives
from finecops.construction.samples import DescriptionRow, NegativeRow, Phrased, PositiveRow
from finecops.progress import progress

NAME: Final = "negatives"


def stage(context: Context) -> Stage[NegativeRow]:
    """The stage of a build."""
    asked = context.settings
    settings: dict[str, JsonValue] = {
        "seed": asked.seed,
        "expressions": asked.expressions,
        "columns": [key_of(column) for column in text_columns(asked.negatives)],
        "words by": asked.words_by,
    }
    make = Whole(lambda: _rows(context))
    return Stage(NAME, NegativeRow, settings, make, reads=("positives", "rewrites"))


@dataclass(frozen=True)
class _Task:
    """What a worker does with the positives of an image."""

    place: Place
    seed: int
    columns: tuple[Column, ...]

    def __call__(self, positives: Sequence[PositiveRow]) -> list[list[Negative]]:
        """The changes of each positive, one for each column, or why there is none."""
        desk = desk_at(self.place)
        facts = desk.facts(positives[0].image_id)
        return [
            list(
                negatives(
                    row.said.description(),
                    facts,
                    desk.lexicon,
                    desk.words.words,
                    f"{self.seed}/{row.image_id}/{row.id}/text",
                    self.columns,
                )
            )
            for row in positives
        ]


def _rows(context: Context) -> Iterator[NegativeRow]:
    asked = context.settings
    columns = tuple(text_columns(asked.negatives)) if asked.expressions else ()
    positives = list(context.rows("positives", PositiveRow))
    by_image = [list(rows) for _, rows in groupby(positives, key=lambda row: row.image_id)]
    task = _Task(context.place, asked.seed, columns)
    found: dict[int, list[Negative]] = {}
    results = ordered_map(task, by_image, asked.workers)
    for rows, changes in zip(by_image, progress(results, what=NAME, unit="image", total=len(by_image)), strict=True):
        found |= {row.id: made for row, made in zip(rows, changes, strict=True)}
    tried = _tried(found, columns, asked.expressions, asked.seed)
    yield from reworded(context, _worded(positives, found, tried, context))


def _worded(
    positives: Sequence[PositiveRow],
    found: Mapping[int, Sequence[Negative]],
    tried: Mapping[int, set[int]],
    context: Context,
) -> Iterator[tuple[NegativeRow, PositiveRow]]:
    """The rows in the words of the templates, positive by positive."""
    for positive in positives:
        for number in sorted(tried[positive.id]):
            yield _row(positive, found[positive.id][number], context), positive


def _row(positive: PositiveRow, made: Negative, context: Context) -> NegativeRow:
    column: Column = (made.type, made.level)
    about = {"id": text_id(column, positive.id), "positive_id": positive.id, "image_id": positive.image_id}
    about |= {"type": made.type, "level": made.level}
    if made.said is None:
        return NegativeRow(**about, status="dropped", reason=made.reason, said=positive.said, changed=[])
    # The positive's own wording and articles: nothing but the change shall tell them apart.
    wording = Wording(positive.template, tuple(positive.picks))
    said = realise(made.said, wording, positive.definite, context.desk.lexicon)
    return NegativeRow(
        **about,
        status="kept",
        said=DescriptionRow.of(made.said),
        changed=list(made.changed),
        expression=Phrased(text=said.text, spans=list(said.spans)),
        chosen_by=made.chosen_by,
    )


def _tried(
    found: Mapping[int, Sequence[Negative]], columns: Sequence[Column], quota: int, seed: int
) -> dict[int, set[int]]:
    """Positive → numbers of the columns for which it was tried before they were full."""
    tried: dict[int, set[int]] = {id_: set() for id_ in found}
    for number, column in enumerate(columns):
        kept = 0
        for id_ in shuffled_ids(found, seed, column, "text"):
            if kept == quota:
                break
            tried[id_].add(number)
            kept += found[id_][number].said is not None
    return tried
