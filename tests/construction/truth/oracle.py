"""A matcher of its own for the tests: it tries every permutation of the objects and shares no code with what is tested.

It works on facts: `(object, attribute)` pairs and `(relation, head, tail)` triples. Nothing that is not a fact holds.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from finecops.construction.description import Description
from finecops.construction.graph import Relation, SceneGraph, SceneObject

TYPES = {"red": "colour", "blue": "colour", "big": "size", "small": "size", "dotted": "pattern"}
OPPOSITES = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}


@dataclass(frozen=True)
class Facts:
    """What is true of an image."""

    names: Mapping[str, str]
    attributes: frozenset[tuple[str, str]]
    relations: frozenset[tuple[str, str, str]]

    @classmethod
    def of(cls, graph: SceneGraph) -> Facts:
        """Everything that a graph says."""
        return cls(
            {o.id: o.name for o in graph.objects.values()},
            frozenset((o.id, a) for o in graph.objects.values() for a in o.attributes),
            frozenset((r.name, o.id, r.object_id) for o in graph.objects.values() for r in o.relations),
        )

    def values(self, object_id: str, kind: str, types: Mapping[str, str]) -> set[str]:
        """An object's attributes of one type."""
        return {a for id_, a in self.attributes if id_ == object_id and types.get(a) == kind}

    def holds(self, relation: str, head: str, tail: str, types: Mapping[str, str]) -> bool:
        """Whether a relation is true, "same <type>" included."""
        if relation.startswith("same "):
            kind = relation.removeprefix("same ")
            return bool(self.values(head, kind, types) & self.values(tail, kind, types))
        return (relation, head, tail) in self.relations


Pattern = tuple[Sequence[tuple[str, Sequence[str]]], Sequence[tuple[str, int, int]]]
"""Nodes (name, attributes) and edges (relation, head, tail)."""


def pattern(description: Description) -> Pattern:
    """A description as plain data."""
    return (
        [(node.name, node.attributes) for node in description.nodes],
        [(edge.relation, edge.head, edge.tail) for edge in description.edges],
    )


def pattern_of_row(tuple_: list[object], tuple_type: str) -> Pattern:
    """The `tuple` of a vanilla row as plain data."""
    nodes = [(node[0], node[1]) for node in tuple_[::2]]  # type: ignore[index]
    heads = [0, 1] if tuple_type == "2_hop" else [0, 0]
    return nodes, [(str(relation), heads[i], i + 1) for i, relation in enumerate(tuple_[1::2])]


def fitting(facts: Facts, said: Pattern, types: Mapping[str, str]) -> set[str]:
    """Ids of all objects that can be node 0."""
    nodes, edges = said
    found = set()
    for chosen in itertools.permutations(facts.names, len(nodes)):
        if all(
            facts.names[id_] == name and all((id_, a) in facts.attributes for a in attributes)
            for id_, (name, attributes) in zip(chosen, nodes, strict=True)
        ) and all(facts.holds(relation, chosen[a], chosen[b], types) for relation, a, b in edges):
            found.add(chosen[0])
    return found


def level_of(facts: Facts, said: Pattern, types: Mapping[str, str]) -> int:
    """The level by its definition in docs/data.md, of an expression that fits one object."""
    nodes, edges = said
    name, attributes = nodes[0]

    def enough(*clues: Pattern) -> bool:
        return any(len(fitting(facts, clue, types)) == 1 for clue in clues)

    if enough(([(name, ())], ())):
        return 1
    single: list[Pattern] = [([(name, (a,))], ()) for a in attributes]
    single += [([(name, ()), (nodes[b][0], ())], [(r, 0, 1)]) for r, a, b in edges if a == 0]
    return 2 if enough(*single) else 3


def random_graph(rng: random.Random, image_id: str, objects: int) -> SceneGraph:
    """A graph that says everything: two exclusive attributes each, and for every pair at most one per axis."""
    ids = [str(i) for i in range(objects)]
    relations: dict[str, list[Relation]] = {id_: [] for id_ in ids}
    for a, b in itertools.combinations(ids, 2):
        for forward in ("left of", "above"):
            name = rng.choice([forward, OPPOSITES[forward], None])
            if name is not None:
                relations[a].append(Relation(name, b))
                relations[b].append(Relation(OPPOSITES[name], a))
    made = {}
    for i, id_ in enumerate(ids):
        attributes = [rng.choice(["red", "blue"]), rng.choice(["big", "small"])]
        attributes += ["dotted"] if rng.random() < 0.3 else []
        name = rng.choice(["cup", "car", "tree"])
        made[id_] = SceneObject(id_, name, (10.0 * i, 5.0 * i, 8.0, 8.0), tuple(attributes), tuple(relations[id_]))
    return SceneGraph(image_id, 100, 100, made)


def forget(rng: random.Random, graph: SceneGraph, share: float) -> SceneGraph:
    """The same image as an annotator leaves it: a share of the attributes and relations is not written down."""
    objects = {
        o.id: SceneObject(
            o.id,
            o.name,
            o.xywh,
            tuple(a for a in o.attributes if rng.random() > share),
            tuple(r for r in o.relations if rng.random() > share),
        )
        for o in graph.objects.values()
    }
    return SceneGraph(graph.image_id, graph.width, graph.height, objects, graph.location)


def toy_graphs(count: int, seed: int = 0) -> Iterable[SceneGraph]:
    """Complete graphs of four or five objects."""
    for i in range(count):
        rng = random.Random(f"{seed}/{i}")
        yield random_graph(rng, f"toy_{i}", rng.choice([4, 5]))
