"""What the boxes of a graph say about its objects: beside each other, apart, the same thing twice, one in another."""

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
INSIDE: Final = 0.7
"""From this share of its area on, a box lies inside another one: it may be a part of what is there."""


def apart(a: Xywh, b: Xywh) -> float:
    """The gap between two boxes in pixels, along the axis where it is widest; 0 where they touch."""
    return max(a[0] - b[0] - b[2], b[0] - a[0] - a[2], a[1] - b[1] - b[3], b[1] - a[1] - a[3], 0.0)


def iou(a: Xywh, b: Xywh) -> float:
    """Intersection over union of two boxes; 0 where one has no area."""
    shared = _shared(a, b)
    return shared / (a[2] * a[3] + b[2] * b[3] - shared) if shared else 0.0


def inside(a: Xywh, b: Xywh) -> float:
    """The share of the smaller one of two boxes that lies in the other; 0 where one has no area."""
    shared = _shared(a, b)
    return shared / min(a[2] * a[3], b[2] * b[3]) if shared else 0.0


def _shared(a: Xywh, b: Xywh) -> float:
    """The area that two boxes have in common."""
    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    # Sides below 0 occur in broken files: their product would be an area.
    return w * h if w > 0 and h > 0 and min(a[2], a[3], b[2], b[3]) > 0 else 0.0


class Beside:
    """Left and right, or above and below, of the objects of a graph. Sets of objects are bit masks.

    Centres count. One of a group may be anywhere in the group's box, so where something is excluded, of a group the
    border counts: of the "trees" around a house one may be to the left of it.
    """

    def __init__(self, boxes: Sequence[Xywh], groups: int, axis: int, size: float) -> None:
        self._margin = MARGIN * size
        self._centres = [box[axis] + box[axis + 2] / 2 for box in boxes]
        self._low, self._high = self._centres, self._centres
        if groups:
            grouped = [groups >> i & 1 for i in range(len(boxes))]
            self._low = [box[axis] if g else c for box, g, c in zip(boxes, grouped, self._centres, strict=True)]
            self._high = [
                box[axis] + box[axis + 2] if g else c for box, g, c in zip(boxes, grouped, self._centres, strict=True)
            ]

    def clearly(self, head: int, tails: int, before: bool) -> int:
        """Of some tails, those that the head is clearly left of or above (`before`), or right of or below."""
        out, own = 0, self._centres[head]
        for i in range(tails.bit_length()) if tails else ():
            if tails >> i & 1:
                distance = self._centres[i] - own
                out |= ((distance if before else -distance) >= self._margin) << i
        return out

    def excluded(self, head: int, before: bool) -> int:
        """The tails of which the head is clearly on the other side: it cannot be before (behind) them."""
        # Where the tail ends on one side, the head begins on the other, and a margin is between them.
        if before:
            most = self._low[head] - self._margin
            return sum([1 << i for i, high in enumerate(self._high) if high <= most])
        least = self._high[head] + self._margin
        return sum([1 << i for i, low in enumerate(self._low) if low >= least])
