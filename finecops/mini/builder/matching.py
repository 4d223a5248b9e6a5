"""The objects that a description fits, and its difficulty.

A graph may be incomplete (`Vocabulary.complete`), so there are two questions. What holds is what the graph says. What
is *possible* is all that the graph does not exclude.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from finecops.construction.description import SAME, Description, Edge, Node
from finecops.construction.graph import SceneGraph, SceneObject
from finecops.mini.builder.vocabulary import Vocabulary


def node_fits(obj: SceneObject, node: Node, vocabulary: Vocabulary, possible: bool = False) -> bool:
    """Whether an object is of a node's category (or of one that looks alike) and has its attributes.

    With `possible`, an attribute that the graph does not mention counts too, unless the graph is complete or gives the
    object another value of the same exclusive type.
    """
    if vocabulary.group(obj.name) != vocabulary.group(node.name):
        return False
    return all(
        attribute in obj.attributes or (possible and _may_have(obj, attribute, vocabulary))
        for attribute in node.attributes
    )


def _may_have(obj: SceneObject, attribute: str, vocabulary: Vocabulary) -> bool:
    """Whether the graph leaves open that an object has an attribute."""
    kind = vocabulary.attribute_types[attribute]
    excluded = kind in vocabulary.exclusive_types and any(
        vocabulary.attribute_types.get(a) == kind for a in obj.attributes
    )
    return not vocabulary.complete and not excluded


def edge_holds(
    edge: Edge, head: SceneObject, tail: SceneObject, vocabulary: Vocabulary, possible: bool = False
) -> bool:
    """Whether a relation holds between two objects of a graph; with `possible`, whether it may (see `node_fits`)."""
    if edge.relation.startswith(SAME):
        kind = edge.relation[len(SAME) :]
        values = [{a for a in obj.attributes if vocabulary.attribute_types.get(a) == kind} for obj in (head, tail)]
        # An object without a value of this type may have any.
        unknown = possible and not vocabulary.complete and not all(values)
        return unknown or bool(values[0] & values[1])
    if head.relates(edge.relation, tail.id):
        return True
    if not possible or vocabulary.complete:
        return False
    return not any(head.relates(other, tail.id) for other in vocabulary.contradictions.get(edge.relation, ()))


def assignments(
    graph: SceneGraph, description: Description, vocabulary: Vocabulary, possible: bool = False
) -> Iterator[tuple[SceneObject, ...]]:
    """Every assignment of different objects to the nodes for which all that is said holds (or is possible).

    Raises:
        TooMuchWorkError: too much would have to be compared for this graph.
    """
    for _, found in _by_target(graph, description, vocabulary, possible):
        yield from found


def _by_target(
    graph: SceneGraph, description: Description, vocabulary: Vocabulary, possible: bool
) -> Iterator[tuple[SceneObject, Iterator[tuple[SceneObject, ...]]]]:
    """Every object that may be node 0, with its assignments."""
    graph.work.add(len(graph.objects) * len(description.nodes))
    fitting = [[o for o in graph.objects.values() if node_fits(o, n, vocabulary, possible)] for n in description.nodes]

    def extend(chosen: tuple[SceneObject, ...]) -> Iterator[tuple[SceneObject, ...]]:
        index = len(chosen)
        if index == len(fitting):
            yield chosen
            return
        # An edge is checked as soon as its later node has an object, so that wrong branches end early.
        edges = [edge for edge in description.edges if max(edge.head, edge.tail) == index]
        for obj in fitting[index]:
            candidate = (*chosen, obj)
            # The relations of the head are looked through for each edge: sixteen take as long as an object.
            graph.work.add(1 + sum(len(candidate[edge.head].relations) for edge in edges) // 16)
            if obj not in chosen and all(
                edge_holds(edge, candidate[edge.head], candidate[edge.tail], vocabulary, possible) for edge in edges
            ):
                yield from extend(candidate)

    for target in fitting[0]:
        yield target, extend((target,))


def referents(graph: SceneGraph, description: Description, vocabulary: Vocabulary, possible: bool = False) -> list[str]:
    """Ids of the objects that a description fits (or possibly fits), in the graph's order."""
    # One assignment of a target is enough: there may be thousands.
    by_target = _by_target(graph, description, vocabulary, possible)
    return [target.id for target, found in by_target if next(found, None) is not None]


def is_unique(graph: SceneGraph, description: Description, target_id: str, vocabulary: Vocabulary) -> bool:
    """Whether a description fits one object and provably no other."""
    if referents(graph, description, vocabulary) != [target_id]:
        return False
    return vocabulary.complete or referents(graph, description, vocabulary, possible=True) == [target_id]


def is_false(graph: SceneGraph, description: Description, vocabulary: Vocabulary) -> bool:
    """Whether a description provably fits no object of the image."""
    return next(assignments(graph, description, vocabulary, possible=True), None) is None


def difficulty(graph: SceneGraph, description: Description, vocabulary: Vocabulary) -> int | None:
    """The level of a description in its image (paper, III-A), or None if it does not fit exactly one object.

    Level 1: there is no other object of the target's category. Level 2: one attribute of the target, or one relation
    to an object named by its category alone, is enough to identify it. Level 3: two or more are needed. Only attributes
    and relations of the description count. Of these, what is needed decides, not how much is said.
    """
    target = referents(graph, description, vocabulary)
    if len(target) != 1:
        return None
    bare = Node(description.nodes[0].name)
    if referents(graph, Description("0_hop", (bare,)), vocabulary) == target:
        return 1
    for simple in _single_clues(description):
        if referents(graph, simple, vocabulary) == target:
            return 2
    return 3


def _single_clues(description: Description) -> Iterator[Description]:
    """The descriptions that keep the target's category and one of its attributes or relations."""
    name = description.nodes[0].name
    for attribute in description.nodes[0].attributes:
        yield Description("0_hop", (Node(name, (attribute,)),))
    for edge in description.edges:
        # A relation between two other nodes alone does not describe the target.
        if edge.head == 0:
            nodes = (Node(name), Node(description.nodes[edge.tail].name))
            yield Description("1_hop", nodes, (replace(edge, tail=1),))
