"""The mini world behind the builder's interface: scenes of a split, edited scenes made whole, their pixels."""

from __future__ import annotations

import random
from dataclasses import replace

from PIL import Image, ImageOps

from finecops.construction.graph import SceneGraph, SceneObject
from finecops.construction.image_edits import ImageEdit
from finecops.mini.world.catalogue import ASPECTS, SIZES
from finecops.mini.world.draw import draw_scene
from finecops.mini.world.scenes import relate, sample_scene

SPLIT_SEEDS = {"test": 1_000_000, "val": 2_000_000, "train": 3_000_000}
"""First seed of each split's scenes. Training of the mini models uses seeds from ten million on."""


def split_scenes(split: str, count: int) -> list[SceneGraph]:
    """The first `count` scenes of a split; ids are `<split>_<number>`."""
    start = SPLIT_SEEDS[split]
    return [sample_scene(random.Random(start + i), f"{split}_{i:05d}") for i in range(count)]


def refit(graph: SceneGraph, changed: frozenset[str]) -> SceneGraph | None:
    """Give changed objects boxes of their category's shape and their size, at the same centres; relate anew.

    Returns None if one would leave the image or touch another object.
    """
    objects = dict(graph.objects)
    for object_id in changed:
        obj = objects[object_id]
        x, y, w, h = obj.xywh
        low, high = SIZES[next(a for a in obj.attributes if a in SIZES)]
        side = (w * h) ** 0.5
        if not low - 2 <= side <= high + 2:
            side = (low + high) / 2
        new_w, new_h = round(side * ASPECTS[obj.name] ** 0.5), round(side / ASPECTS[obj.name] ** 0.5)
        new_x, new_y = round(x + w / 2 - new_w / 2), round(y + h / 2 - new_h / 2)
        if new_x < 1 or new_y < 1 or new_x + new_w > graph.width - 1 or new_y + new_h > graph.height - 1:
            return None
        objects[object_id] = replace(obj, xywh=(new_x, new_y, new_w, new_h))
    if any(_touch(objects[i], other) for i in changed for other in objects.values() if other.id != i):
        return None
    return relate(replace(graph, objects=objects))


def _touch(a: SceneObject, b: SceneObject) -> bool:
    ax, ay, aw, ah = a.xywh
    bx, by, bw, bh = b.xywh
    return ax < bx + bw and bx < ax + aw and ay < by + bh and by < ay + ah


def draw_edit(edit: ImageEdit) -> Image.Image:
    """The pixels of a negative image: the flipped original, or the edited scene drawn anew."""
    if edit.type == "flip":
        return ImageOps.mirror(draw_scene(edit.positive.graph))
    return draw_scene(edit.graph)
