"""The scene graph of an edited image, with no more in it than is known."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from finecops.construction.description import Node
from finecops.construction.edits.regions import RegionOptions, lost_objects
from finecops.construction.graph import Relation, SceneGraph, SceneObject
from finecops.construction.lexicon import Lexicon


def with_nodes(graph: SceneGraph, nodes: Mapping[str, Node]) -> SceneGraph:
    """A graph in which some objects, by id, have the name and attributes of a node; all else stays."""
    changed = {
        object_id: replace(graph.objects[object_id], name=node.name, attributes=node.attributes)
        for object_id, node in nodes.items()
    }
    return replace(graph, objects={**graph.objects, **changed})


def repainted(
    graph: SceneGraph, nodes: Mapping[str, Node], replaced: bool, lexicon: Lexicon, regions: RegionOptions
) -> SceneGraph:
    """The graph of a photograph in which the boxes of some objects are painted over.

    Args:
        graph: the original.
        nodes: object id → all that the editor was asked for.
        replaced: these are other objects now. All relations go that cannot be read from the boxes.
        lexicon: which relations those are.
        regions: which objects under a mask are lost.
    """
    lost = lost_objects(graph, nodes.keys(), regions)
    # The same cup in another color stays where it is and with whom it is; another thing may not.
    unsure = lost | nodes.keys() if replaced else lost
    edited = with_nodes(graph, nodes)
    return replace(edited, objects={o.id: _known_still(o, unsure, lost, lexicon) for o in edited.objects.values()})


def _known_still(obj: SceneObject, unsure: Collection[str], lost: Collection[str], lexicon: Lexicon) -> SceneObject:
    relations = tuple(
        relation
        for relation in obj.relations
        if (obj.id not in unsure and relation.object_id not in unsure) or _from_boxes(relation, lexicon)
    )
    return replace(obj, relations=relations, attributes=() if obj.id in lost else obj.attributes)


def _from_boxes(relation: Relation, lexicon: Lexicon) -> bool:
    word = lexicon.relations.get(relation.name)
    return word is not None and word.boxes is not None


def mirrored(graph: SceneGraph, lexicon: Lexicon) -> SceneGraph:
    """The graph of the image flipped from left to right; relations follow the lexicon's `mirror`."""
    objects = {}
    for obj in graph.objects.values():
        x, y, w, h = obj.xywh
        relations = tuple(Relation(mirror_of(r.name, lexicon), r.object_id) for r in obj.relations)
        # The new left side is the old right side, counted from the other border.
        objects[obj.id] = replace(obj, xywh=(graph.width - x - w, y, w, h), relations=relations)
    return replace(graph, objects=objects)


def mirror_of(name: str, lexicon: Lexicon) -> str:
    """What a relation is called in the flipped image."""
    word = lexicon.relations.get(name)
    return name if word is None or word.mirror is None else word.mirror
