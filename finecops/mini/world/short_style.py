"""Short expressions with positions, in the style of RefCOCO: "left red cup", "second tree from the right".

They are proved on the boxes: what is leftmost is so by a clear distance.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from finecops.benchmark_words import POSITION
from finecops.construction.formats import CocoEntry, VanillaRow, coco_entry, write_coco
from finecops.construction.graph import SceneGraph, SceneObject
from finecops.mini.world.catalogue import IMAGE_SIZE

_CLEAR: Final = 20
"""Pixels between the centres of two things on an axis, from which on nobody doubts which is first."""
_THIRD: Final = IMAGE_SIZE / 3
_ENDS: Final = {
    (0, 0): ("{} on left", "left {}", "leftmost {}", "{} far left"),
    (0, -1): ("{} on right", "right {}", "rightmost {}", "{} far right"),
    (1, 0): ("top {}", "{} on top", "upper {}"),
    (1, -1): ("bottom {}", "lower {}", "{} at bottom"),
}
"""Axis and end of the order on it → wordings."""
_SECOND: Final = {(0, 1): "second {} from left", (0, -2): "second {} from right"}
_MIDDLE: Final = ("middle {}", "{} in the middle")


@dataclass(frozen=True)
class ShortSaid:
    """An expression and the object that it fits."""

    text: str
    target: SceneObject
    tuple_type: str


def short_expressions(scene: SceneGraph, rng: random.Random) -> Iterator[ShortSaid]:
    """Expressions about the objects of a scene in a random order, at most one for each; all fit one object alone."""
    objects = list(scene.objects.values())
    rng.shuffle(objects)
    for target in objects:
        said = _about(target, objects, rng)
        if said is not None:
            yield said


def _about(target: SceneObject, objects: Sequence[SceneObject], rng: random.Random) -> ShortSaid | None:
    count = rng.choices((0, 1, 2), (5, 4, 1))[0]
    words = [a for a in target.attributes if a in rng.sample(target.attributes, min(count, len(target.attributes)))]
    # Size before color, as people say it.
    words.sort(key=lambda word: word == target.attributes[0])
    same = [obj for obj in objects if obj.name == target.name and set(words) <= set(obj.attributes)]
    phrase = " ".join([*words, target.name])
    if len(same) == 1:
        corner = _corner(target) if rng.random() < 0.5 else None
        return ShortSaid(f"{phrase} {corner}" if corner else phrase, target, "0_hop")
    places = list(_places(target, same))
    return ShortSaid(rng.choice(places).format(phrase), target, POSITION) if places else None


def _places(target: SceneObject, same: Sequence[SceneObject]) -> Iterator[str]:
    """The wordings of where a thing is among those of its words."""
    for (axis, end), wordings in _ENDS.items():
        order = _ordered(same, axis)
        if order is not None and order[end] is target:
            yield from wordings
    across = _ordered(same, 0)
    if across is None or len(across) < 3:
        return
    for (_, end), wording in _SECOND.items():
        if across[end] is target:
            yield wording
    if len(across) == 3 and across[1] is target:
        yield from _MIDDLE


def _ordered(same: Sequence[SceneObject], axis: int) -> list[SceneObject] | None:
    """Things in their order on an axis; None if any two are too near to tell."""
    order = sorted(same, key=lambda obj: _centre(obj, axis))
    clear = all(_centre(b, axis) - _centre(a, axis) >= _CLEAR for a, b in pairwise(order))
    return order if clear else None


def _corner(obj: SceneObject) -> str | None:
    """A thing's part of the picture, where it is clearly in one."""
    x, y = _centre(obj, 0), _centre(obj, 1)
    across = "left" if x < _THIRD else "right" if x > 2 * _THIRD else None
    down = "top" if y < _THIRD else "bottom" if y > 2 * _THIRD else None
    return f"{down} {across}" if across and down else None


def _centre(obj: SceneObject, axis: int) -> float:
    return obj.xywh[axis] + obj.xywh[axis + 2] / 2


def write_short(
    scenes: Iterable[SceneGraph], folder: Path, split: str, positives: tuple[int, int, int], seed: int = 0
) -> int:
    """Write a split of short expressions in COCO's layout; returns how many there are.

    Args:
        scenes: the first of them are used.
        folder: of the annotation file.
        split: its name.
        positives: most of level 1 (the only thing of its name) and of level 2; there are none of level 3.
        seed: of the expressions.
    """
    left = {1: positives[0], 2: positives[1]}
    entries: list[CocoEntry] = []
    for scene in scenes:
        rng = random.Random(f"{seed}/{scene.image_id}/short")
        names = [obj.name for obj in scene.objects.values()]
        for said in short_expressions(scene, rng):
            level = 1 if names.count(said.target.name) == 1 else 2
            if left[level]:
                left[level] -= 1
                row = _row(said, scene, len(entries) + 1, level)
                entries.append(coco_entry(row, f"{scene.image_id}.png", (scene.width, scene.height), said.target.xywh))
                break
        if not any(left.values()):
            break
    write_coco(folder / f"{split}_expression_all_coco_format.json", entries)
    return len(entries)


def _row(said: ShortSaid, scene: SceneGraph, id_: int, level: int) -> VanillaRow:
    target = said.target
    return {
        "id": id_,
        "image_id": scene.image_id,
        "objects_id": [target.id],
        "tuple": [[target.name, []]],
        "tuple_type": said.tuple_type,
        "spatial": "",
        "attribute": [[]],
        "level": level,
        "expression": said.text,
    }
