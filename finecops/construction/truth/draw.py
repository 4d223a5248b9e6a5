"""Random descriptions of an object, made of what may be said of it; all of them hold."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Final

from finecops.construction.description import Description, Edge, Node, same_kind
from finecops.construction.lexicon import Lexicon
from finecops.construction.truth.statements import Statements, Step

TUPLE_TYPES: Final = ("0_hop", "1_hop", "2_hop", "and", "same_attr", "same_attr_two_hop")
COMPARING: Final = ("same_attr", "same_attr_two_hop")
CHAINS: Final = ("2_hop", "same_attr_two_hop")
"""Types whose second relation begins at the related object."""
_ATTRIBUTES: Final = (5, 4, 1)
"""Weights of naming no, one or two attributes: most expressions of the benchmark name at most one."""
_OTHERS, _SIDES, _ALL = 5, 3, 40
"""Relations of one object that are looked at: those from the graph, from the boxes, and all for the hardest level."""


def rests_on_sides(said: Description, lexicon: Lexicon) -> bool:
    """Whether a relation of a description is read from the boxes alone (left, right)."""
    words = (lexicon.relations.get(edge.relation) for edge in said.edges)
    return any(word is not None and word.boxes is not None for word in words)


class Draw:
    """Draws from the statements of one graph.

    Attributes:
        statements: what may be said.
        rng: of this image.
        sides: the share of left and right among the relations that are drawn, where there are others.
    """

    def __init__(self, statements: Statements, rng: random.Random, sides: float) -> None:
        self.statements, self.rng, self.sides = statements, rng, sides
        self._all: dict[int, list[Step]] = {}

    def some_steps(self, i: int) -> list[Step]:
        """Some relations of an object in a random order, those first that are not read from the boxes."""
        steps = self.all_steps(i)
        sides = sum(step.side for step in steps)
        others = len(steps) - sides
        return steps[: min(others, _OTHERS)] + steps[others : others + _SIDES]

    def all_steps(self, i: int) -> list[Step]:
        """Up to `_ALL` relations of an object in a random order, those first that are not read from the boxes."""
        if i not in self._all:
            steps = list(self.statements.steps(i))
            self.rng.shuffle(steps)
            # The same order each time: what is known of the first ones is known for all levels.
            self._all[i] = sorted(steps, key=lambda step: step.side)[:_ALL]
        return self._all[i]

    def step(self, i: int, seen: tuple[int, ...]) -> Step | None:
        """One relation of an object, to something that cannot be taken for what was named before."""
        steps = [step for step in self.statements.steps(i) if self.statements.apart((*seen, step.tail))]
        if not steps:
            return None
        sides = [step for step in steps if step.side]
        others = [step for step in steps if not step.side]
        if sides and others:
            steps = sides if self.rng.random() < self.sides else others
        return self.rng.choice(steps)

    def node(self, i: int, keep: str | None = None, kind: str | None = None) -> Node:
        """An object's name with some of its attributes.

        Args:
            i: the object.
            keep: this attribute is named.
            kind: none of this kind is: at the ends of a comparison it would make the comparison unnecessary.
        """
        words = self.statements.lexicon.attributes
        known = [a for a in self.statements.attributes(i) if kind is None or words[a].kind != kind]
        count = self.rng.choices(range(3), weights=_ATTRIBUTES)[0] if known else 0
        kept = set(self.rng.sample(known, min(count, len(known))))
        if keep is not None and keep not in kept:
            kept = {keep, *sorted(kept)[:1]}
        return self.statements.node(i, kept)

    def around(
        self, target: int, tuple_type: str, attribute: str | None = None, step: Step | None = None
    ) -> Description | None:
        """A random description of a type that names a given attribute or relation of the target.

        Returns:
            None where the object has nothing more of the kind that the type needs.
        """
        if tuple_type == "0_hop":
            return None if step else Description(tuple_type, (self.node(target, attribute),))
        first = step or self._first(target, tuple_type)
        if first is None or (same_kind(first.relation) is not None) != (tuple_type in COMPARING):
            return None
        kind = same_kind(first.relation)
        if attribute is not None and kind == self.statements.lexicon.attributes[attribute].kind:
            return None
        steps = [first]
        if tuple_type in CHAINS or tuple_type == "and":
            second = self.step(first.tail if tuple_type in CHAINS else target, (target, first.tail))
            if second is None:
                return None
            steps.append(second)
            # What decides does not always stand first.
            if tuple_type == "and" and self.rng.random() < 0.5:
                steps.reverse()
        nodes = [self.node(target, attribute, kind), *(self.node(s.tail, None, kind) for s in steps)]
        return describe(tuple_type, nodes, steps)

    def _first(self, target: int, tuple_type: str) -> Step | None:
        if tuple_type not in COMPARING:
            return self.step(target, (target,))
        comparisons = self.statements.comparisons(target)
        return self.rng.choice(comparisons) if comparisons else None


def describe(tuple_type: str, nodes: Sequence[Node], steps: Sequence[Step]) -> Description:
    """A description of nodes, the target first, and the steps to all others."""
    heads = (0, 1) if tuple_type in CHAINS else (0, 0)
    edges = tuple(Edge(step.relation, heads[n], n + 1) for n, step in enumerate(steps))
    return Description(tuple_type, tuple(nodes), edges)
