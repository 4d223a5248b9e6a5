"""Writing and parsing boxes of a configured model."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers.models.qwen2_vl.image_processing_qwen2_vl import smart_resize as theirs

from finecops.config.find import load_mllm
from finecops.replies.box_text import frame_of, parse_boxes, smart_resize, write_box
from finecops.replies.formats.florence import label_before, target_first

sides = st.integers(30, 4000)


@given(width=sides, height=sides, factor=st.sampled_from([28, 32]))
def test_smart_resize_equals_that_of_transformers(width: int, height: int, factor: int) -> None:
    if max(width, height) / min(width, height) > 200:
        return
    bounds = (56 * 56, 1280 * 28 * 28)
    resized = smart_resize((width, height), factor, *bounds)
    assert resized == theirs(height, width, factor, *bounds)[::-1]
    # A resized image is not resized again, so a server does not change it.
    assert smart_resize(resized, factor, *bounds) == resized


def test_boxes_of_the_resized_image_are_converted_to_the_original() -> None:
    config = load_mllm("qwen2.5-vl-7b")
    image_wh = (1000, 500)
    assert frame_of(config, image_wh) == (1008, 504)
    decoded = parse_boxes(config, '```json\n[{"bbox_2d": [504, 126, 1008, 252], "label": "a car"}]\n```', image_wh)
    assert decoded.boxes == (pytest.approx((500.0, 125.0, 1000.0, 250.0)),)
    assert write_box(config, (500.0, 125.0, 1000.0, 250.0), image_wh) == '[{"bbox_2d": [504, 126, 1008, 252]}]'
    # A box outside the resized image is an error, not another convention.
    assert parse_boxes(config, '"bbox_2d": [10, 10, 1500, 90]', image_wh).status == "unparsed"
    assert frame_of(load_mllm("qwen2-vl-7b"), image_wh) == image_wh


CAPTION = (
    "</s><s>A red car<loc_1><loc_2><loc_3><loc_4>the tree<loc_5><loc_6><loc_7><loc_8><loc_9><loc_9><loc_10><loc_11>"
)
STARTS = [CAPTION.index("<loc_1>"), CAPTION.index("<loc_5>"), CAPTION.index("<loc_9>")]


def test_each_box_has_the_phrase_before_it() -> None:
    assert [label_before(CAPTION, start) for start in STARTS] == ["A red car", "the tree", "the tree"]


@pytest.mark.parametrize(("target", "order"), [("tree", [1, 2, 0]), ("the red car", [0, 1, 2]), ("dog", [0, 1, 2])])
def test_the_targets_boxes_come_first(target: str, order: list[int]) -> None:
    assert target_first(CAPTION, STARTS, target) == order
