"""Options of a multiple-choice question: letters, None, and which one an answer means. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

LETTERS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")

_REFUSALS = ("none", "no suitable", "not present", "not in the image", "no match")
_LETTER = re.compile(r"(?<![A-Za-z'])\(?([A-Z])\)?(?![A-Za-z'])")
_ARTICLE = re.compile(
    r"(?<![A-Za-z'])(?<!option )(?<!choice )(?<!letter )(?<!is )A(?= (?!is\b|and\b|or\b)[a-z])", re.ASCII
)


def letters_for(count: int) -> tuple[str, ...]:
    """The first letters.

    Raises:
        ValueError: there are not as many.
    """
    if count > len(LETTERS):
        raise ValueError(f"{count} options need more than the {len(LETTERS)} letters there are")
    return LETTERS[:count]


def parse_letter(text: str, letters: Sequence[str], none_letter: str | None = None) -> str | None:
    """The one option that an answer names, or None if it names none, several, or one that was not offered.

    A letter stands alone, in brackets, or before a full stop or colon: "C", "(C)", "C.", "The answer is (C).".
    "A" before a word in small letters is an article ("A red car"), unless the words around it say otherwise ("option A
    fits", "A is right"). An answer in words that no option fits means the None option, where there is one.

    >>> parse_letter("The answer is (C).", "ABCD")
    'C'
    >>> parse_letter("A and B", "ABCD") is None
    True
    """
    plain = text.strip()
    if len(plain) == 1:
        return plain.upper() if plain.upper() in letters else None
    body = _ARTICLE.sub("", plain)
    found = list(dict.fromkeys(match[1] for match in _LETTER.finditer(body) if match[1] != "I" or "I" in letters))
    if len(found) == 1:
        return found[0] if found[0] in letters else None
    if not found and none_letter is not None and any(word in plain.lower() for word in _REFUSALS):
        return none_letter
    return None
