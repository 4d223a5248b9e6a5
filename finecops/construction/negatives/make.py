"""Negative expressions of a positive: changes that are proved false on the graph, worded as the positive is."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final, Literal, Protocol

from finecops.construction.description import Description
from finecops.construction.english.fitting import fits
from finecops.construction.english.oddities import oddity
from finecops.construction.lexicon import Lexicon
from finecops.construction.negatives.requests import COLUMNS, Level, Request, requests, swaps
from finecops.construction.negatives.words import known_words

NO_PART: Final = "nothing of this type to change"
NO_WORD: Final = "no fitting word is known"
ODD: Final = "the proposed changes make no good English"
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
    said: Description,
    facts: Provable,
    column: tuple[str, Level],
    lexicon: Lexicon,
    words: Words,
    rng: random.Random,
    template: str | None = None,
) -> Negative:
    """A negative of one type and level: the first change, in a seeded order of the parts, that is proved false.

    Args:
        said: the positive's description.
        facts: the image's graph.
        column: type and level.
        lexicon: the world's words.
        words: replacement words.
        rng: of this positive and column.
        template: that of the positive's sentence; a change that it cannot say well is not taken, since a sentence of
            another build would tell the negative from the positive.
    """
    reason = NO_PART
    for new_said, changed, old, new in _proposals(said, *column, lexicon, words, rng):
        if new_said is None:
            reason = max(reason, NO_WORD, key=_REASONS.index)
        # Before the proof, which is dearer.
        elif not reads_well(new_said, said, template, lexicon):
            reason = max(reason, ODD, key=_REASONS.index)
        elif facts.is_false(new_said):
            return Negative(*column, new_said, changed, old=old, new=new)
        else:
            reason = NOT_PROVED
    return Negative(*column, None, reason=reason)


_REASONS: Final = (NO_PART, NO_WORD, ODD, NOT_PROVED)
"""From the earliest end to the latest: the one that came furthest is given."""


def reads_well(new: Description, old: Description, template: str | None, lexicon: Lexicon) -> bool:
    """Whether a changed description can be said as well as the one that it was made from."""
    if oddity(new, lexicon) is not None and oddity(old, lexicon) is None:
        return False
    if template is not None and fits(template, old, lexicon) and not fits(template, new, lexicon):
        return False
    # "The car beside another car": positives have no such pair, so it would give the negative away.
    return _one_name_twice(old, lexicon) or not _one_name_twice(new, lexicon)


def _one_name_twice(said: Description, lexicon: Lexicon) -> bool:
    return any(lexicon.may_be(a.name, b.name) for a, b in combinations(said.nodes, 2))


def negatives(
    said: Description,
    facts: Provable,
    lexicon: Lexicon,
    words: Words,
    seed: str,
    columns: Sequence[tuple[str, Level]] = COLUMNS,
    template: str | None = None,
) -> Iterator[Negative]:
    """One negative of each column, or the reason why there is none, in the columns' order.

    Args:
        said, facts, lexicon, words, template: as of `negative`.
        seed: of this positive; each column has a generator of its own.
        columns: types and levels.
    """
    for column in columns:
        rng = random.Random(f"{seed}/{column[0]}/{column[1]}")
        yield negative(said, facts, column, lexicon, words, rng, template)


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
