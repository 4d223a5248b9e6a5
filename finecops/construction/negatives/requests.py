"""What may be changed in an expression: one request for each type, level and part (paper, III-B; Table IV).

Level 1 changes what is said about the target itself, level 2 what is said about an object that it is related to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Final, Literal

from finecops.construction.description import Description
from finecops.construction.lexicon import Lexicon

Level = Literal[1, 2]
Part = Literal["object", "attribute", "relation"]

TYPES: Final = ("replace_object", "replace_attribute", "replace_relation", "swap_object", "swap_attribute")
COLUMNS: Final[tuple[tuple[str, Level], ...]] = tuple((type_, level) for type_ in TYPES for level in (1, 2))
"""Type and level of every column of the paper's Table IV, in its order."""


@dataclass(frozen=True, slots=True)
class Request:
    """A word of a description that is to be replaced by another one.

    Attributes:
        said: the description of the positive.
        type: `replace_object`, `replace_attribute` or `replace_relation`.
        level: 1 or 2.
        index: the node whose name or attribute is replaced, or the edge whose relation is.
        old: the word that is there.
    """

    said: Description
    type: str
    level: Level
    index: int
    old: str

    def replaced(self, new: str) -> Description:
        """The description with another word there."""
        if self.type == "replace_relation":
            return self.said.with_edge(self.index, replace(self.said.edges[self.index], relation=new))
        node = self.said.nodes[self.index]
        if self.type == "replace_object":
            return self.said.with_node(self.index, replace(node, name=new))
        attributes = tuple(new if a == self.old else a for a in node.attributes)
        return self.said.with_node(self.index, replace(node, attributes=attributes))


@dataclass(frozen=True, slots=True)
class Swap:
    """Two parts of a description exchanged: the changed description, and the indices of the two nodes."""

    said: Description
    type: str
    level: Level
    changed: tuple[int, int]


def requests(said: Description, type_: str, level: Level) -> list[Request]:
    """The words that a type and level may replace, in the description's order; empty for a swap."""
    return [Request(said, type_, level, index, old) for index, old in _WORDS.get(type_, _nothing)(said, level)]


def swaps(said: Description, type_: str, level: Level, lexicon: Lexicon) -> list[Swap]:
    """The exchanges that a type and level may make; empty for a replacement."""
    if type_ not in _EXCHANGES:
        return []
    pairs = combinations(range(len(said.nodes)), 2)
    # At level 1 the target exchanges with another object, at level 2 two others do.
    at_level = [pair for pair in pairs if (pair[0] == 0) == (level == 1)]
    return [Swap(new, type_, level, pair) for pair in at_level for new in _EXCHANGES[type_](said, *pair, lexicon)]


def _nodes(said: Description, level: Level) -> range:
    return range(1) if level == 1 else range(1, len(said.nodes))


def _names(said: Description, level: Level) -> Iterator[tuple[int, str]]:
    for index in _nodes(said, level):
        yield index, said.nodes[index].name


def _attributes(said: Description, level: Level) -> Iterator[tuple[int, str]]:
    for index in _nodes(said, level):
        for attribute in said.nodes[index].attributes:
            yield index, attribute


def _relations(said: Description, level: Level) -> Iterator[tuple[int, str]]:
    for index, edge in enumerate(said.edges):
        if (edge.head == 0) == (level == 1):
            yield index, edge.relation


def _nothing(said: Description, level: Level) -> Iterator[tuple[int, str]]:
    return iter(())


_WORDS: Final[dict[str, Callable[[Description, Level], Iterator[tuple[int, str]]]]] = {
    "replace_object": _names,
    "replace_attribute": _attributes,
    "replace_relation": _relations,
}


def _swapped_names(said: Description, a: int, b: int, lexicon: Lexicon) -> Iterator[Description]:
    first, second = said.nodes[a], said.nodes[b]
    # Exchanging two words for one thing says the same again.
    if not lexicon.may_be(first.name, second.name):
        changed = said.with_node(a, replace(first, name=second.name))
        yield changed.with_node(b, replace(second, name=first.name))


def _swapped_attributes(said: Description, a: int, b: int, lexicon: Lexicon) -> Iterator[Description]:
    first, second = said.nodes[a], said.nodes[b]
    for mine in first.attributes:
        for theirs in second.attributes:
            mine_word, their_word = lexicon.attributes[mine], lexicon.attributes[theirs]
            if mine == theirs or mine_word.kind != their_word.kind or theirs in mine_word.near:
                continue
            if theirs in first.attributes or mine in second.attributes:
                continue
            changed = said.with_node(
                a, replace(first, attributes=tuple(theirs if x == mine else x for x in first.attributes))
            )
            yield changed.with_node(
                b, replace(second, attributes=tuple(mine if x == theirs else x for x in second.attributes))
            )


_EXCHANGES: Final[dict[str, Callable[[Description, int, int, Lexicon], Iterator[Description]]]] = {
    "swap_object": _swapped_names,
    "swap_attribute": _swapped_attributes,
}
