"""Stage `negatives`: for each positive, type and level, a change that is proved false, until a column is full."""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from pydantic import JsonValue

from finecops.construction.chain.columns import (
    TOO_MUCH,
    Column,
    key_of,
    shuffled_ids,
    text_columns,
    text_id,
)
from finecops.construction.chain.context import Context
from finecops.construction.chain.desk import Place, desk_at
from finecops.construction.chain.stage import Stage, Whole
from finecops.construction.chain.steps.chosen import positive_texts
from finecops.construction.chain.wording import asker_of, reworded
from finecops.construction.english.realise import Wording, realise
from finecops.construction.graph import TooMuchWorkError
from finecops.construction.lexicon import Lexicon
from finecops.construction.negatives.make import NO_PART, Negative, Words, negative
from finecops.construction.negatives.requests import COLUMNS as TEXT_COLUMNS
from finecops.construction.negatives.requests import requests
from finecops.construction.pool import ordered_map
from finecops.construction.rewriting.word_choice import Proposals, WordQuestion, propose_words
from finecops.construction.samples import DescriptionRow, NegativeRow, Phrased, PositiveRow
from finecops.construction.truth.facts import Facts
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
    inner = Counter[str]()
    make = Whole(lambda: _rows(context, inner), inner=inner)
    return Stage(NAME, NegativeRow, settings, make, reads=("positives", "rewrites"))


Made = dict[int, dict[Column, Negative]]
"""Positive → column → the change, or why there is none, as far as it was tried."""


@dataclass(frozen=True)
class _Task:
    """What a worker does with the positives of an image."""

    place: Place
    seed: int
    columns: tuple[Column, ...]

    def __call__(self, positives: Sequence[PositiveRow]) -> list[tuple[int, list[Negative]]]:
        """Each positive's id, and its changes: one for each column, or why there is none."""
        desk = desk_at(self.place)
        facts = desk.facts(positives[0].image_id)
        return [
            (
                row.id,
                [_change(row, facts, column, desk.lexicon, desk.words.words, self.seed) for column in self.columns],
            )
            for row in positives
        ]


def _change(row: PositiveRow, facts: Facts, column: Column, lexicon: Lexicon, words: Words, seed: int) -> Negative:
    rng = random.Random(f"{seed}/{row.image_id}/{row.id}/text/{key_of(column)}")
    try:
        return negative(row.said.description(), facts, column, lexicon, words, rng, row.template)
    except TooMuchWorkError:
        return Negative(*column, None, reason=TOO_MUCH)


def _rows(context: Context, inner: Counter[str]) -> Iterator[NegativeRow]:
    asked = context.settings
    columns = tuple(text_columns(asked.negatives)) if asked.expressions else ()
    sources: dict[tuple[int, Column], dict[str, JsonValue]] = {}
    made = _by_model(context, columns, sources) if asked.words_by == "model" else _by_statistics(context, columns)
    inner.clear()
    yield from reworded(context, _worded(context, made, sources, inner))


def _by_statistics(context: Context, columns: tuple[Column, ...]) -> Made:
    """All columns of an image at once: its facts are the larger part of the work."""
    asked = context.settings
    # Read now and once more for the words: the positives of a training set are hundreds of megabytes.
    rows = groupby(context.rows("positives", PositiveRow), key=lambda row: row.image_id)
    by_image = (list(some) for _, some in rows)
    results = ordered_map(_Task(context.place, asked.seed, columns), by_image, asked.workers)
    nothing = {column: Negative(*column, None, reason=NO_PART) for column in columns}
    found: dict[int, list[Negative]] = {}
    for some in progress(results, what=NAME, unit="image", total=len(context.desk.graphs)):
        for id_, changes in some:
            # Most of them, and all alike.
            found[id_] = [nothing[c] if made.reason == NO_PART else made for c, made in zip(columns, changes)]
    # All were tried, but rows are those of one after the other: no row depends on the number of workers.
    tried: Made = {id_: {} for id_ in found}
    for number, column in enumerate(columns):
        kept = 0
        for id_ in shuffled_ids(found, asked.seed, column, "text"):
            if kept == asked.expressions:
                break
            tried[id_][column] = found[id_][number]
            kept += found[id_][number].said is not None
    return tried


