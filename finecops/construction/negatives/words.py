"""Replacement words from the statistics of the scene graphs: plausible where they stand, and absent from the image.

A word is plausible if it occurs elsewhere with what is said around it: a name with the same relations, neighbours and
attributes, an attribute with the same name, a relation between the same names. A name is preferred if a kind above both
is known (dog and cat): the change is then small.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from finecops.construction.description import SAME, Description, same_kind
from finecops.construction.lexicon import Lexicon, RelationWord
from finecops.construction.negatives.requests import Request

MOST: Final = 8
"""Candidates that are returned for a request."""
_KINDRED: Final = 3.0
"""How much more often a name with a kind in common is taken."""
_SEEN: Final = 4.0
"""How much more often a relation is taken that was seen between the two names."""
_OPPOSITE: Final = 2.0
"""How much more often one that excludes the old relation is taken."""


class Counts(Protocol):
    """What was counted over all graphs of a split."""

    @property
    def names(self) -> Mapping[str, int]:
        """Name → objects of this name."""
        ...

    @property
    def attributes(self) -> Mapping[str, Mapping[str, int]]:
        """Name → attribute → objects."""
        ...

    @property
    def relations(self) -> Mapping[tuple[str, str, str], int]:
        """(head's name, relation, tail's name) → edges."""
        ...


@dataclass(frozen=True, slots=True)
class _Seen:
    """Edges by what is known of them."""

    heads: Mapping[tuple[str, str], Mapping[str, int]]
    """(relation, tail) → head → edges."""
    tails: Mapping[tuple[str, str], Mapping[str, int]]
    """(head, relation) → tail → edges."""
    between: Mapping[tuple[str, str], Mapping[str, int]]
    """(head, tail) → relation → edges."""

    @classmethod
    def of(cls, relations: Mapping[tuple[str, str, str], int]) -> _Seen:
        heads: dict[tuple[str, str], dict[str, int]] = {}
        tails: dict[tuple[str, str], dict[str, int]] = {}
        between: dict[tuple[str, str], dict[str, int]] = {}
        for (head, relation, tail), count in relations.items():
            heads.setdefault((relation, tail), {})[head] = count
            tails.setdefault((head, relation), {})[tail] = count
            between.setdefault((head, tail), {})[relation] = count
        return cls(heads, tails, between)


class CorpusWords:
    """Replacement words by frequency. The same counts and seed give the same words."""

    def __init__(self, counts: Counts, lexicon: Lexicon) -> None:
        # The edges themselves are not kept: each worker process has one of these.
        self._lexicon, self._names_seen, self._attributes_seen = lexicon, counts.names, counts.attributes
        self._seen = _Seen.of(counts.relations)
        self._kindred = _kindred(lexicon)
        self._edges = Counter[str]()
        for (_, relation, _), count in counts.relations.items():
            self._edges[relation] += count

    def words(self, request: Request, rng: random.Random) -> list[str]:
        """Up to `MOST` words for a request, the first to be tried first."""
        if request.type == "replace_object":
            weights = self._names(request)
        elif request.type == "replace_attribute":
            weights = self._attributes(request)
        else:
            weights = self._relations(request)
        return _draw(weights, rng)

    def _names(self, request: Request) -> dict[str, float]:
        lexicon, said, index = self._lexicon, request.said, request.index
        old = lexicon.nouns.get(request.old)
        if old is None:
            return {}
        neighbours = self._around(said, index)
        pool = {name for seen in neighbours for name in seen} | self._kindred.get(request.old, frozenset())
        attributes = said.nodes[index].attributes
        weights = {}
        for name in sorted(pool):
            new = lexicon.nouns.get(name)
            # The same number and being: the sentence stays a sentence.
            if new is None or new.number != old.number or (new.being == "thing") != (old.being == "thing"):
                continue
            if (index == 0 and not new.target) or lexicon.may_be(request.old, name):
                continue
            # What the old noun's attributes never stand beside would be known from the words: "the leafy car".
            if any(a not in self._attributes_seen.get(name, {}) for a in attributes):
                continue
            evidence = sum(math.log1p(seen.get(name, 0)) for seen in neighbours)
            kindred = _KINDRED if name in self._kindred.get(request.old, frozenset()) else 1.0
            # Roots and logarithms: else "man" and "tree" would stand in most negatives.
            weights[name] = kindred * (1 + evidence) * math.sqrt(self._names_seen.get(name, 0) + 1)
        return weights

    def _around(self, said: Description, index: int) -> list[Mapping[str, int]]:
        """For each edge of a node: the names that stand in its place in other images."""
        found = []
        for edge in said.edges:
            if same_kind(edge.relation):
                continue
            if edge.head == index:
                found.append(self._seen.heads.get((edge.relation, said.nodes[edge.tail].name), {}))
            elif edge.tail == index:
                found.append(self._seen.tails.get((said.nodes[edge.head].name, edge.relation), {}))
        return found

    def _attributes(self, request: Request) -> dict[str, float]:
        lexicon = self._lexicon
        word = lexicon.attributes[request.old]
        node = request.said.nodes[request.index]
        options = set(word.opposites)
        if word.kind in lexicon.exclusive:
            options |= set(lexicon.of_kind(word.kind)) - word.near
        seen = self._attributes_seen.get(node.name, {})
        # An attribute that never occurs with the name would be known from the words alone. By its frequency and nothing
        # else: words that replace others more often than they are said would give the negatives away.
        return {
            option: math.sqrt(seen[option])
            for option in sorted(options - {*node.attributes})
            if seen.get(option, 0) and option in lexicon.attributes
        }

    def _relations(self, request: Request) -> dict[str, float]:
        lexicon, edge = self._lexicon, request.said.edges[request.index]
        kind = same_kind(edge.relation)
        if kind is not None:
            return {SAME + other: 1.0 for other in sorted((lexicon.exclusive & lexicon.compared) - {kind})}
        word = lexicon.relations[edge.relation]
        head, tail = (request.said.nodes[i].name for i in (edge.head, edge.tail))
        seen = self._seen.between.get((head, tail), {})
        # A mirrored relation is not always a contradiction in the table, and as good a replacement.
        opposites = {*word.contradictions, *([word.mirror] if word.mirror else [])}
        weights = {}
        for name in sorted({*seen, *opposites} - {edge.relation}):
            other = lexicon.relations.get(name)
            # Left and right replace each other and nothing else: they are nine tenths of the edges, and would be of the
            # negatives, but not of the positives.
            if other is None or not self._may_stand(other, head) or (other.boxes is None) != (word.boxes is None):
                continue
            plausible = _SEEN if name in seen else 1.0
            # As often as the relation occurs: a rare word would stand in negatives more often than in positives.
            weights[name] = plausible * (_OPPOSITE if name in opposites else 1.0) * self._edges.get(name, 0)
        # A relation that no graph has weighs nothing, and nobody could say whether it is plausible.
        return {name: weight for name, weight in weights.items() if weight > 0}

    def _may_stand(self, word: RelationWord, head: str) -> bool:
        if not word.question:
            return False
        noun = self._lexicon.nouns.get(head)
        return not word.heads or (noun is not None and noun.being in word.heads)


def _kindred(lexicon: Lexicon) -> dict[str, frozenset[str]]:
    """Name → names that have one of its nearest kinds too."""
    members: dict[str, set[str]] = {}
    for name, noun in lexicon.nouns.items():
        for kind in noun.kinds:
            members.setdefault(kind, set()).add(name)
    found = {}
    for name, noun in lexicon.nouns.items():
        # The kind with the fewest members is the nearest one.
        nearest = min(noun.kinds, key=lambda kind: (len(members[kind]), kind), default=None)
        found[name] = frozenset(members[nearest] - {name}) if nearest is not None else frozenset()
    return found


def _draw(weights: Mapping[str, float], rng: random.Random) -> list[str]:
    """A weighted draw without replacement (Efraimidis and Spirakis, 2006), of up to `MOST`."""
    # 1 − random() is never 0, of which there is no logarithm.
    keys = [(math.log(1 - rng.random()) / weight, name) for name, weight in weights.items() if weight > 0]
    keys.sort(reverse=True)
    return [name for _, name in keys[:MOST]]


def known_words(words: Iterable[str], request: Request, lexicon: Lexicon) -> Sequence[str]:
    """The words that can replace a request's word: known to the lexicon, of the same number, and no synonym.

    For words from anywhere else than `CorpusWords`, which gives only such.
    """
    return [word for word in words if _fits(word, request, lexicon)]


def _fits(word: str, request: Request, lexicon: Lexicon) -> bool:
    if word == request.old:
        return False
    if request.type == "replace_relation":
        if same_kind(request.old) is not None:
            return same_kind(word) in lexicon.exclusive & lexicon.compared
        return word in lexicon.relations and lexicon.relations[word].question
    if request.type == "replace_attribute":
        old, new = lexicon.attributes[request.old], lexicon.attributes.get(word)
        return new is not None and word not in old.near and (new.kind == old.kind or word in old.opposites)
    noun, other = lexicon.nouns.get(request.old), lexicon.nouns.get(word)
    return (
        noun is not None and other is not None and noun.number == other.number and not lexicon.may_be(request.old, word)
    )
