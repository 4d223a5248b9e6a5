"""Box arithmetic: tables, and properties over random boxes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finecops.boxes import cxcywh_to_xyxy, iou_xyxy, nms_xyxy, xywh_to_xyxy

side = st.floats(min_value=0, max_value=1000, allow_nan=False)
boxes = st.lists(st.tuples(side, side, side, side), min_size=1, max_size=12).map(
    lambda rows: xywh_to_xyxy(np.array(rows))
)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ([0, 0, 2, 2], [1, 0, 3, 2], 1 / 3),
        ([0, 0, 2, 2], [0, 0, 2, 2], 1.0),
        ([0, 0, 2, 2], [2, 0, 4, 2], 0.0),  # they touch
        ([0, 0, 0, 0], [0, 0, 0, 0], 0.0),  # no area
        ([3, 3, 1, 1], [0, 0, 4, 4], 0.0),  # corners the wrong way round
        # Disjoint neighbours, whose IoU would be 0.735 if these corners were read as x, y, w, h.
        ([500, 500, 560, 560], [560, 500, 620, 560], 0.0),
    ],
)
def test_iou(a: list[float], b: list[float], expected: float) -> None:
    assert iou_xyxy(np.array(a, float), np.array(b, float)) == pytest.approx(expected)


def test_nms_works_on_corners() -> None:
    neighbours = np.array([[500.0, 500, 560, 560], [560, 500, 620, 560]])
    assert nms_xyxy(neighbours, np.array([0.9, 0.8]), 0.7).tolist() == [0, 1]


@given(boxes, st.floats(0.1, 1.0))
def test_nms_keeps_the_best_and_nothing_that_overlaps(found: np.ndarray, threshold: float) -> None:
    scores = np.linspace(0, 1, len(found))
    kept = nms_xyxy(found, scores, threshold)
    assert kept[0] == len(found) - 1
    assert sorted(scores[kept], reverse=True) == list(scores[kept])
    for i, a in enumerate(kept):
        for b in kept[i + 1 :]:
            assert iou_xyxy(found[a], found[b]) <= threshold
    for gone in set(range(len(found))) - set(kept.tolist()):
        assert any(iou_xyxy(found[gone], found[k]) > threshold and scores[k] > scores[gone] for k in kept)


@given(boxes)
def test_conversions_agree(found: np.ndarray) -> None:
    corner_and_size = np.concatenate([found[:, :2], found[:, 2:] - found[:, :2]], axis=1)
    centre_and_size = np.concatenate([(found[:, :2] + found[:, 2:]) / 2, found[:, 2:] - found[:, :2]], axis=1)
    assert np.allclose(xywh_to_xyxy(corner_and_size), found)
    assert np.allclose(cxcywh_to_xyxy(centre_and_size), found)
