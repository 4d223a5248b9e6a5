"""Clues: what one statement about an object leaves of its rivals, the other objects that may be of its name.

A clue is a pair of masks over all objects that may be of a name: those for which the statement is possible, and those
that certainly are of that name and for which it holds. Statements about the same object are combined by `&`: so hard
paths are found by arithmetic, before any is compared with a whole graph.
"""

from __future__ import annotations

from typing import NamedTuple

from finecops.construction.description import Node
from finecops.construction.truth.facts import Facts
from finecops.construction.truth.masks import bits


class Clue(NamedTuple):
    """The objects of a name for which a statement is possible, and those for which it holds."""

    may: int
    holds: int


class Clues:
    """The clues about the objects of one name, each made once."""

    def __init__(self, facts: Facts, name: str) -> None:
        self.facts, self.name = facts, name
        self.may = facts.named(name, possible=True)
        self.certain = facts.named(name)
        self._members = bits(self.may)
        self._relations: dict[tuple[str, str, tuple[str, ...]], Clue] = {}

    def attribute(self, attribute: str) -> Clue:
        """Of an attribute."""
        facts = self.facts
        return Clue(facts.having(attribute, possible=True) & self.may, facts.having(attribute) & self.certain)

    def relation(self, relation: str, node: Node) -> Clue:
        """Of a relation to something."""
        key = relation, node.name, node.attributes
        found = self._relations.get(key)
        if found is None:
            facts = self.facts
            may_be, is_ = facts.node(node, possible=True), facts.node(node)
            may = holds = 0
            # No object is related to itself in `tails`, so the two ends are different.
            for i in self._members:
                if facts.tails(relation, i, True) & may_be:
                    may |= 1 << i
                    if facts.tails(relation, i) & is_:
                        holds |= 1 << i
            found = self._relations[key] = Clue(may, holds & self.certain)
        return found

    def chain(self, relation: str, node: Node, next_relation: str, next_node: Node) -> int:
        """The objects for which a relation to something is possible that is itself related to something else."""
        facts = self.facts
        middles, ends = facts.node(node, possible=True), facts.node(next_node, possible=True)
        may = 0
        for i in bits(self.relation(relation, node).may):
            for middle in bits(facts.tails(relation, i, True) & middles):
                if facts.tails(next_relation, middle, True) & ends & ~(1 << i):
                    may |= 1 << i
                    break
        return may
