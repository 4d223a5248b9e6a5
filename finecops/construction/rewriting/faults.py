"""Why a sentence does not say a description: the first thing that is wrong, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Final

from finecops.construction.description import Description, Node
from finecops.construction.rewriting.noun_phrases import TooManyStepsError
from finecops.construction.rewriting.phrases import SIDES, Phrase, Phrases, is_same
from finecops.construction.rewriting.sentences import Sentences
from finecops.construction.rewriting.tokens import Token
from finecops.text import printable

NEGATIONS: Final = frozenset(
    "not no n't never without nobody nothing neither nor none except unless lacks lacking".split()
)
NUMBERS: Final = frozenset(
    "one two three four five six seven eight nine ten both several many few couple dozen pair first second third last "
    "another other each every all any most single multiple numerous half".split()
)
FUNCTION: Final = frozenset(
    "a an the this that these those some is are 's there here it its his her their him them which who whose and as "
    "well also in of to on at with having has have share shares sharing same matches matching made out from located "
    "positioned situated placed found seen visible shown can may be you we one i see find will look please for locate "
    "spot point appears both identical side hand image picture photo photograph scene color colour colored coloured "
    "shaped shape size match hand sitting standing resting sits stands rests sit stand rest identical pair , .".split()
)


def fault_of(tokens: Sequence[Token], said: Description, phrases: Phrases, definite: Sequence[bool] | None) -> str:
    """Why a sentence that no grammar reads as a description does not say it."""
    words = tuple(token.word for token in tokens)
    if not words:
        return "it is empty"
    if fault := _first(_added(words, said, phrases)):
        return fault
    if fault := _first(_lost(words, said, phrases)):
        return fault
    if fault := _first(_moved(tokens, said, phrases)):
        return fault
    if definite is not None and _reads(tokens, said, phrases):
        return 'it says "the" of an object that is not the only one of its words'
    return "it is not certain what belongs to what in it"


def _first(faults: Iterator[str]) -> str | None:
    return next(faults, None)


def _added(words: tuple[str, ...], said: Description, phrases: Phrases) -> Iterator[str]:
    """Words that belong neither to the description nor to the grammar."""
    # The longest first: "light blue" is no "blue", and "on top of" is no "on".
    own = sorted(_own_phrases(said, phrases), key=len, reverse=True)
    place = 0
    while place < len(words):
        length = next((len(phrase) for phrase in own if words[place : place + len(phrase)] == phrase), 0)
        if length == 0 and words[place] in NEGATIONS:
            yield f"it negates: {words[place]!r}"
        known = "" if length else _known(words, place, phrases)
        if known:
            yield known
        if length == 0 and words[place] not in FUNCTION:
            if words[place].isdigit() or words[place] in NUMBERS:
                yield f"it has a number: {words[place]!r}"
            if words[place] in (";", ":", "!", "?") or "." in words[:-1]:
                yield "it is more or less than one plain sentence"
            yield f"it has a word that is not known: {printable(words[place])!r}"
        place += max(length, 1)


def _own_phrases(said: Description, phrases: Phrases) -> Iterator[Phrase]:
    for node in said.nodes:
        yield from (noun.words for noun in phrases.nouns(node.name))
        for name in node.attributes:
            yield from phrases.attribute(name)
    for edge in said.edges:
        if is_same(edge.relation):
            yield from phrases.kinds(edge.relation)
            continue
        if phrases.relation_word(edge.relation).boxes in SIDES:
            yield from ((side,) for side in SIDES)
        yield from phrases.relation(edge.relation)
        inverse = phrases.exact_inverse(edge.relation)
        yield from phrases.relation(inverse) if inverse is not None else ()
        yield from phrases.verbs(edge.relation, "singular")
        yield from phrases.verbs(edge.relation, "plural")


def _known(words: tuple[str, ...], place: int, phrases: Phrases) -> str:
    """What the lexicon calls the longest phrase at a place that is no function word; empty: nothing."""
    for length in (4, 3, 2, 1):
        part = words[place : place + length]
        if len(part) < length or (length == 1 and part[0] in FUNCTION):
            continue
        for what, entries in phrases.entries.items():
            if part in entries:
                return f"it adds {what}: {' '.join(part)!r}"
    return ""


def _lost(words: tuple[str, ...], said: Description, phrases: Phrases) -> Iterator[str]:
    """Parts of the description of which no wording is in the sentence."""

    def has(choices: Sequence[Phrase]) -> bool:
        return any(words[i : i + len(c)] == c for c in choices for i in range(len(words) - len(c) + 1))

    for node in said.nodes:
        if not has([noun.words for noun in phrases.nouns(node.name)]):
            yield f"the object {node.name!r} is missing"
    for node in said.nodes:
        for name in node.attributes:
            if not has(phrases.attribute(name)):
                yield f"the attribute {name!r} is missing"
    for edge in said.edges:
        wordings = list(_own_phrases(replace(said, nodes=(), edges=(edge,)), phrases))
        if not has(wordings):
            yield f"the relation {edge.relation!r} is missing"


def _moved(tokens: Sequence[Token], said: Description, phrases: Phrases) -> Iterator[str]:
    """Whether the sentence says the same words of other objects."""
    pairs = list(combinations(range(len(said.nodes)), 2))
    for i, j in pairs:
        nodes = list(said.nodes)
        nodes[i], nodes[j] = nodes[j], nodes[i]
        if nodes[i] != nodes[j] and _reads(tokens, replace(said, nodes=tuple(nodes)), phrases):
            yield f"it says of the {said.nodes[j].name} what belongs to the {said.nodes[i].name}"
    for i, j in pairs:
        a, b = said.nodes[i], said.nodes[j]
        swapped = said.with_node(i, Node(a.name, b.attributes)).with_node(j, Node(b.name, a.attributes))
        if a.attributes != b.attributes and _reads(tokens, swapped, phrases):
            yield f"it gives attributes of the {a.name} to the {b.name}, or the other way round"
    for index, edge in enumerate(said.edges):
        inverse = phrases.exact_inverse(edge.relation)
        if inverse and _reads(tokens, said.with_edge(index, replace(edge, relation=inverse)), phrases):
            yield f"it says the opposite: {inverse!r}, not {edge.relation!r}"
        for head in set(range(len(said.nodes))) - {edge.head, edge.tail}:
            if _reads(tokens, said.with_edge(index, replace(edge, head=head)), phrases):
                yield f"it says {edge.relation!r} of the {said.nodes[head].name} where another object is meant"


def _reads(tokens: Sequence[Token], said: Description, phrases: Phrases) -> bool:
    try:
        return next(Sentences(tokens, said, phrases, None).readings(), None) is not None
    except (TooManyStepsError, RecursionError):
        return False
