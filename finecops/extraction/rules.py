"""Target extraction without a model: the noun phrase that an expression is about.

English word order does most of the work. An expression starts with its subject ("the red car to the left of …"), or
with a frame or a location, and the subject follows (`finecops.extraction.frames`). The phrase ends where something is
said of it (`finecops.extraction.endings`): at a preposition, a relative clause, a participle or a verb.

The span has no article or possessive pronoun at its beginning, and no mark at its end.
"""

from __future__ import annotations

from dataclasses import dataclass

from finecops.extraction import lexicon as lex
from finecops.extraction.endings import phrase_end
from finecops.extraction.frames import is_location, main_clause, skip_frames
from finecops.extraction.tokens import Words
from finecops.extraction.word_classes import JOINS, closes, is_noun, is_participle
from finecops.records import Span

# More nouns or words than this, and nothing that joins them: telegraphic text, or a verb that the lexicon lacks.
_MANY_NOUNS, _LONG = 3, 5


RULES_VERSION = 3
"""Raised by every change of the rules that changes a span: rows of one version are not continued with another."""


@dataclass(frozen=True, slots=True)
class Found:
    """The target's span, and whether the rules are sure of it."""

    span: Span
    sure: bool


def extract_target(expression: str) -> Span:
    """The half-open character span of the referred noun phrase, without its article.

    >>> text = "to the left of the red cup stands a small tree"
    >>> text[slice(*extract_target(text))]
    'small tree'
    """
    return find_target(expression).span


def find_target(expression: str) -> Found:
    """The span of the referred noun phrase, and whether a rule that is rarely wrong found both its ends.

    Never fails; the span lies within the expression and is empty only where the expression is blank. The time grows
    with the length of the expression.
    """
    words = Words.of(expression)
    if not len(words):
        stripped = expression.strip()
        start = expression.find(stripped)
        return Found((start, start + len(stripped)), sure=False)
    words = _sentence(words)
    start, start_sure = _subject_start(words)
    stop, stop_sure = phrase_end(words, start)
    return Found(words.span(start, stop), sure=start_sure and stop_sure and not _is_odd(words, start, stop))


def _is_odd(words: Words, start: int, stop: int) -> bool:
    """Whether a phrase does not look like one: no noun in it, many, or somebody with a thing."""
    nouns = [i for i in range(start, stop) if is_noun(words, i)]
    if not nouns:
        # "Bottom left" and "tallest" stand for a noun; a preposition or a verb does not.
        return closes(words, start) or is_participle(words.at(start))
    joined = any(words.at(i) in JOINS | {"of"} for i in range(start, stop))
    somebody = stop == len(words) and len(nouns) > 1 and words.at(nouns[0]) in lex.PEOPLE
    return not joined and (len(nouns) > _MANY_NOUNS or somebody or stop - start > _LONG)


def _sentence(words: Words) -> Words:
    """The sentence that names the target: the first, or the second behind "There are two towels."."""
    first, rest = _split_sentence(words)
    introduces = first.at(0) == "there" and first.at(1) in {"are", "were"}
    if introduces and rest.at(0) in lex.ARTICLES | lex.IMPERATIVES | {"which", "please"}:
        return _split_sentence(rest)[0]
    return first


def _split_sentence(words: Words) -> tuple[Words, Words]:
    """The first sentence without its full stop, and what follows."""
    stop = next((i for i in range(len(words)) if words.at(i)[:1] in {".", "?", "!"}), len(words))
    return words.part(0, stop), words.part(stop + 1, len(words))


def _subject_start(words: Words) -> tuple[int, bool]:
    """Index of the subject's first word behind its article, and whether it is sure."""
    first, sure = skip_frames(words, 0), True
    if words.at(0) == "not":
        sure = False
    if is_location(words, first):
        subject = main_clause(words, first)
        sure = subject is not None
        first = skip_frames(words, subject if subject is not None else min(first + 1, len(words) - 1))
    return _behind_determiner(words, first), sure


def _behind_determiner(words: Words, i: int) -> int:
    while i < len(words) - 1 and (words.words[i].is_mark or _determines(words, i)):
        i += 1
    return i


def _determines(words: Words, i: int) -> bool:
    """Whether the word at `i` is a determiner of what follows; "those of the apples" stands for them."""
    word = words.at(i)
    if word in lex.ARTICLES:
        return not words.ends_at(i + 1)
    return word in lex.DETERMINERS and (words.at(i + 1) in lex.ARTICLES | lex.NEARNESS or not closes(words, i + 1))
