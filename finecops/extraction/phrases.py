"""The span of a phrase in an expression, for a phrase that a model or a user gives."""

from __future__ import annotations

import re
from collections.abc import Iterator

from finecops.extraction.rules import extract_target
from finecops.records import Span

MAX_PHRASE_CHARS = 300
"""Nothing longer is looked for: looking takes time that grows with both lengths."""
# Where a word is over: a character that is of no word, or the end.
_WORD_END = re.compile(r"\W|$")
_WORDS = r"(?:a|an|the|this|that|these|those|his|her|its|their)"
_ARTICLE = re.compile(rf"^{_WORDS}\s+", re.IGNORECASE)
_ARTICLE_BEFORE = re.compile(rf"(?<!\w){_WORDS}\s+$", re.IGNORECASE)
_LONGEST_ARTICLE = 20
"""Characters before a span in which its article is looked for, blanks included."""


def without_article(phrase: str) -> str:
    """A phrase without the article, or the like, at its beginning: "the red car" → "red car"."""
    return _ARTICLE.sub("", phrase)


def with_article(expression: str, span: Span) -> tuple[str, Span]:
    """A phrase of an expression with the article before it, in small letters, and its span.

    >>> with_article("The red car near the tree", (4, 11))
    ('the red car', (0, 11))
    """
    start, end = span
    found = _ARTICLE_BEFORE.search(expression[max(0, start - _LONGEST_ARTICLE) : start])
    if found is None:
        return expression[start:end], span
    return found[0].lower() + expression[start:end], (start - len(found[0]), end)


def locate_phrase(expression: str, phrase: str) -> tuple[str, str, Span | None]:
    """Find a phrase in an expression: `(status, phrase, span)` with the statuses of `records.Target`.

    Case, the article, and punctuation around the phrase do not count. If the phrase occurs more than once, the
    occurrence in the subject wins (by the rules), else the first. If it does not occur, its last word is looked for,
    singular or plural. If this does not occur either, the span is None.

    >>> locate_phrase("the red car near the tree", "a shiny car")
    ('matched', 'shiny car', (8, 11))
    """
    cleaned = without_article(phrase.strip().strip(".,;:!?\"'“” ")).strip()
    if not cleaned or len(cleaned) > MAX_PHRASE_CHARS:
        return "unmatched", phrase.strip()[:MAX_PHRASE_CHARS], None
    span = _find(expression, cleaned)
    if span is not None:
        return "found", expression[span[0] : span[1]], span
    # The head noun is last in an English noun phrase: a model may have changed the adjectives.
    head = cleaned.split()[-1]
    stem = head[:-1] if head.endswith("s") and len(head) > 3 else head
    span = _find(expression, stem, ("s", "es", ""))
    return ("matched", cleaned, span) if span is not None else ("unmatched", cleaned, None)


def _find(expression: str, phrase: str, endings: tuple[str, ...] = ("",)) -> Span | None:
    """The phrase in the subject, else the first; whole words alone: no "car" in "scarf"."""
    spans = list(_occurrences(_folded(expression), _folded(phrase), endings))
    if not spans:
        return None
    subject = extract_target(expression)
    return next((span for span in spans if span[0] < subject[1] and span[1] > subject[0]), spans[0])


def _occurrences(text: str, phrase: str, endings: tuple[str, ...]) -> Iterator[Span]:
    """Where a phrase with one of the endings stands between characters that are of no word.

    The next occurrence is looked for behind the word in which the last one was found to begin.
    """
    at = text.find(phrase)
    while at >= 0:
        end = next((e for e in (at + len(phrase + x) for x in endings if text.startswith(x, at + len(phrase)))
                    if not _is_word(text[e : e + 1])), None)  # fmt: skip
        if end is not None and not _is_word(text[at - 1 : at] if at else ""):
            yield at, end
            at = text.find(phrase, end)
        else:
            # The phrase does not begin inside of a word: on to the next one.
            ahead = _WORD_END.search(text, at + 1) if _is_word(text[at]) else None
            at = text.find(phrase, ahead.start() if ahead else at + 1)


def _is_word(char: str) -> bool:
    return char.isalnum() or char == "_"


def _folded(text: str) -> str:
    """Small letters, as many characters as before: "İ" has two of them."""
    small = text.lower()
    return small if len(small) == len(text) else "".join(c.lower() if len(c.lower()) == 1 else c for c in text)
