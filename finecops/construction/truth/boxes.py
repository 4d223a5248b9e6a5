"""What the boxes of a graph say about its objects: beside each other, apart, the same thing twice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

Xywh = tuple[float, float, float, float]

MARGIN: Final = 1 / 8
"""Centres that are nearer, as a share of the image's width, are neither left nor right of each other for sure."""
TOUCHING: Final = 0.05
"""Boxes that are further apart, as a share of the image's longer side, do not touch. Annotated boxes are not exact."""
SAME_THING: Final = 0.7
"""From this IoU on, two boxes may be on one thing."""


def centres(boxes: Sequence[Xywh]) -> list[tuple[float, float]]:
    """The centres of boxes."""
    return [(x + w / 2, y + h / 2) for x, y, w, h in boxes]


def apart(a: Xywh, b: Xywh) -> float:
    """The gap between two boxes in pixels, along the axis where it is widest; 0 where they touch."""
    return max(a[0] - b[0] - b[2], b[0] - a[0] - a[2], a[1] - b[1] - b[3], b[1] - a[1] - a[3], 0.0)


def iou(a: Xywh, b: Xywh) -> float:
    """Intersection over union of two boxes."""
    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if w <= 0 or h <= 0:
        return 0.0
    return w * h / (a[2] * a[3] + b[2] * b[3] - w * h)
