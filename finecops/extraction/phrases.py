"""The span of a phrase in an expression, for a phrase that a model or a user gives."""

from __future__ import annotations

import re

from finecops.extraction.rules import extract_target
from finecops.records import Span

_ARTICLE = re.compile(r"^(?:a|an|the|this|that|these|those|his|her|its|their)\s+", re.IGNORECASE)


def locate_phrase(expression: str, phrase: str) -> tuple[str, str, Span | None]:
    """Find a phrase in an expression: `(status, phrase, span)` with the statuses of `records.Target`.

    Case, the article, and punctuation around the phrase do not count. If the phrase occurs more than once, the
    occurrence in the subject wins (by the rules), else the first. If it does not occur, its last word is looked for,
    singular or plural. If this does not occur either, the span is None.

    >>> locate_phrase("the red car near the tree", "a shiny car")
    ('matched', 'shiny car', (8, 11))
    """
    cleaned = _ARTICLE.sub("", phrase.strip().strip(".,;:!?\"'“” ")).strip()
    if not cleaned:
        return "unmatched", phrase.strip(), None
    span = _find(expression, re.escape(cleaned))
    if span is not None:
        return "found", expression[span[0] : span[1]], span
    # The head noun is last in an English noun phrase: a model may have changed the adjectives.
    head = cleaned.split()[-1]
    stem = head[:-1] if head.endswith("s") and len(head) > 3 else head
    span = _find(expression, rf"{re.escape(stem)}(?:s|es)?")
    return ("matched", cleaned, span) if span is not None else ("unmatched", cleaned, None)


def _find(expression: str, pattern: str) -> Span | None:
    # Whole words alone: no "car" in "scarf".
    spans = [m.span() for m in re.finditer(rf"(?<!\w)(?:{pattern})(?!\w)", expression, re.IGNORECASE)]
    subject = extract_target(expression)
    for span in spans:
        if span[0] < subject[1] and span[1] > subject[0]:
            return span
    return spans[0] if spans else None
