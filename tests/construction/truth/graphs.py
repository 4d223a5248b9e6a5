"""Small graphs in one line, for tables of tests."""

from __future__ import annotations

from collections.abc import Sequence

from finecops.construction.graph import Relation, SceneGraph, SceneObject

BOXES = {"left": (0.0, 40.0, 20.0, 20.0), "middle": (45.0, 40.0, 20.0, 20.0), "right": (75.0, 40.0, 20.0, 20.0)}


def thing(
    id_: str,
    name: str,
    *attributes: str,
    at: Sequence[float] | str = "middle",
    **relations: str,
) -> SceneObject:
    """An object; a relation is given as `to_the_left_of="id id"`."""
    box = BOXES[at] if isinstance(at, str) else tuple(at)
    edges = tuple(Relation(r.replace("_", " "), tail) for r, tails in relations.items() for tail in tails.split())
    return SceneObject(id_, name, box, attributes, edges)  # type: ignore[arg-type]


def graph_of(*things: SceneObject, image_id: str = "1") -> SceneGraph:
    """A graph of 100 by 100 pixels."""
    return SceneGraph(image_id, 100, 100, {t.id: t for t in things})
