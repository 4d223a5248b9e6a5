"""A sentence as words with their places."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

MAX_WORDS: Final = 60
"""The longest sentence that is read. A rewrite of a template has up to about 30 words."""
# A clitic ("'s", "n't") is a word of its own; so is every sign. A hyphen between letters only parts two words.
_WORD = re.compile(r"n't\b|'[a-z]+\b|[^\W\d_]+?(?=n't\b)|[^\W\d_]+|\d+|\S", re.IGNORECASE)
_HYPHEN = re.compile(r"(?<=\w)-(?=\w)")
_QUOTES = str.maketrans({"’": "'", "‘": "'", "‐": "-", "‑": "-"})


class Token(NamedTuple):
    """A word in lower case, and the half-open span of its characters."""

    word: str
    start: int
    end: int


def tokens_of(text: str) -> list[Token]:
    """The words of a text.

    >>> print(*(token.word for token in tokens_of("The man's T-shirt, isn't it")))
    the man 's t shirt , is n't it
    """
    # Both keep the length: the spans are those of the text as it stands.
    plain = _HYPHEN.sub(" ", text.translate(_QUOTES))
    return [Token(match[0].lower(), match.start(), match.end()) for match in _WORD.finditer(plain)]


def words_of(phrase: str) -> tuple[str, ...]:
    """The words of a phrase of the lexicon."""
    return tuple(token.word for token in tokens_of(phrase))
