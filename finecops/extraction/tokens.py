"""An expression as words that know where they stand in it."""

from __future__ import annotations

import re
from dataclasses import dataclass

# "w/" and "w/o" come first, so that "w/hat" is two words; then words with their hyphens, slashes and apostrophes
# ("T-shirt", "black/white", "girls'"); then what can end a phrase. A full stop inside a word or number ends nothing.
_TOKEN = re.compile(r"(?<!\w)[wW]/(?:[oO]\b)?|#?\w+(?:[-'’/]\w+)*['’]?|&|[,;:()\"“”–—]|-{2,}|\s-\s|[.?!]+(?=\s|$)")


@dataclass(frozen=True, slots=True)
class Word:
    """A word or a mark."""

    text: str
    """Lower case, with a straight apostrophe."""
    start: int
    end: int
    """Half-open offsets in the expression."""

    @property
    def is_mark(self) -> bool:
        """Whether it is punctuation."""
        return not (self.text[-1].isalnum() or self.text[-1] in "_'/&")


class Words:
    """The words of an expression, or of a part of it.

    >>> Words.of("The dog w/ a hat.").texts
    ['the', 'dog', 'w/', 'a', 'hat', '.']
    """

    def __init__(self, words: list[Word]) -> None:
        self.words = words
        self.texts = [word.text for word in words]

    @classmethod
    def of(cls, expression: str) -> Words:
        """Split an expression, without the marks before its first word."""
        found = [Word(m[0].strip().lower().replace("’", "'"), m.start(), m.end()) for m in _TOKEN.finditer(expression)]
        first = next((i for i, word in enumerate(found) if not word.is_mark), len(found))
        return cls(found[first:])

    def __len__(self) -> int:
        return len(self.words)

    def at(self, i: int) -> str:
        """The text of word `i`; empty outside the expression."""
        return self.texts[i] if 0 <= i < len(self.texts) else ""

    def ends_at(self, i: int) -> bool:
        """Whether the expression is over at `i`, or a mark stands there."""
        return not 0 <= i < len(self.words) or self.words[i].is_mark

    def part(self, start: int, stop: int) -> Words:
        """The words of a half-open range."""
        return Words(self.words[start:stop])

    def span(self, start: int, stop: int) -> tuple[int, int]:
        """The character span of a half-open range of words, without a quotation mark that closes it."""
        last = self.words[stop - 1]
        return (self.words[start].start, last.end - last.text.endswith("'"))
