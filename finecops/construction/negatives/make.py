"""Negative expressions of a positive: changes that are proved false on the graph, worded as the positive is."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from finecops.construction.description import Description
from finecops.construction.lexicon import Lexicon
from finecops.construction.negatives.requests import COLUMNS, Level, Request, requests, swaps
from finecops.construction.negatives.words import known_words

NO_PART: Final = "nothing of this type to change"
NO_WORD: Final = "no fitting word is known"
NOT_PROVED: Final = "none of the proposed changes is proved false"

Words = Callable[[Request, random.Random], Sequence[str]]
"""A request → words in order of preference: `CorpusWords.words`, or what a language model said."""


class Provable(Protocol):
    """What is asked of a graph (`finecops.construction.truth.facts.Facts`)."""

    def is_false(self, description: Description) -> bool:
        """Whether a description is possible for no object."""
        ...


@dataclass(frozen=True, slots=True)
class Negative:
    """A change that was proved, or why there is none.

    Attributes:
        type, level: the column of the paper's Table IV.
        said: the changed description; None where there is none.
        changed: indices of the changed nodes, or of the edge whose relation was replaced.
        reason: why there is none.
        old, new: the replaced word and the new one; None for a swap.
    """

    type: str
    level: Level
    said: Description | None
    changed: tuple[int, ...] = ()
    reason: str | None = None
    old: str | None = None
    new: str | None = None

    @property
    def chosen_by(self) -> Literal["statistics", "swap"]:
        """How the change was found, of a change that no model chose."""
        return "swap" if self.new is None else "statistics"


def negative(
    said: Description, facts: Provable, type_: str, level: Level, lexicon: Lexicon, words: Words, rng: random.Random
) -> Negative:
    """A negative of one type and level: the first change, in a seeded order of the parts, that is proved false."""
    proposed = False
    parts = False
    for new_said, changed, old, new in _proposals(said, type_, level, lexicon, words, rng):
        parts = True
        if new_said is None:
            continue
        proposed = True
        if facts.is_false(new_said):
            return Negative(type_, level, new_said, changed, old=old, new=new)
    reason = NOT_PROVED if proposed else NO_WORD if parts else NO_PART
    return Negative(type_, level, None, reason=reason)


def negatives(
    said: Description,
    facts: Provable,
    lexicon: Lexicon,
    words: Words,
    seed: str,
    columns: Sequence[tuple[str, Level]] = COLUMNS,
) -> Iterator[Negative]:
    """One negative of each column, or the reason why there is none, in the columns' order.

    Args:
        said: the positive's description.
        facts: the image's graph.
        lexicon: the world's words.
        words: replacement words.
        seed: of this positive; each column has a generator of its own.
        columns: types and levels.
    """
    for type_, level in columns:
        yield negative(said, facts, type_, level, lexicon, words, random.Random(f"{seed}/{type_}/{level}"))


_Proposal = tuple[Description | None, tuple[int, ...], str | None, str | None]


def _proposals(
    said: Description, type_: str, level: Level, lexicon: Lexicon, words: Words, rng: random.Random
) -> Iterator[_Proposal]:
    parts = requests(said, type_, level)
    exchanges = swaps(said, type_, level, lexicon)
    # Without a shuffle the first part of a sentence would be changed most often.
    rng.shuffle(parts)
    rng.shuffle(exchanges)
    for swap in exchanges:
        yield swap.said, swap.changed, None, None
    for request in parts:
        options = known_words(words(request, rng), request, lexicon)
        if not options:
            yield None, (), request.old, None
        for word in options:
            yield request.replaced(word), (request.index,), request.old, word