def _by_model(
    context: Context,
    columns: tuple[Column, ...],
    sources: dict[tuple[int, Column], dict[str, JsonValue]],
) -> Made:
    """Column by column, so that no more words are asked for than a column needs; `sources` gets the prompts."""
    asked, desk = context.settings, context.desk
    rows, texts = {row.id: row for row in context.rows("positives", PositiveRow)}, positive_texts(context)
    tried: Made = {id_: {} for id_ in rows}
    for column in columns:
        left = deque(shuffled_ids(rows, asked.seed, column, "text"))
        kept = 0
        while left and kept < asked.expressions:
            some = [rows[left.popleft()] for _ in range(min(len(left), asked.expressions - kept))]
            proposals = _proposals(context, some, texts, column)
            for row in some:
                facts = desk.facts(row.image_id)
                change = _change(row, facts, column, desk.lexicon, proposals.words_of(str(row.id)), asked.seed)
                tried[row.id][column] = change
                kept += change.said is not None
                if change.new is not None:
                    sources[row.id, column] = _source(context, row, column, change, proposals)
    return tried


def _proposals(context: Context, some: Sequence[PositiveRow], texts: Mapping[int, str], column: Column) -> Proposals:
    questions = []
    for row in some:
        objects = context.desk.graphs[row.image_id].objects.values()
        # The names of its objects; its attributes and relations would be more than they are of use.
        present = tuple(sorted({obj.name for obj in objects}))
        for request in requests(row.said.description(), *column):
            questions.append(WordQuestion(str(row.id), request, texts[row.id], present))
    return propose_words(asker_of(context), questions, context.desk.lexicon)


def _source(
    context: Context, row: PositiveRow, column: Column, change: Negative, proposals: Proposals
) -> dict[str, JsonValue]:
    """Where a model's word comes from, for the row."""
    for request in requests(row.said.description(), *column):
        proposal = proposals.get(str(row.id), request)
        if request.old == change.old and proposal is not None and change.new in proposal.words:
            return {"model": asker_of(context).writer.name, "prompt_sha256": proposal.prompt}
    return {}


def _worded(
    context: Context,
    made: Made,
    sources: Mapping[tuple[int, Column], dict[str, JsonValue]],
    inner: Counter[str],
) -> Iterator[tuple[NegativeRow, PositiveRow]]:
    """The rows in the words of the templates, positive by positive and column by column."""
    for positive in context.rows("positives", PositiveRow):
        for column in TEXT_COLUMNS:
            change = made[positive.id].get(column)
            if change is not None and change.reason == NO_PART:
                # Most positives have no second relation and the like: that is counted, and no row.
                inner[NO_PART] += 1
            elif change is not None:
                yield _row(context, positive, change, sources.get((positive.id, column))), positive


def _row(context: Context, positive: PositiveRow, change: Negative, source: dict[str, JsonValue] | None) -> NegativeRow:
    row = NegativeRow(
        id=text_id((change.type, change.level), positive.id),
        positive_id=positive.id,
        image_id=positive.image_id,
        type=change.type,
        level=change.level,
        status="dropped",
        reason=change.reason,
        said=positive.said,
        changed=[],
    )
    if change.said is None:
        return row
    # The positive's own wording and articles: nothing but the change shall tell them apart.
    wording = Wording(positive.template, tuple(positive.picks))
    said = realise(change.said, wording, positive.definite, context.desk.lexicon)
    update = {
        "status": "kept",
        "said": DescriptionRow.of(change.said),
        "changed": list(change.changed),
        "expression": Phrased(text=said.text, spans=list(said.spans)),
        "chosen_by": change.chosen_by if source is None else "model",
        "source": source or {},
    }
    return row.model_copy(update=update)
