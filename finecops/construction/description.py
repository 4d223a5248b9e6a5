"""What an expression says, free of wording: a target, related things, relations; what it fits; how hard it is.

A description is a small pattern over a scene graph. Node 0 is the target. A pattern fits a thing if the other
nodes can be assigned to other things so that every attribute and every relation holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from finecops.construction.graph import SceneGraph, Thing
from finecops.construction.vocabulary import Vocabulary

SAME = "same "
"""Prefix of the relation "has the same `<kind of attribute>` as"."""


@dataclass(frozen=True, slots=True)
class Node:
    """A thing as it is described: a category and some of its attributes."""

    name: str
    attributes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Edge:
    """Node `head` stands `relation` node `tail`; "same colour" compares an attribute's kind."""

    relation: str
    head: int
    tail: int


@dataclass(frozen=True, slots=True)
class Description:
    """A pattern; `tuple_type` is 0_hop, 1_hop, 2_hop, and, or same_attr."""

    tuple_type: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...] = ()

    def with_node(self, index: int, node: Node) -> Description:
        """A copy with one node replaced."""
        return replace(self, nodes=(*self.nodes[:index], node, *self.nodes[index + 1 :]))

    def with_edge(self, index: int, edge: Edge) -> Description:
        """A copy with one edge replaced."""
        return replace(self, edges=(*self.edges[:index], edge, *self.edges[index + 1 :]))


def fits_node(thing: Thing, node: Node, vocabulary: Vocabulary, possible: bool = False) -> bool:
    """Whether a thing is of a node's category (or of one that looks alike) and has its attributes.

    With `possible`, whether it could be: an attribute that the graph does not mention may hold, unless the graph
    is complete or gives the thing another value of the same exclusive kind.
    """
    if vocabulary.group(thing.name) != vocabulary.group(node.name):
        return False
    return all(
        attribute in thing.attributes or (possible and _may_have(thing, attribute, vocabulary))
        for attribute in node.attributes
    )


def _may_have(thing: Thing, attribute: str, vocabulary: Vocabulary) -> bool:
    kind = vocabulary.attribute_types[attribute]
    return not vocabulary.complete and not (
        kind in vocabulary.exclusive_types and any(vocabulary.attribute_types.get(a) == kind for a in thing.attributes)
    )


def holds(edge: Edge, head: Thing, tail: Thing, vocabulary: Vocabulary, possible: bool = False) -> bool:
    """Whether a relation holds between two things of a graph; with `possible`, whether it could (see `fits_node`)."""
    if edge.relation.startswith(SAME):
        kind = edge.relation[len(SAME) :]
        values = [{a for a in t.attributes if vocabulary.attribute_types.get(a) == kind} for t in (head, tail)]
        unknown = possible and not vocabulary.complete and not all(values)
        return unknown or bool(values[0] & values[1])
    if head.relates(edge.relation, tail.id):
        return True
    if not possible or vocabulary.complete:
        return False
    return not any(head.relates(other, tail.id) for other in vocabulary.contradictions.get(edge.relation, ()))


def assignments(
    graph: SceneGraph, description: Description, vocabulary: Vocabulary, possible: bool = False
) -> Iterator[tuple[Thing, ...]]:
    """All ways to assign different things to the nodes so that everything said holds (or could hold)."""

    def extend(chosen: tuple[Thing, ...]) -> Iterator[tuple[Thing, ...]]:
        index = len(chosen)
        if index == len(description.nodes):
            yield chosen
            return
        for thing in graph.objects.values():
            if thing in chosen or not fits_node(thing, description.nodes[index], vocabulary, possible):
                continue
            candidate = (*chosen, thing)
            if all(
                holds(edge, candidate[edge.head], candidate[edge.tail], vocabulary, possible)
                for edge in description.edges
                if max(edge.head, edge.tail) == index
            ):
                yield from extend(candidate)

    yield from extend(())


def referents(graph: SceneGraph, description: Description, vocabulary: Vocabulary, possible: bool = False) -> list[str]:
    """Ids of the things a description fits (or could fit), in the graph's order."""
    found = {chosen[0].id for chosen in assignments(graph, description, vocabulary, possible)}
    return [object_id for object_id in graph.objects if object_id in found]


def singles_out(graph: SceneGraph, description: Description, target_id: str, vocabulary: Vocabulary) -> bool:
    """Whether a description provably fits one thing and no other."""
    if referents(graph, description, vocabulary) != [target_id]:
        return False
    return vocabulary.complete or referents(graph, description, vocabulary, possible=True) == [target_id]


def is_false(graph: SceneGraph, description: Description, vocabulary: Vocabulary) -> bool:
    """Whether a description provably fits nothing in the image."""
    return next(assignments(graph, description, vocabulary, possible=True), None) is None


def difficulty(graph: SceneGraph, description: Description, vocabulary: Vocabulary) -> int | None:
    """The level of a description in its image (paper, III-A), or None if it does not fit exactly one thing.

    Level 1: no other thing of the target's category. Level 2: one attribute of the target or one relation to a
    thing named by its category alone tells it apart. Level 3: it takes two or more. What counts is what is
    needed, not how much the expression says.
    """
    target = referents(graph, description, vocabulary)
    if len(target) != 1:
        return None
    bare = description.nodes[0].name
    if referents(graph, Description("0_hop", (Node(bare),)), vocabulary) == target:
        return 1
    for attribute in description.nodes[0].attributes:
        if referents(graph, Description("0_hop", (Node(bare, (attribute,)),)), vocabulary) == target:
            return 2
    for edge in description.edges:
        if edge.head != 0:
            continue
        other = Node(description.nodes[edge.tail].name)
        if referents(graph, Description("1_hop", (Node(bare), other), (replace(edge, tail=1),)), vocabulary) == target:
            return 2
    return 3
