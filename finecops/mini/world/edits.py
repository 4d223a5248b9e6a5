"""Edited scenes: an object with another name or other words gets a box that fits them, and all relations anew."""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import Final

from finecops.construction.edits.world import DrawnWorld
from finecops.construction.graph import SceneGraph, SceneObject
from finecops.mini.world.catalogue import COLOURS, SIZES, STATES, STRIPED, size_of
from finecops.mini.world.draw import draw_scene
from finecops.mini.world.lexicon import LEXICON
from finecops.mini.world.relations import contact, relate
from finecops.mini.world.scenes import lies_well, sides_of

Box = tuple[float, float, float, float]


def refit(original: SceneGraph, edited: SceneGraph, changed: frozenset[str]) -> SceneGraph | None:
    """Complete an edited scene: what the words of the changed objects do not say stays as it was.

    Args:
        original: the scene before.
        edited: the same with other names and attributes of some objects.
        changed: their ids.

    Returns:
        The scene as it is drawn; None if an object has a word that its category cannot have, or has no room.
    """
    objects = dict(edited.objects)
    for object_id in changed:
        obj, before = edited.objects[object_id], original.objects[object_id]
        attributes = _attributes(obj, before, original.image_id)
        if attributes is None:
            return None
        box = _box(obj.name, attributes, before, _stands(before, original))
        objects[object_id] = replace(obj, attributes=attributes, xywh=box)
    if not lies_well(list(objects.values())):
        return None
    return relate(replace(edited, objects=objects))


def _attributes(obj: SceneObject, before: SceneObject, image_id: str) -> tuple[str, ...] | None:
    said, old = set(obj.attributes), before.attributes
    size = next((a for a in SIZES if a in said), size_of(old))
    found = [next((a for a in COLOURS if a in said), old[0]), size]
    if obj.name in STATES:
        states = STATES[obj.name]
        # An object that had none gets one by its id: the same in every process.
        usual = states[zlib.crc32(f"{image_id}/{obj.id}".encode()) % 2]
        found.append(next((a for some in (said, set(old)) for a in states if a in some), usual))
    if STRIPED in said or (STRIPED in old and size != "tiny"):
        found.append(STRIPED)
    return tuple(found) if said <= set(found) and not (STRIPED in said and size == "tiny") else None


def _stands(obj: SceneObject, graph: SceneGraph) -> bool:
    return any(contact(below, obj) == "on" for below in graph.objects.values() if below is not obj)


def _box(name: str, attributes: tuple[str, ...], before: SceneObject, stands: bool) -> Box:
    """A box with the aspect of the category and a side of the size: on the same base if it stands, else centred."""
    x, y, w, h = before.xywh
    side = (w * h) ** 0.5
    if size_of(attributes) != size_of(before.attributes):
        side = sum(SIZES[size_of(attributes)]) / 2
    new_w, new_h = sides_of(name, attributes, side)
    top = y + h - new_h if stands else y + h / 2 - new_h / 2
    return round(x + w / 2 - new_w / 2), round(top), new_w, new_h


WORLD: Final = DrawnWorld("mini", LEXICON, refit, draw_scene)
"""This world, for the construction."""
