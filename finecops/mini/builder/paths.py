"""Random paths through a scene graph: the objects that an expression names, and what it says about them (III-A)."""

from __future__ import annotations

import random
from collections.abc import Sequence

from finecops.construction.description import SAME, Description, Edge, Node
from finecops.construction.graph import SceneGraph, SceneObject
from finecops.mini.builder.matching import is_unique
from finecops.mini.builder.vocabulary import Vocabulary

TUPLE_TYPES = ("0_hop", "1_hop", "2_hop", "and", "same_attr")
_ATTRIBUTE_COUNT_WEIGHTS = (5, 4, 1)
"""Weights of naming no, one or two attributes: most expressions of the benchmark name at most one."""


def sample_path(
    rng: random.Random, graph: SceneGraph, target: SceneObject, tuple_type: str, vocabulary: Vocabulary
) -> Description | None:
    """One random path of a type that starts at an object. It fits this object, and maybe others too.

    Returns None where the graph has no such path (no relation to follow, no shared attribute).
    """
    if tuple_type == "0_hop":
        return Description(tuple_type, (_node(rng, target, vocabulary),))
    if tuple_type == "same_attr":
        return _same_attribute(rng, graph, target, vocabulary)
    first = _step(rng, graph, target, {target.id})
    if first is None:
        return None
    relation, obj = first
    nodes = [_node(rng, target, vocabulary), _node(rng, obj, vocabulary)]
    edges = [Edge(relation, 0, 1)]
    if tuple_type != "1_hop":
        # "2_hop" continues from the related object, "and" has a second relation of the target itself.
        start = 1 if tuple_type == "2_hop" else 0
        second = _step(rng, graph, obj if start else target, {target.id, obj.id})
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
) -> tuple[Description, SceneObject] | None:
    """A random path that fits exactly one object, and that object; None if none is found in `tries` draws."""
    targets = [obj for obj in graph.objects.values() if is_suitable(graph, obj, vocabulary)]
    for _ in range(tries if targets else 0):
        target = rng.choice(targets)
        path = sample_path(rng, graph, target, rng.choice(tuple_types), vocabulary)
        if path is not None and is_unique(graph, path, target.id, vocabulary):
            return path, target
    return None


def is_suitable(graph: SceneGraph, obj: SceneObject, vocabulary: Vocabulary) -> bool:
    """Whether an object may be a target: by its name, its size, and its box, which must be inside the image."""
    x, y, w, h = obj.xywh
    return (
        (not vocabulary.categories or obj.name in vocabulary.categories)
        and obj.name not in vocabulary.unsuitable
        and min(w, h) >= vocabulary.min_side_share * min(graph.width, graph.height)
        and min(x, y) >= 0
        and x + w <= graph.width
        and y + h <= graph.height
    )


def _node(rng: random.Random, obj: SceneObject, vocabulary: Vocabulary) -> Node:
    """An object's category and a random part of its attributes."""
    known = [a for a in obj.attributes if a in vocabulary.attribute_types]
    counts = range(len(_ATTRIBUTE_COUNT_WEIGHTS))
    count = min(len(known), rng.choices(counts, weights=_ATTRIBUTE_COUNT_WEIGHTS)[0])
    kept = set(rng.sample(known, count))
    # In the graph's order, not in the sample's: the same attributes make the same node.
    return Node(obj.name, tuple(a for a in known if a in kept))


def _step(rng: random.Random, graph: SceneGraph, start: SceneObject, seen: set[str]) -> tuple[str, SceneObject] | None:
    """One random relation of an object to an object that is not on the path yet."""
    # A path that returns to one of its objects would describe it by itself.
    steps = [r for r in start.relations if r.object_id not in seen]
    if not steps:
        return None
    relation = rng.choice(steps)
    return relation.name, graph.objects[relation.object_id]


def _same_attribute(
    rng: random.Random, graph: SceneGraph, target: SceneObject, vocabulary: Vocabulary
) -> Description | None:
    """A comparison with another object, of another category, that has the same value of an exclusive type."""
    # Another category: "the cup of the same colour as the cup" would be hard to read.
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
    # Naming the shared attribute at either end would make the comparison unnecessary.
    ends = [
        Node(n.name, tuple(a for a in n.attributes if vocabulary.attribute_types[a] != kind))
        for n in (node, _node(rng, other, vocabulary))
    ]
    return Description("same_attr", tuple(ends), (Edge(SAME + kind, 0, 1),))
