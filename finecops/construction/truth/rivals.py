"""Clues: what one statement about an object leaves of its rivals, the other objects that may be of its name.

What a statement leaves are masks over the objects that may be of a name. Statements about the same object are combined
by `&`: so hard paths are found by arithmetic, before any is compared with a whole graph.
"""

from __future__ import annotations

from typing import NamedTuple

from finecops.construction.description import Node
from finecops.construction.truth.facts import Facts
from finecops.construction.truth.masks import bits

_Key = tuple[str, str, tuple[str, ...]]


class Clue(NamedTuple):
    """The objects of a name for which a statement is possible, and those that certainly are and for which it holds."""

    may: int
    holds: int


class Clues:
    """The clues about the objects of one name, each made once.

    Attributes:
        may: the objects that may be of the name.
        certain: those that are.
    """

    def __init__(self, facts: Facts, name: str) -> None:
        self.facts, self.name = facts, name
        self.may = facts.named(name, possible=True)
        self.certain = facts.named(name)
        self._members, self._sure = bits(self.may), bits(self.certain)
        self._leaves: dict[_Key, int] = {}
        self._holding: dict[_Key, int] = {}

    def attribute(self, attribute: str) -> Clue:
        """Of an attribute."""
        facts = self.facts
        return Clue(facts.having(attribute, possible=True) & self.may, facts.having(attribute) & self.certain)

    def leaves(self, relation: str, node: Node) -> int:
        """The objects of which it is possible that they stand so to something."""
        key = relation, node.name, node.attributes
        found = self._leaves.get(key)
        if found is None:
            facts, found = self.facts, 0
            facts.graph.work.add(len(self._members))
            tails = facts.node(node, possible=True)
            # No object is related to itself in `tails`, so the two ends are different.
            for i in self._members:
                if facts.tails(relation, i, True) & tails:
                    found |= 1 << i
            self._leaves[key] = found
        return found

    def holding(self, relation: str, node: Node) -> int:
        """The objects that certainly are of the name and of which the graph says that they stand so to something."""
        key = relation, node.name, node.attributes
        found = self._holding.get(key)
        if found is None:
            facts, found = self.facts, 0
            facts.graph.work.add(len(self._sure))
            tails = facts.node(node)
            for i in self._sure:
                if facts.tails(relation, i) & tails:
                    found |= 1 << i
            self._holding[key] = found
        return found

    def chain(self, relation: str, node: Node, next_relation: str, next_node: Node) -> int:
        """The objects for which a relation to something is possible that is itself related to something else."""
        facts = self.facts
        middles, ends = facts.node(node, possible=True), facts.node(next_node, possible=True)
        found = 0
        for i in bits(self.leaves(relation, node)):
            between = bits(facts.tails(relation, i, True) & middles)
            facts.graph.work.add(len(between))
            for middle in between:
                if facts.tails(next_relation, middle, True) & ends & ~(1 << i):
                    found |= 1 << i
                    break
        return found
