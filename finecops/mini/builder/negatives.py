"""Negative expressions: an expression changed a little so that it fits no object of its image (paper, III-B).

Level 1 changes the words about the target itself, level 2 those about an object that it is related to.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from finecops.construction.description import SAME, Description, Node
from finecops.mini.builder.matching import is_false
from finecops.mini.builder.positives import Positive
from finecops.mini.builder.templates import render
from finecops.mini.builder.vocabulary import Vocabulary

TEXT_COLUMNS: tuple[tuple[str, int], ...] = tuple(
    (kind, level)
    for kind in ("replace_object", "replace_attribute", "replace_relation", "swap_object", "swap_attribute")
    for level in (1, 2)
)
"""Type and level of every column of the paper's Table IV, in its order."""


@dataclass(frozen=True)
class NegativeExpression:
    """A changed expression; `changed` is the index of the changed node or edge."""

    positive: Positive
    type: str
    level: int
    description: Description
    text: str
    changed: int


def negative_expression(
    positive: Positive, type_: str, level: int, vocabulary: Vocabulary, rng: random.Random
) -> NegativeExpression | None:
    """One negative expression of a positive, of a type and level, proved false in its image; None if there is none.

    The wording stays the positive's, so the change is the only difference.
    """
    proposals = list(_CHANGES[type_](positive, level, vocabulary, rng))
    # The order of the proposals follows the tuple; without a shuffle the first part would be changed most often.
    rng.shuffle(proposals)
    for description, changed in proposals:
        if is_false(positive.graph, description, vocabulary):
            text = render(positive.graph, description, positive.wording, vocabulary, positive.description).text
            return NegativeExpression(positive, type_, level, description, text, changed)
    return None


def _node_indices(description: Description, level: int) -> range:
    """The nodes that a level may change: the target alone, or all others."""
    return range(1) if level == 1 else range(1, len(description.nodes))


def _replace_object(
    positive: Positive, level: int, vocabulary: Vocabulary, rng: random.Random
) -> Iterator[tuple[Description, int]]:
    description = positive.description
    present = sorted({t.name for t in positive.graph.objects.values()})
    names = list(vocabulary.categories or present)
    for index in _node_indices(description, level):
        node = description.nodes[index]
        # A category that is also in the image makes a harder negative: half of the proposals take one of these.
        options = [n for n in (present if rng.random() < 0.5 else names) if n != node.name]
        for name in rng.sample(options, min(4, len(options))):
            yield description.with_node(index, replace(node, name=name)), index


def _replace_attribute(
    positive: Positive, level: int, vocabulary: Vocabulary, rng: random.Random
) -> Iterator[tuple[Description, int]]:
    description = positive.description
    for index in _node_indices(description, level):
        node = description.nodes[index]
        for attribute in node.attributes:
            # A striped car may be dotted too: only a value of an exclusive type is excluded by another one.
            kind = vocabulary.attribute_types[attribute]
            if kind not in vocabulary.exclusive_types:
                continue
            options = [a for a in vocabulary.attributes_of_type(kind) if a != attribute]
            for other in rng.sample(options, min(3, len(options))):
                changed = tuple(other if a == attribute else a for a in node.attributes)
                yield description.with_node(index, replace(node, attributes=changed)), index


def _replace_relation(
    positive: Positive, level: int, vocabulary: Vocabulary, rng: random.Random
) -> Iterator[tuple[Description, int]]:
    description = positive.description
    known = sorted(vocabulary.contradictions)
    for index, edge in enumerate(description.edges):
        # "The same colour as" has no opposite relation.
        if edge.relation.startswith(SAME) or (edge.head == 0) != (level == 1):
            continue
        opposites = list(vocabulary.contradictions.get(edge.relation, ()))
        # Opposites are false in every graph. Two others are tried too, for variety; they are proved like all the rest.
        others = [r for r in known if r != edge.relation and r not in opposites]
        for relation in [*opposites, *rng.sample(others, min(2, len(others)))]:
            yield description.with_edge(index, replace(edge, relation=relation)), index


def swap_pairs(count: int, level: int) -> list[tuple[int, int]]:
    """Pairs of the `count` objects that may swap: at level 1 the target with each other, at level 2 two others."""
    if level == 1:
        return [(0, other) for other in range(1, count)]
    return [(a, b) for a in range(1, count) for b in range(a + 1, count)]


def _swap_object(
    positive: Positive, level: int, vocabulary: Vocabulary, rng: random.Random
) -> Iterator[tuple[Description, int]]:
    description = positive.description
    for a, b in swap_pairs(len(description.nodes), level):
        first, second = description.nodes[a], description.nodes[b]
        if first.name != second.name:
            changed = description.with_node(a, replace(first, name=second.name))
            yield changed.with_node(b, replace(second, name=first.name)), a


def _swap_attribute(
    positive: Positive, level: int, vocabulary: Vocabulary, rng: random.Random
) -> Iterator[tuple[Description, int]]:
    description = positive.description
    for a, b in swap_pairs(len(description.nodes), level):
        for swapped in swapped_attributes(description.nodes[a], description.nodes[b], vocabulary):
            yield description.with_node(a, swapped[0]).with_node(b, swapped[1]), a


def swapped_attributes(first: Node, second: Node, vocabulary: Vocabulary) -> Iterator[tuple[Node, Node]]:
    """Two nodes with one attribute exchanged, for every type of attribute of which they name different values."""
    for mine in first.attributes:
        for theirs in second.attributes:
            kinds = {vocabulary.attribute_types[a] for a in (mine, theirs)}
            if mine != theirs and len(kinds) == 1:
                yield (
                    replace(first, attributes=tuple(theirs if a == mine else a for a in first.attributes)),
                    replace(second, attributes=tuple(mine if a == theirs else a for a in second.attributes)),
                )


_Change = Callable[[Positive, int, Vocabulary, random.Random], Iterator[tuple[Description, int]]]
_CHANGES: dict[str, _Change] = {
    "replace_object": _replace_object,
    "replace_attribute": _replace_attribute,
    "replace_relation": _replace_relation,
    "swap_object": _swap_object,
    "swap_attribute": _swap_attribute,
}
