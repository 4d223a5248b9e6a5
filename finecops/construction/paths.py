"""Random paths through a scene graph: which things an expression names and what it says of them."""

from __future__ import annotations

import random
from collections.abc import Sequence

from finecops.construction.description import SAME, Description, Edge, Node, singles_out
from finecops.construction.graph import SceneGraph, Thing
from finecops.construction.vocabulary import Vocabulary

TUPLE_TYPES = ("0_hop", "1_hop", "2_hop", "and", "same_attr")
_MAX_ATTRIBUTES = 2


def sample_path(
    rng: random.Random, graph: SceneGraph, target: Thing, tuple_type: str, vocabulary: Vocabulary
) -> Description | None:
    """One random path of a type that starts at a thing and fits it; not necessarily it alone.

    Returns None where the graph has no such path (no relation to follow, no shared attribute).
    """
    if tuple_type == "0_hop":
        return Description(tuple_type, (_node(rng, target, vocabulary),))
    if tuple_type == "same_attr":
        return _same_attribute(rng, graph, target, vocabulary)
    first = _step(rng, graph, target, {target.id})
    if first is None:
        return None
    relation, thing = first
    nodes = [_node(rng, target, vocabulary), _node(rng, thing, vocabulary)]
    edges = [Edge(relation, 0, 1)]
    if tuple_type != "1_hop":
        start = 1 if tuple_type == "2_hop" else 0
        second = _step(rng, graph, thing if start else target, {target.id, thing.id})
        if second is None:
            return None
        edges.append(Edge(second[0], start, 2))
        nodes.append(_node(rng, second[1], vocabulary))
    return Description(tuple_type, tuple(nodes), tuple(edges))


def sample_unique_path(
    rng: random.Random,
    graph: SceneGraph,
    vocabulary: Vocabulary,
    tuple_types: Sequence[str] = TUPLE_TYPES,
    tries: int = 8,
) -> tuple[Description, Thing] | None:
    """A random path that fits exactly one thing of the graph, with that thing; None if `tries` do not find one."""
    targets = [thing for thing in graph.objects.values() if is_suitable(graph, thing, vocabulary)]
    for _ in range(tries if targets else 0):
        target = rng.choice(targets)
        path = sample_path(rng, graph, target, rng.choice(tuple_types), vocabulary)
        if path is not None and singles_out(graph, path, target.id, vocabulary):
            return path, target
    return None


def is_suitable(graph: SceneGraph, thing: Thing, vocabulary: Vocabulary) -> bool:
    """Whether a thing may be a target: by its name, its size, and its box, which must lie in the image."""
    x, y, w, h = thing.xywh
    return (
        (not vocabulary.categories or thing.name in vocabulary.categories)
        and thing.name not in vocabulary.unsuitable
        and min(w, h) >= vocabulary.min_side_share * min(graph.width, graph.height)
        and min(x, y) >= 0
        and x + w <= graph.width
        and y + h <= graph.height
    )


def _node(rng: random.Random, thing: Thing, vocabulary: Vocabulary) -> Node:
    known = [a for a in thing.attributes if a in vocabulary.attribute_types]
    count = min(len(known), rng.choices(range(_MAX_ATTRIBUTES + 1), weights=(5, 4, 1))[0])
    kept = set(rng.sample(known, count))
    return Node(thing.name, tuple(a for a in known if a in kept))


def _step(rng: random.Random, graph: SceneGraph, start: Thing, seen: set[str]) -> tuple[str, Thing] | None:
    steps = [r for r in start.relations if r.object_id not in seen]
    if not steps:
        return None
    relation = rng.choice(steps)
    return relation.name, graph.objects[relation.object_id]


def _same_attribute(rng: random.Random, graph: SceneGraph, target: Thing, vocabulary: Vocabulary) -> Description | None:
    options = [
        (vocabulary.attribute_types[attribute], other)
        for attribute in target.attributes
        if vocabulary.attribute_types.get(attribute) in vocabulary.exclusive_types
        for other in graph.objects.values()
        if other.id != target.id and other.name != target.name and attribute in other.attributes
    ]
    if not options:
        return None
    kind, other = rng.choice(options)
    node = _node(rng, target, vocabulary)
    # Naming the shared attribute at either end would give the comparison away.
    ends = [
        Node(n.name, tuple(a for a in n.attributes if vocabulary.attribute_types[a] != kind))
        for n in (node, _node(rng, other, vocabulary))
    ]
    return Description("same_attr", tuple(ends), (Edge(SAME + kind, 0, 1),))
