"""Box arithmetic. The name of a function carries the format; arrays are `[..., 4]` floats unless it says otherwise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float64]


def xywh_to_xyxy(boxes: Boxes) -> Boxes:
    """Top left corner and size → two corners."""
    return np.concatenate([boxes[..., :2], boxes[..., :2] + boxes[..., 2:]], axis=-1)


def cxcywh_to_xyxy(boxes: Boxes) -> Boxes:
    """Centre and size → two corners."""
    half = boxes[..., 2:] / 2
    return np.concatenate([boxes[..., :2] - half, boxes[..., :2] + half], axis=-1)


def clip_xyxy(boxes: Boxes, image_wh: tuple[int, int]) -> Boxes:
    """Boxes cut to the image, whose size is (width, height) in pixels."""
    limit = np.array([*image_wh, *image_wh], dtype=np.float64)
    return np.clip(boxes, 0, limit)


def iou_xyxy(a: Boxes, b: Boxes) -> Boxes:
    """Intersection over union of two arrays of boxes, pair by pair; the leading axes broadcast.

    It is 0 where a box has no area.

    >>> float(iou_xyxy(np.array([0.0, 0, 2, 2]), np.array([1.0, 0, 3, 2])).round(3))
    0.333
    """
    # Corners of the intersection; a negative side means that the boxes do not meet.
    low, high = np.maximum(a[..., :2], b[..., :2]), np.minimum(a[..., 2:], b[..., 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=-1)
    areas = [np.prod(np.clip(x[..., 2:] - x[..., :2], 0, None), axis=-1) for x in (a, b)]
    union = areas[0] + areas[1] - shared
    result: Boxes = np.divide(shared, union, out=np.zeros_like(union), where=union > 0)
    return result


def nms_xyxy(boxes: Boxes, scores: Boxes, iou_threshold: float) -> NDArray[np.intp]:
    """Greedy non-maximum suppression on `[n, 4]` corners; returns kept indices, best score first.

    A box is removed if its IoU with a better kept one is above the threshold. Equal scores keep their order.
    """
    # A stable sort: the result must not depend on NumPy's choice among equal scores.
    order = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while order.size:
        best, order = int(order[0]), order[1:]
        kept.append(best)
        order = order[iou_xyxy(boxes[order], boxes[best]) <= iou_threshold]
    return np.array(kept, dtype=np.intp)
