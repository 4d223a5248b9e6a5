"""From a phrase that somebody names to its place in the expression."""

from __future__ import annotations

import re

from finecops.extraction.rules import extract_target
from finecops.records import Span

_ARTICLE = re.compile(r"^(?:a|an|the|this|that|these|those|his|her|its|their)\s+", re.IGNORECASE)


def locate_phrase(expression: str, phrase: str) -> tuple[str, str, Span | None]:
    """Find a phrase in an expression: `(status, phrase, span)` with the statuses of `records.Target`.

    The article and punctuation around it do not count, nor does case. Of several places the one that the rules
    take for the subject wins, else the first. If the phrase is not there, its last word is looked for, in the
    singular or plural; if that is not there either, the span is None.
    """
    cleaned = _ARTICLE.sub("", phrase.strip().strip(".,;:!?\"'“” ")).strip()
    if not cleaned:
        return "unmatched", phrase.strip(), None
    span = _find(expression, re.escape(cleaned))
    if span is not None:
        return "found", expression[span[0] : span[1]], span
    head = cleaned.split()[-1]
    stem = head[:-1] if head.endswith("s") and len(head) > 3 else head
    span = _find(expression, rf"{re.escape(stem)}(?:s|es)?")
    return ("matched", cleaned, span) if span is not None else ("unmatched", cleaned, None)


def _find(expression: str, pattern: str) -> Span | None:
    places = [m.span() for m in re.finditer(rf"(?<!\w)(?:{pattern})(?!\w)", expression, re.IGNORECASE)]
    subject = extract_target(expression)
    for place in places:
        if place[0] < subject[1] and place[1] > subject[0]:
            return place
    return places[0] if places else None
