"""Negative images of the mini world: an edited scene gets boxes and relations that fit, and is drawn again."""

from __future__ import annotations

from dataclasses import replace

from PIL import Image, ImageOps

from finecops.construction.graph import SceneGraph, SceneObject
from finecops.mini.builder.image_edits import ImageEdit
from finecops.mini.world.catalogue import ASPECTS, SIZES
from finecops.mini.world.draw import draw_scene
from finecops.mini.world.scenes import relate

_SIZE_TOLERANCE = 2
"""Pixels by which rounding may move an object's side out of the range of its size."""


def refit(graph: SceneGraph, changed: frozenset[str]) -> SceneGraph | None:
    """Give edited objects a box that fits their category and size, at the same centre; compute all relations again.

    Returns None if a new box would cross the border of the image or touch another object.
    """
    objects = dict(graph.objects)
    for object_id in changed:
        box = _refitted_box(objects[object_id])
        x, y, w, h = box
        # A margin of one pixel, as in `scenes`: the outline is drawn on the border of the box.
        if x < 1 or y < 1 or x + w > graph.width - 1 or y + h > graph.height - 1:
            return None
        objects[object_id] = replace(objects[object_id], xywh=box)
    if any(_touch(objects[i], other) for i in changed for other in objects.values() if other.id != i):
        return None
    return relate(replace(graph, objects=objects))


def _refitted_box(obj: SceneObject) -> tuple[int, int, int, int]:
    """A box (xywh, pixels) with the aspect of an object's category and a side of its size, at the old centre."""
    x, y, w, h = obj.xywh
    low, high = SIZES[next(a for a in obj.attributes if a in SIZES)]
    # The geometric mean of the sides is the size; it stays unless the object's size was edited.
    side = (w * h) ** 0.5
    if not low - _SIZE_TOLERANCE <= side <= high + _SIZE_TOLERANCE:
        side = (low + high) / 2
    new_w, new_h = round(side * ASPECTS[obj.name] ** 0.5), round(side / ASPECTS[obj.name] ** 0.5)
    return round(x + w / 2 - new_w / 2), round(y + h / 2 - new_h / 2), new_w, new_h


def _touch(a: SceneObject, b: SceneObject) -> bool:
    ax, ay, aw, ah = a.xywh
    bx, by, bw, bh = b.xywh
    return ax < bx + bw and bx < ax + aw and ay < by + bh and by < ay + ah


def draw_edit(edit: ImageEdit) -> Image.Image:
    """The pixels of a negative image: the flipped original, or the edited scene drawn again."""
    if edit.type == "flip":
        # Flipped pixels, as for a photograph: drawing the mirrored graph would give another image (a fish swims left).
        return ImageOps.mirror(draw_scene(edit.positive.graph))
    return draw_scene(edit.graph)
