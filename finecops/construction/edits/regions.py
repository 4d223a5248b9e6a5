"""Which boxes of a photograph can be repainted, and what else a mask covers."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Final

from finecops.construction.edits.mask import MaskOptions, grown_box
from finecops.construction.graph import SceneGraph, SceneObject
from finecops.errors import DataError
from finecops.records import Xyxy

OUTSIDE: Final = "the box is not in the image"
TOO_SMALL: Final = "the box is too small to be repainted"
TOO_LARGE: Final = "the box is too large to be repainted"
COVERS: Final = "the mask covers another object of the expression"
OVERLAP: Final = "the two masks overlap"


@dataclass(frozen=True, slots=True)
class RegionOptions:
    """What may be repainted.

    Attributes:
        min_side: the square root of a box's area in pixels is at least this.
        max_share: a mask is at most this share of the image.
        max_covered: a mask covers at most this share of another object that the expression names.
        lost: of an object of which a mask covers this share, nothing is known any more but that it may be there.
        mask: how a mask is made of a box.
    """

    min_side: float = 32.0
    max_share: float = 0.5
    max_covered: float = 0.3
    lost: float = 0.5
    mask: MaskOptions = field(default_factory=MaskOptions)


def xyxy_of(obj: SceneObject) -> Xyxy:
    """The box of an object as left, top, right, bottom."""
    x, y, w, h = obj.xywh
    return (x, y, x + w, y + h)


def region_fault(
    graph: SceneGraph, repainted: Collection[str], named: Iterable[str], options: RegionOptions
) -> str | None:
    """Why these objects cannot be repainted; None: they can.

    Args:
        graph: the image.
        repainted: ids of the objects to repaint.
        named: ids of all objects that the expression names.
        options: what may be repainted.
    """
    masks = []
    # Graphs are not trusted: a box may lie outside of its image.
    for object_id in repainted:
        xyxy = xyxy_of(graph.objects[object_id])
        try:
            mask = grown_box(xyxy, (graph.width, graph.height), options.mask)
        except DataError:
            return OUTSIDE
        if math.sqrt(_area(xyxy)) < options.min_side:
            return TOO_SMALL
        if _area(mask) > options.max_share * graph.width * graph.height:
            return TOO_LARGE
        masks.append(mask)
    # With the cup under the mask of the table, "the cup on the table" would be false for the wrong reason.
    others = [graph.objects[object_id] for object_id in named if object_id not in repainted]
    if any(_covered(xyxy_of(other), mask) > options.max_covered for other in others for mask in masks):
        return COVERS
    # The second editing would paint over the first.
    if any(_covered(a, b) > 0 for i, a in enumerate(masks) for b in masks[i + 1 :]):
        return OVERLAP
    return None


def lost_objects(graph: SceneGraph, repainted: Collection[str], options: RegionOptions) -> set[str]:
    """Ids of the objects, beside the repainted ones, that lie so far under a mask that they may be gone or changed."""
    image_wh = (graph.width, graph.height)
    masks = [grown_box(xyxy_of(graph.objects[object_id]), image_wh, options.mask) for object_id in repainted]
    return {
        obj.id
        for obj in graph.objects.values()
        if obj.id not in repainted and any(_covered(xyxy_of(obj), mask) >= options.lost for mask in masks)
    }


def _area(xyxy: Xyxy) -> float:
    return max(0.0, xyxy[2] - xyxy[0]) * max(0.0, xyxy[3] - xyxy[1])


def _covered(xyxy: Xyxy, mask: Xyxy) -> float:
    """The share of a box that lies under a mask."""
    inside = (max(xyxy[0], mask[0]), max(xyxy[1], mask[1]), min(xyxy[2], mask[2]), min(xyxy[3], mask[3]))
    whole = _area(xyxy)
    return _area(inside) / whole if whole > 0 else 0.0
