"""Negative expressions in the final words: those of their positives, with one part changed, or rewritten themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeAlias

from pydantic import JsonValue

from finecops.construction.rewriting.checker import Checker
from finecops.construction.rewriting.rewrites import TOGETHER, Rewrite, Rewriter, Sentence
from finecops.construction.rewriting.transfer import transferred
from finecops.construction.samples import NegativeRow, PositiveRow, RewriteRow

Pair: TypeAlias = tuple[NegativeRow, Sequence[bool]]
"""A negative, and `PositiveRow.definite` of its positive."""
Finals: TypeAlias = Callable[[int], tuple[PositiveRow, RewriteRow] | None]
"""A positive's id → it and its final words."""


def rewritten_negatives(
    negatives: Iterable[Pair], rewriter: Rewriter, checker: Checker | None = None, finals: Finals | None = None
) -> Iterator[NegativeRow]:
    """Negative expressions in their final words, in their order.

    Where the positive was rewritten, the changed part is put in its place in the positive's sentence, so that the two
    differ in nothing else. A replacement stays so, or stays the template's where the positive's is. A swap is then
    rewritten and checked against its own description, as in the paper (III-B).

    Args:
        negatives: each with its positive's articles. Those without an expression stay as they are.
        rewriter: see `Rewriter`.
        checker: reads changed sentences.
        finals: finds the positives' final words; without it and `checker`, all negatives are rewritten.

    Raises:
        ModelError: the model is gone.
    """
    waiting = iter(negatives)
    while some := list(islice(waiting, TOGETHER)):
        based = [_in_the_positives_words(pair, checker, finals) for pair in some]
        asked = {
            index: Sentence(f"negative/{row.id}", row.expression, row.said.description(), definite)
            for index, ((row, settled), (_, definite)) in enumerate(zip(based, some, strict=True))
            if row.expression is not None and not settled
        }
        done = dict(zip(asked, rewriter.rewrite(list(asked.values())), strict=True))
        for index, (row, _) in enumerate(based):
            yield _with(row, done[index]) if index in done else row


def _in_the_positives_words(pair: Pair, checker: Checker | None, finals: Finals | None) -> tuple[NegativeRow, bool]:
    """A negative, worded as its positive is if that is possible; and whether these are its final words."""
    row, definite = pair
    found = finals(row.positive_id) if finals is not None else None
    if found is None or checker is None or row.expression is None:
        return row, False
    positive, final = found
    is_swap = row.chosen_by == "swap"
    if final.by == "template":
        return row, not is_swap
    new = transferred(final.expression, positive.said.description(), row.said.description(), checker, definite)
    if new is None:
        return row, False
    source: dict[str, JsonValue] = {**row.source, "words_of": "the positive"}
    return row.model_copy(update={"expression": new, "by": final.by, "source": source}), not is_swap


def _with(row: NegativeRow, rewrite: Rewrite) -> NegativeRow:
    """A negative with a rewrite, or with why there is none."""
    more: dict[str, JsonValue] = {"rewriting": dict(rewrite.source)} if rewrite.source else {}
    more |= {"rejected": rewrite.rejected} if rewrite.rejected else {}
    source: dict[str, JsonValue] = {**row.source, **more}
    if rewrite.by == "template":
        source |= {"not_rewritten": rewrite.reason} if rewrite.reason else {}
        return row.model_copy(update={"source": source})
    # Then it has words of its own.
    source.pop("words_of", None)
    return row.model_copy(update={"expression": rewrite.expression, "by": rewrite.by, "source": source})
