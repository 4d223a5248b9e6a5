"""A lexicon's answers about pairs of words, kept: a file of graphs asks the same ones over and over."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from finecops.construction.lexicon import Lexicon

_ANSWERS: Final = 2**17
"""Answers of each kind that are kept: names may be any text, and a hostile file has very many."""
_LEXICONS: Final = 4


class Words:
    """The questions of a lexicon with their answers; the same names and meanings as there."""

    def __init__(self, lexicon: Lexicon) -> None:
        self.lexicon = lexicon
        self.is_a = lru_cache(_ANSWERS)(lexicon.is_a)
        self.may_be = lru_cache(_ANSWERS)(lexicon.may_be)
        self.is_group = lru_cache(_ANSWERS)(lexicon.is_group)
        self.fits = lru_cache(_ANSWERS)(lexicon.fits)


_known: dict[int, Words] = {}


def words_of(lexicon: Lexicon) -> Words:
    """The one object for a lexicon."""
    found = _known.get(id(lexicon))
    if found is None:
        if len(_known) >= _LEXICONS:
            _known.clear()
        # It holds the lexicon, so that no other one gets the same id.
        found = _known[id(lexicon)] = Words(lexicon)
    return found
