"""The relations of a scene, computed from boxes, categories and the order of drawing.

A graph is complete: what it does not say is false. What people would not agree on is marked as unsure
(`finecops.construction.truth.relations.UNSURE`): it is neither said nor denied.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from math import hypot
from typing import Final, Literal

from finecops.construction.graph import Relation, SceneGraph, SceneObject
from finecops.construction.truth.boxes import MARGIN
from finecops.construction.truth.relations import UNSURE
from finecops.mini.world.catalogue import CONTAINERS, IMAGE_SIZE, SURFACES

NEAR: Final = 10
"""Two objects are near each other up to this distance of their boxes in pixels."""

NOT_NEAR: Final = 20
"""They are not from this distance on; between the two it is unsure."""

COVERS: Final = 0.15
"""A thing stands in front of another one if at least this share of the smaller of their boxes is shared."""

SIDE_GAP: Final = MARGIN * IMAGE_SIZE
"""Two objects are beside each other, or one above the other, if their centres are so far apart on the axis, in pixels,
and neither centre lies within the other's box on this axis."""

TOP: Final = (0.04, 0.32)
"""What stands on a surface has its lower side between these shares of the surface's height."""

Contact = Literal["on", "in", "covers", "unsure"]
Xywh = tuple[float, float, float, float]


def relate(graph: SceneGraph) -> SceneGraph:
    """The same scene with its relations, whatever they were."""
    objects = list(graph.objects.values())
    found: dict[str, list[Relation]] = {obj.id: [] for obj in objects}
    for below, above in combinations(objects, 2):
        for head, name, tail in (*_contact(below, above), *_sides(below, above), *_near(below, above)):
            found[head.id].append(Relation(name, tail.id))
    related = {obj.id: replace(obj, relations=tuple(found[obj.id])) for obj in objects}
    return replace(graph, objects=related)


_Edges = Sequence[tuple[SceneObject, str, SceneObject]]


def contact(below: SceneObject, above: SceneObject) -> Contact | None:
    """How two things touch, of which `above` is drawn later; None: their boxes have nothing in common."""
    shared = shared_area(below.xywh, above.xywh)
    if not shared:
        return None
    if below.name in SURFACES and stands_on(above.xywh, below.xywh):
        return "on"
    if below.name in CONTAINERS and lies_in(above.xywh, below.xywh):
        return "in"
    least = min(below.xywh[2] * below.xywh[3], above.xywh[2] * above.xywh[3])
    return "covers" if shared >= COVERS * least else "unsure"


def _contact(below: SceneObject, above: SceneObject) -> _Edges:
    kind = contact(below, above)
    if kind is None:
        return []
    sure = "" if kind == "covers" else UNSURE
    edges = [(above, f"{sure}in front of", below), (below, f"{sure}behind", above)]
    return [(above, kind, below), *edges] if kind in ("on", "in") else edges


def _near(a: SceneObject, b: SceneObject) -> _Edges:
    gap = distance(a.xywh, b.xywh)
    if gap >= NOT_NEAR:
        return []
    # Of what touches nobody says "near", and it would not be wrong.
    name = "near" if 0 < gap <= NEAR else f"{UNSURE}near"
    return [(a, name, b), (b, name, a)]


def _sides(a: SceneObject, b: SceneObject) -> _Edges:
    edges: list[tuple[SceneObject, str, SceneObject]] = []
    for axis, (before, after) in enumerate((("to the left of", "to the right of"), ("above", "below"))):
        first, second = sorted((a, b), key=lambda obj: _centre(obj.xywh, axis))
        low, high = _centre(first.xywh, axis), _centre(second.xywh, axis)
        outside = low < second.xywh[axis] and high > first.xywh[axis] + first.xywh[axis + 2]
        if outside and high - low >= SIDE_GAP:
            edges += [(first, before, second), (second, after, first)]
    return edges


def _centre(box: Xywh, axis: int) -> float:
    return box[axis] + box[axis + 2] / 2


def shared_area(a: Xywh, b: Xywh) -> float:
    """The area that two boxes have in common."""
    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    return w * h if w > 0 and h > 0 else 0.0


def distance(a: Xywh, b: Xywh) -> float:
    """The distance between two boxes in pixels; 0 where they touch."""
    across = max(a[0] - b[0] - b[2], b[0] - a[0] - a[2], 0.0)
    down = max(a[1] - b[1] - b[3], b[1] - a[1] - a[3], 0.0)
    return hypot(across, down)


def stands_on(box: Xywh, surface: Xywh) -> bool:
    """Whether a box has its lower side on the top of a surface, and its centre above it."""
    x, y, w, h = surface
    bottom = (box[1] + box[3] - y) / h
    return TOP[0] <= bottom <= TOP[1] and x <= box[0] + box[2] / 2 <= x + w


def lies_in(box: Xywh, container: Xywh) -> bool:
    """Whether a box lies in the body of a container, below its handle."""
    x, y, w, h = container
    inside = box[0] >= x and box[0] + box[2] <= x + w
    return inside and box[1] >= y + 0.25 * h and box[1] + box[3] <= y + h
