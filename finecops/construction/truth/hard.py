"""Level 3: descriptions that fit one object, of which no single named statement is enough."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, islice
from typing import Final, NamedTuple

from finecops.construction.description import Description, Node
from finecops.construction.truth.draw import CHAINS, COMPARING, Draw, describe, kind_of
from finecops.construction.truth.rivals import Clue, Clues
from finecops.construction.truth.statements import Step

PER_TYPE: Final = 1
"""Paths of one target and type: other targets make better variety."""
_ENDS: Final = 3
"""Attributes of a related object, and relations of it, that are looked at."""


class _Word(NamedTuple):
    """An attribute of the target that is not enough alone (None: no attribute), and the rivals that it leaves."""

    attribute: str | None
    rivals: int


class _End(NamedTuple):
    """A relation of the target that is not enough alone, with a way to name its other end, and the rivals it leaves."""

    step: Step
    node: Node
    rivals: int


def hard_paths(draw: Draw, about: Clues, target: int, types: Sequence[str]) -> Iterator[Description]:
    """Paths of level 3 of one object, some of each type.

    Args:
        draw: what may be said, and the generator of this image.
        about: the clues about the objects of the target's name; another one certainly is of this name.
        target: the object's number.
        types: tuple types.
    """
    return _Search(draw, about, target).paths(types)


class _Search:
    """The search for one target. A statement counts as not enough if what the graph says leaves another object."""

    def __init__(self, draw: Draw, about: Clues, target: int) -> None:
        self.draw, self.about, self.target = draw, about, target
        self.statements = draw.statements
        self._others = ~(1 << target)
        self._words: list[_Word] = []
        for attribute in self.statements.attributes(target):
            clue = about.attribute(attribute)
            if self._not_enough(clue):
                self._words.append(_Word(attribute, clue.may & self._others))
        draw.rng.shuffle(self._words)
        # Without any attribute first: short paths are found before long ones.
        self._any_words = [_Word(None, about.may & self._others), *self._words]

    def paths(self, types: Sequence[str]) -> Iterator[Description]:
        steps = self._usable(self.draw.some_steps(self.target))
        if "0_hop" in types:
            yield from islice(self._attributes(), PER_TYPE)
        if "1_hop" in types:
            yield from islice(self._relations("1_hop", steps), PER_TYPE)
        if "2_hop" in types:
            yield from islice(self._chains("2_hop", steps), PER_TYPE)
        if "and" in types:
            yield from islice(self._pairs(steps), PER_TYPE)
        if any(comparing in types for comparing in COMPARING):
            comparisons = self._usable(self.statements.comparisons(self.target)[:_ENDS])
            if "same_attr" in types:
                yield from islice(self._relations("same_attr", comparisons), PER_TYPE)
            if "same_attr_two_hop" in types:
                yield from islice(self._chains("same_attr_two_hop", comparisons), PER_TYPE)

    def _not_enough(self, clue: Clue) -> bool:
        return bool(clue.holds & self._others)

    def _usable(self, steps: Sequence[Step]) -> list[_End]:
        """Relations to something by its name alone, where that is not enough."""
        found = []
        for step in steps:
            node = self.statements.node(step.tail)
            clue = self.about.relation(step.relation, node)
            if self._not_enough(clue):
                found.append(_End(step, node, clue.may & self._others))
        return found

    def _named(self, end: _End) -> Iterator[_End]:
        """A relation with its other end named in several ways, by its name alone first."""
        yield end
        kind, words = kind_of(end.step.relation), self.statements.lexicon.attributes
        for attribute in self.statements.attributes(end.step.tail)[:_ENDS]:
            if kind is None or words[attribute].kind != kind:
                node = self.statements.node(end.step.tail, {attribute})
                yield _End(end.step, node, self.about.relation(end.step.relation, node).may & self._others)

    def _with_words(self, rivals: int, kind: str | None = None) -> Iterator[Node]:
        """The target with at most one attribute more, where this leaves no rival; not of a kind that is compared."""
        for word in self._any_words:
            if word.rivals & rivals:
                continue
            if word.attribute is None:
                yield self.statements.node(self.target)
            elif kind is None or self.statements.lexicon.attributes[word.attribute].kind != kind:
                yield self.statements.node(self.target, {word.attribute})

    def _attributes(self) -> Iterator[Description]:
        for a, b in combinations(self._words, 2):
            if not a.rivals & b.rivals:
                named = {x for x in (a.attribute, b.attribute) if x is not None}
                yield Description("0_hop", (self.statements.node(self.target, named),))

    def _relations(self, tuple_type: str, ends: Sequence[_End]) -> Iterator[Description]:
        for bare in ends:
            for end in self._named(bare):
                for node in islice(self._with_words(end.rivals, kind_of(end.step.relation)), 1):
                    yield describe(tuple_type, (node, end.node), (end.step,))

    def _pairs(self, ends: Sequence[_End]) -> Iterator[Description]:
        for a, b in combinations(ends, 2):
            if not self.statements.apart((self.target, a.step.tail, b.step.tail)):
                continue
            for end in self._named(b):
                for node in islice(self._with_words(a.rivals & end.rivals), 1):
                    yield describe("and", (node, a.node, end.node), (a.step, end.step))

    def _chains(self, tuple_type: str, ends: Sequence[_End]) -> Iterator[Description]:
        assert tuple_type in CHAINS
        for end in ends:
            for step in self.draw.some_steps(end.step.tail)[:_ENDS]:
                if not self.statements.apart((self.target, end.step.tail, step.tail)):
                    continue
                last = self.statements.node(step.tail)
                rivals = self.about.chain(end.step.relation, end.node, step.relation, last) & self._others
                for node in islice(self._with_words(rivals, kind_of(end.step.relation)), 1):
                    yield describe(tuple_type, (node, end.node, last), (end.step, step))
