"""Words for negative expressions, proposed by a language model (paper, III-B), as words of the lexicon."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from pydantic import JsonValue

from finecops import prompts
from finecops.construction.description import SAME, same_kind
from finecops.construction.lexicon import Lexicon
from finecops.construction.negatives.requests import Request
from finecops.construction.negatives.words import known_words
from finecops.construction.rewriting.asker import Asker, Task
from finecops.construction.rewriting.phrases import Phrase, Phrases
from finecops.construction.rewriting.tokens import words_of
from finecops.text import clean_line, printable

_MOST_WORDS, _MOST_CHARACTERS = 20, 60
_PRESENT = 30
"""Words of the image that the question lists: more cost more than they help, since every word is proved later."""
UNKNOWN: Final = "not in the lexicon"
UNFIT: Final = "a synonym, or of another number or kind"


@dataclass(frozen=True, slots=True)
class WordQuestion:
    """A word that is to be replaced, in its sentence.

    Attributes:
        key: of the positive, so that two images with one request are two questions.
        request: what is to be replaced.
        expression: the positive's sentence.
        present: words that are true of the image, which would not make it false.
    """

    key: str
    request: Request
    expression: str
    present: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a model proposed.

    Attributes:
        words: those that the lexicon knows and that fit, the model's best one first.
        refused: the others, each with the reason.
        reason: why there is nothing at all.
        prompt: SHA-256 of the question: its key in the cache.
    """

    words: tuple[str, ...]
    refused: dict[str, str] = field(default_factory=dict)
    reason: str | None = None
    prompt: str = ""


class Proposals:
    """What a model proposed for many requests."""

    def __init__(self, found: dict[tuple[str, Request], Proposal]) -> None:
        self._found = found

    def get(self, key: str, request: Request) -> Proposal | None:
        """What was proposed for a request of a positive; None: it was not asked for."""
        return self._found.get((key, request))

    def words_of(self, key: str) -> Callable[[Request, random.Random], Sequence[str]]:
        """The words of one positive, as `finecops.construction.negatives.make.Words`."""

        def words(request: Request, rng: random.Random) -> Sequence[str]:
            proposal = self.get(key, request)
            return () if proposal is None else proposal.words

        return words


def propose_words(asker: Asker, questions: Sequence[WordQuestion], lexicon: Lexicon) -> Proposals:
    """Ask a model for replacement words, many requests at once.

    Args:
        asker: who is asked.
        questions: what for.
        lexicon: only its words are returned; others are refused, with the reason.

    Raises:
        ModelError: the model is gone.
    """
    finder = WordFinder(lexicon)
    answers = asker.ask(TASK, [_question(one, lexicon) for one in questions])
    found = {}
    for question, answer in zip(questions, answers, strict=True):
        # In the model's order of preference.
        words, refused = [], {}
        for text in answer.answer if isinstance(answer.answer, list) else []:
            word = finder.word(str(text), question.request)
            if word is None:
                refused[printable(str(text))] = UNKNOWN
            elif word not in known_words([word], question.request, lexicon):
                refused[printable(str(text))] = UNFIT
            elif word not in words:
                words.append(word)
        found[question.key, question.request] = Proposal(tuple(words), refused, answer.reason, answer.key)
    return Proposals(found)


def _question(question: WordQuestion, lexicon: Lexicon) -> JsonValue:
    request = question.request
    kind = request.type.removeprefix("replace_")
    if kind == "attribute" and request.old in lexicon.attributes:
        kind = lexicon.attributes[request.old].kind
    return {
        "expression": question.expression,
        "word": request.old,
        "kind": kind,
        "present": list(question.present[:_PRESENT]),
    }


def _usable(answer: JsonValue) -> JsonValue:
    """A list of words; a text with commas is one too."""
    if isinstance(answer, dict) and len(answer) == 1:
        (answer,) = answer.values()
    if isinstance(answer, str):
        answer = [*answer.split(",")]
    if not isinstance(answer, list):
        return None
    texts = [clean_line(one).strip("\"'` .")[:_MOST_CHARACTERS] for one in answer if isinstance(one, str)]
    found: list[JsonValue] = [text for text in texts if text]
    return found[:_MOST_WORDS] or None


TASK: Final = Task(
    system=prompts.WORDS_SYSTEM,
    examples=tuple(({**question}, [*answer]) for question, answer in prompts.WORDS_EXAMPLES),  # type: ignore[dict-item]
    usable=_usable,
)
"""The question to a language model."""


class WordFinder:
    """Finds the lexicon's word for a word in any form."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon, self._phrases = lexicon, Phrases(lexicon)
        self._names = {words_of(name): name for name in lexicon.nouns}
        self._plurals = {noun.singular: name for name, noun in lexicon.nouns.items() if noun.singular is not None}
        self._attributes = {phrase: name for name in lexicon.attributes for phrase in self._phrases.attribute(name)}
        # A name is always that word, whatever other one may be spelled so.
        self._attributes |= {words_of(name): name for name in lexicon.attributes}
        self._relations = self._relation_phrases()

    def word(self, text: str, request: Request) -> str | None:
        """The lexicon's word for a text, as it fits a request's number; None: it has none."""
        words = words_of(text)
        if words[:1] in (("a",), ("an",), ("the",), ("some",)):
            words = words[1:]
        if not words:
            return None
        if request.type == "replace_object":
            return self._name(words, request.old)
        if request.type == "replace_attribute":
            return self._attributes.get(words)
        if same_kind(request.old) is not None:
            kind = " ".join(words).removeprefix("the ").removeprefix(SAME).removesuffix(" as")
            return SAME + kind
        if words[0] in ("is", "are"):
            words = words[1:]
        return self._relations.get(words)

    def _name(self, words: Phrase, old: str) -> str | None:
        found = [self._names[form] for form in (words, *singular_forms(words)) if form in self._names]
        for name in tuple(found):
            found += [other for other in (self._lexicon.nouns[name].singular, self._plurals.get(name)) if other]
        nouns = {name: self._lexicon.nouns[name] for name in found if name in self._lexicon.nouns}
        fitting = [name for name, noun in nouns.items() if noun.number == self._phrases.number(old)]
        return next(iter([*fitting, *nouns]), None)

    def _relation_phrases(self) -> dict[Phrase, str]:
        found: dict[Phrase, str] = {}
        for name, word in self._lexicon.relations.items():
            verbs = [words_of(verb) for verb in word.verb or ()]
            for phrase in (words_of(name), *self._phrases.relation(name), *verbs):
                found.setdefault(phrase, name)
        return found | {words_of(name): name for name in self._lexicon.relations}


def singular_forms(words: Phrase) -> Iterator[Phrase]:
    """What a plural's singular may be, by its last word; some are no words at all.

    >>> list(singular_forms(("coffee", "cups"))), list(singular_forms(("benches",)))
    ([('coffee', 'cup')], [('benche',), ('bench',)])
    """
    *start, last = words
    if last.endswith("s") and not last.endswith("ss"):
        yield (*start, last[:-3] + "y" if last.endswith("ies") else last[:-1])
        if last.endswith("es"):
            yield (*start, last[:-2])
        if last.endswith("ves"):
            yield from ((*start, last[:-3] + end) for end in ("f", "fe"))
