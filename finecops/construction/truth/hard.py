"""Level 3: descriptions that fit one object, of which no single named statement is enough.

The search goes from cheap to dear. A relation of the target is looked at only if what the graph says leaves another
object (a dictionary look-up); ways to name its ends are tried only if naming everything would be enough.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, islice
from typing import Final, NamedTuple

from finecops.construction.description import Description, Node, same_kind
from finecops.construction.truth.draw import COMPARING, Draw, describe
from finecops.construction.truth.rivals import Clues
from finecops.construction.truth.statements import Step

PER_TYPE: Final = 1
"""Paths of one target and type: other targets make better variety."""
_ATTRIBUTES: Final = 3
"""Attributes of one object that are looked at; at most two of them are named."""
_NEXT: Final = 10
"""Relations of a related object that are looked at."""


class _Words(NamedTuple):
    """Up to two attributes of the target, none of them enough alone, and the rivals that they leave."""

    attributes: tuple[str, ...]
    rivals: int


class _End(NamedTuple):
    """A relation of the target that is not enough alone, and the rivals that it leaves if all is said of its end."""

    step: Step
    least: int


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
        self.statements, self.lexicon = draw.statements, draw.statements.lexicon
        self._others = ~(1 << target)
        rivals = about.may & self._others
        single = []
        for attribute in self.statements.attributes(target):
            clue = about.attribute(attribute)
            if clue.holds & self._others:
                single.append(_Words((attribute,), clue.may & self._others))
        draw.rng.shuffle(single)
        single = single[:_ATTRIBUTES]
        pairs = [_Words(a.attributes + b.attributes, a.rivals & b.rivals) for a, b in combinations(single, 2)]
        # Short ones first.
        self._words = [_Words((), rivals), *single, *pairs]
        self._least = rivals
        for words in single:
            self._least &= words.rivals

    def paths(self, types: Sequence[str]) -> Iterator[Description]:
        """Some paths of each type."""
        ends = self._ends(self.draw.all_steps(self.target))
        if "0_hop" in types:
            yield from islice(self._attributes(), PER_TYPE)
        if "1_hop" in types:
            yield from islice(self._relations("1_hop", ends), PER_TYPE)
        if "2_hop" in types:
            yield from islice(self._chains("2_hop", ends), PER_TYPE)
        if "and" in types:
            yield from islice(self._pairs(ends), PER_TYPE)
        if any(comparing in types for comparing in COMPARING):
            comparisons = self._ends(self.statements.comparisons(self.target))
            if "same_attr" in types:
                yield from islice(self._relations("same_attr", comparisons), PER_TYPE)
            if "same_attr_two_hop" in types:
                yield from islice(self._chains("same_attr_two_hop", comparisons), PER_TYPE)

    def _ends(self, steps: Sequence[Step]) -> list[_End]:
        """Relations to something by its name alone, where that is not enough."""
        found = []
        for step in steps:
            if self.about.holding(step.relation, self.statements.node(step.tail)) & self._others:
                everything = self._named(step)[-1]
                found.append(_End(step, self._rivals(step, everything)))
        return found

    def _rivals(self, step: Step, node: Node) -> int:
        return self.about.leaves(step.relation, node) & self._others

    def _named(self, step: Step) -> list[Node]:
        """Ways to name the end of a relation, the shortest first; the last one is a bound, with everything said."""
        kind, words = same_kind(step.relation), self.lexicon.attributes
        known = [a for a in self.statements.attributes(step.tail) if kind is None or words[a].kind != kind]
        known = known[:_ATTRIBUTES]
        sets = [set(some) for size in range(3) for some in combinations(known, size)]
        return [self.statements.node(step.tail, some) for some in (*sets, set(known))]

    def _with_words(self, rivals: int, kind: str | None = None) -> Iterator[Node]:
        """The target with the fewest attributes that leave no rival; none of a kind that is compared."""
        words = self.lexicon.attributes
        for some in self._words:
            if not some.rivals & rivals and (kind is None or all(words[a].kind != kind for a in some.attributes)):
                yield self.statements.node(self.target, some.attributes)
                return

    def _attributes(self) -> Iterator[Description]:
        for words in self._words:
            if not words.rivals:
                yield Description("0_hop", (self.statements.node(self.target, words.attributes),))

    def _relations(self, tuple_type: str, ends: Sequence[_End]) -> Iterator[Description]:
        for end in ends:
            # Even with everything said, somebody is left.
            if end.least & self._least:
                continue
            for node in self._named(end.step)[:-1]:
                for target in self._with_words(self._rivals(end.step, node), same_kind(end.step.relation)):
                    yield describe(tuple_type, (target, node), (end.step,))

    def _pairs(self, ends: Sequence[_End]) -> Iterator[Description]:
        for a, b in combinations(ends, 2):
            if a.least & b.least & self._least or not self._apart(a.step, b.step):
                continue
            # Without the last one, which is a bound and may name too much.
            for first in self._named(a.step)[:-1]:
                rivals = self._rivals(a.step, first)
                if rivals & b.least & self._least:
                    continue
                for second in self._named(b.step)[:-1]:
                    for target in self._with_words(rivals & self._rivals(b.step, second)):
                        yield describe("and", (target, first, second), (a.step, b.step))

    def _chains(self, tuple_type: str, ends: Sequence[_End]) -> Iterator[Description]:
        for end in ends:
            kind = same_kind(end.step.relation)
            for step in self.draw.all_steps(end.step.tail)[:_NEXT]:
                if not self._apart(end.step, step):
                    continue
                middles, lasts = self._named(end.step), self._named(step)
                if self._chain(end.step, middles[-1], step, lasts[-1]) & self._least:
                    continue
                for middle in middles[:-1]:
                    for last in lasts[:-1]:
                        for target in self._with_words(self._chain(end.step, middle, step, last), kind):
                            yield describe(tuple_type, (target, middle, last), (end.step, step))

    def _chain(self, step: Step, middle: Node, further: Step, last: Node) -> int:
        return self.about.chain(step.relation, middle, further.relation, last) & self._others

    def _apart(self, a: Step, b: Step) -> bool:
        return self.statements.apart((self.target, a.tail, b.tail))
