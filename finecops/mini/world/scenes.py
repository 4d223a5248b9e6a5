"""Random scenes of the mini world as scene graphs in GQA's format."""

from __future__ import annotations

import random

from finecops.construction.graph import Relation, SceneGraph, SceneObject
from finecops.mini.world.catalogue import (
    ASPECTS,
    COLOURS,
    IMAGE_SIZE,
    JITTER,
    LATTICE_STEP,
    LOCATIONS,
    RELATION_GAP,
    SIZES,
)

Box = tuple[int, int, int, int]
_CELL = 28
"""Side in pixels of what one merged token of the mini MLLM sees."""
_STRIPED_SHARE = 0.3
_BOX_DRAWS = 30
_MIN_OBJECTS, _MAX_OBJECTS = 4, 8


def sample_scene(rng: random.Random, image_id: str) -> SceneGraph:
    """One random scene: four to eight objects, often several of a category.

    No two boxes overlap and no two centres share a cell of 28 pixels. Relations follow from the centres alone
    (`RELATION_GAP`), so the graph is complete: a relation that is not in it does not hold. A scene has fewer objects
    where there is no room for more.
    """
    wanted = rng.randint(_MIN_OBJECTS, _MAX_OBJECTS)
    kinds = rng.sample(list(ASPECTS), rng.randint(2, min(5, wanted)))
    names = kinds + [rng.choice(kinds) for _ in range(wanted - len(kinds))]
    rng.shuffle(names)
    # Few colours per scene, so that objects share them and a colour alone is often not enough.
    palette = rng.sample(list(COLOURS), rng.randint(2, 5))
    boxes: list[Box] = []
    objects: list[SceneObject] = []
    for index, name in enumerate(names):
        size = rng.choice(list(SIZES))
        box = _free_box(rng, name, size, boxes)
        if box is None:
            continue
        boxes.append(box)
        attributes = [rng.choice(palette), size]
        if rng.random() < _STRIPED_SHARE:
            attributes.append("striped")
        objects.append(SceneObject(str(index), name, box, tuple(attributes)))
    return relate(SceneGraph(image_id, IMAGE_SIZE, IMAGE_SIZE, {t.id: t for t in objects}, rng.choice(list(LOCATIONS))))


def relate(graph: SceneGraph) -> SceneGraph:
    """The same scene with its relations computed from the boxes, whatever they were."""
    centres = {t.id: (t.xywh[0] + t.xywh[2] / 2, t.xywh[1] + t.xywh[3] / 2) for t in graph.objects.values()}
    objects = {}
    for obj in graph.objects.values():
        x, y = centres[obj.id]
        relations = []
        for other_id, (other_x, other_y) in centres.items():
            if other_x - x > RELATION_GAP:
                relations.append(Relation("to the left of", other_id))
            if x - other_x > RELATION_GAP:
                relations.append(Relation("to the right of", other_id))
            if other_y - y > RELATION_GAP:
                relations.append(Relation("above", other_id))
            if y - other_y > RELATION_GAP:
                relations.append(Relation("below", other_id))
        objects[obj.id] = SceneObject(obj.id, obj.name, obj.xywh, obj.attributes, tuple(relations))
    return SceneGraph(graph.image_id, graph.width, graph.height, objects, graph.location)


def _free_box(rng: random.Random, name: str, size: str, taken: list[Box]) -> Box | None:
    """A random box (xywh, pixels) for an object that touches none of `taken`; None if 30 draws find none."""
    # Width and height with the category's aspect, and the drawn size as their geometric mean.
    mean_side = rng.uniform(*SIZES[size])
    w = round(mean_side * ASPECTS[name] ** 0.5)
    h = round(mean_side / ASPECTS[name] ** 0.5)
    cells = {((x + bw / 2) // _CELL, (y + bh / 2) // _CELL) for x, y, bw, bh in taken}
    for _ in range(_BOX_DRAWS):
        centre = [rng.randrange(IMAGE_SIZE // LATTICE_STEP) * LATTICE_STEP + LATTICE_STEP // 2 for _ in range(2)]
        x = centre[0] + rng.randint(-JITTER, JITTER) - w // 2
        y = centre[1] + rng.randint(-JITTER, JITTER) - h // 2
        if x < 1 or y < 1 or x + w > IMAGE_SIZE - 1 or y + h > IMAGE_SIZE - 1:
            continue
        # One object per merged token of the vision tower, which then can be asked what is in it.
        if ((x + w / 2) // _CELL, (y + h / 2) // _CELL) in cells:
            continue
        # At least a pixel between two boxes.
        if all(x >= a + c + 1 or a >= x + w + 1 or y >= b + d + 1 or b >= y + h + 1 for a, b, c, d in taken):
            return x, y, w, h
    return None
