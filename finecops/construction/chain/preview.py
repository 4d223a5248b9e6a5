"""Some sentences with their negatives, before anything large begins: `--preview`. Nothing is written."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import TextWrapper
from typing import Final

from finecops.construction.chain.build import Plan, build
from finecops.construction.chain.columns import text_columns
from finecops.construction.chain.context import Context
from finecops.construction.chain.export import as_sentence
from finecops.construction.chain.folder import BuildFolder
from finecops.construction.chain.settings import RULES, BuildSettings
from finecops.construction.samples import NegativeRow, PositiveRow, RewriteRow

GRAPHS: Final = 500
"""The first so many graphs are looked at."""


@dataclass(frozen=True)
class Previewed:
    """A positive in its final words, with its negative expressions."""

    row: PositiveRow
    text: str
    negatives: list[NegativeRow]


def preview(settings: BuildSettings, count: int) -> list[Previewed]:
    """The first sentences that the settings give, from the first graphs: as many of each level as there are.

    No language model is asked: the templates stand, or the rules.

    Raises:
        FinecopsError: as a build.
    """
    # Too many for each level: what one lacks is taken from the others.
    each = math.ceil(count / 3)
    with TemporaryDirectory() as folder:
        changes = {
            "out": Path(folder),
            "limit": min(settings.limit or GRAPHS, GRAPHS),
            "positives": (each, each, each),
            "rewriter": RULES if settings.rewriter == RULES else None,
            "words_by": "statistics",
            # Every negative is shown, whatever the quotas.
            "expressions": count * len(text_columns(())),
        }
        few = settings.model_copy(update=changes)
        # The same code as a build, in a folder that goes: what is shown is what will be made.
        build(few, Plan(until="negatives"))
        context = Context(few, BuildFolder(few.out, few.name))
        words = {row.id: row.expression.text for row in context.rows("rewrites", RewriteRow)}
        negatives: dict[int, list[NegativeRow]] = {}
        for row in context.rows("negatives", NegativeRow):
            if row.status == "kept":
                negatives.setdefault(row.positive_id, []).append(row)
        positives = sorted(context.rows("positives", PositiveRow), key=lambda row: (row.level, row.id))
        shown = _in_turn(positives, count)
        said = [Previewed(row, words.get(row.id, row.expression.text), negatives.get(row.id, [])) for row in shown]
    return [_sentence(one) for one in said] if settings.sentences else said


def _in_turn(positives: Sequence[PositiveRow], count: int) -> list[PositiveRow]:
    """So many, of all levels as evenly as they allow."""
    by_level = {level: [row for row in positives if row.level == level] for level in (1, 2, 3)}
    left = count
    taken: list[PositiveRow] = []
    # The rarest level first: what it lacks is left for the others.
    for place, level in enumerate(sorted(by_level, key=lambda level: len(by_level[level]))):
        some = by_level[level][: math.ceil(left / (3 - place))]
        taken += some
        left -= len(some)
    return sorted(taken, key=lambda row: (row.level, row.id))


def _sentence(one: Previewed) -> Previewed:
    negatives = []
    for row in one.negatives:
        said = row.expression
        changed = said.model_copy(update={"text": as_sentence(said.text)}) if said is not None else None
        negatives.append(row.model_copy(update={"expression": changed}))
    return Previewed(one.row, as_sentence(one.text), negatives)


def preview_lines(found: Sequence[Previewed], width: int) -> Iterator[str]:
    """The lines that `--preview` prints, at most `width` characters each."""
    if not found:
        yield "no sentence: the first graphs have no object that can be named alone"
    wrapped = TextWrapper(width, subsequent_indent="    ")
    marked = TextWrapper(width, initial_indent="    - ", subsequent_indent="      ")
    for one in found:
        yield from wrapped.wrap(f"{one.text}  [level {one.row.level}, {one.row.said.tuple_type}]")
        for row in one.negatives:
            if row.expression is not None:
                yield from marked.wrap(f"{row.expression.text}  [{row.type}, level {row.level}]")
