"""Letters of a multiple-choice question, and parsing the letter that a reply names. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Sequence

LETTERS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
"""The letters of options, in order."""

MAX_CHARS = 200_000
"""Of a longer reply, this much is read."""

# Phrases that mean the option None when a reply names no letter.
_REFUSAL = re.compile(r"\b(?:none|no suitable|not present|not in the image|no match)\b")
# A capital letter that is not part of a word: "C", "(C)", "C.", but not the "C" of "Cat" or of "C's".
_LETTER = re.compile(r"(?<![A-Za-z'])\(?([A-Z])\)?(?![A-Za-z'])")
# "A" as an article: before a word in small letters ("A red car"). It is the option's letter after "option", "choice",
# "letter" or "is", and before "is", "and" or "or".
_ARTICLE = re.compile(
    r"(?<![A-Za-z'])(?<!option )(?<!choice )(?<!letter )(?<!is )A(?= (?!is\b|and\b|or\b)[a-z])", re.ASCII
)


def letters_for(count: int) -> tuple[str, ...]:
    """The first `count` letters.

    Raises:
        ValueError: there are fewer letters than that.
    """
    if count > len(LETTERS):
        raise ValueError(f"{count} options, and only {len(LETTERS)} letters")
    return LETTERS[:count]


def parse_letter(text: str, letters: Sequence[str], none_letter: str | None = None) -> str | None:
    """The letter that a reply names. It is None if the reply names no letter, several, or one that was not offered.

    A letter stands alone, in brackets, or before a full stop or colon: "C", "(C)", "C.", "The answer is (C).".
    "A" before a word in small letters is an article ("A red car"), unless the words around it say otherwise ("option A
    fits", "A is right"). A reply without a letter that says "none" or "no match" means the option None, where there is
    one.

    >>> parse_letter("The answer is (C).", "ABCD")
    'C'
    >>> parse_letter("A and B", "ABCD") is None
    True
    """
    plain = text[:MAX_CHARS].strip()
    # A single small letter is accepted only as the whole reply: in a sentence "a" and "i" are words.
    if len(plain) == 1 and plain.isascii():
        return plain.upper() if plain.upper() in letters else None
    body = _ARTICLE.sub("", plain)
    # "I" is a word too ("I think B"): it counts only if it was offered. dict.fromkeys drops repetitions of one letter.
    found = list(dict.fromkeys(match[1] for match in _LETTER.finditer(body) if match[1] != "I" or "I" in letters))
    if len(found) == 1:
        return found[0] if found[0] in letters else None
    if not found and none_letter is not None and _REFUSAL.search(plain.lower()):
        return none_letter
    return None
