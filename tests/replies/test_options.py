"""Multiple-choice questions: the order of the options and their text."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from PIL import Image

from finecops.config.find import load_mllm
from finecops.replies.options import box_as_option, make_options, option_order
from finecops.stages.marks import draw_marks

QWEN = load_mllm("qwen2-vl-7b")
MINI = load_mllm("mini-qwen2vl")
BOXES = ((0.0, 0.0, 320.0, 240.0), (64.0, 48.0, 128.0, 96.0))


def test_the_question_has_the_papers_wording() -> None:
    options = make_options(QWEN, "The red car.", BOXES, (640, 480), option_order(2, True, "rank", "x"))
    assert options.prompt == (
        "Given a referring expression, select the best-matching bounding box from the options below. "
        "Referring expression: The red car.\n"
        "A. (0,0),(500,500)\nB. (100,100),(200,200)\nC. None\n"
        "Answer with the option's letter from the given choices directly."
        " If no suitable option exists, please select the option corresponding to 'None'."
    )
    assert options.none_letter == "C"


def test_without_none_there_is_no_sentence_about_it() -> None:
    options = make_options(QWEN, "the red car", BOXES, (640, 480), option_order(2, False, "rank", "x"))
    assert "None" not in options.prompt
    assert options.none_letter is None


def test_marks_are_numbered_in_option_order_without_none() -> None:
    options = make_options(QWEN, "x", BOXES, (640, 480), (1, -1, 0), show="both")
    assert "A. mark 1 (100,100),(200,200)\nB. None\nC. mark 2 (0,0),(500,500)" in options.prompt


def test_options_can_be_coarser_than_the_box_format() -> None:
    assert box_as_option(MINI, (33.0, 47.0, 70.0, 99.0), (140, 140)) == "<|box_start|>(240,340),(500,710)<|box_end|>"


def test_shuffled_orders_are_seeded_and_include_none() -> None:
    assert option_order(4, True, "shuffle", "a") == option_order(4, True, "shuffle", "a")
    assert option_order(3, True, "rank", "a") == (0, 1, 2, -1)
    positions = Counter(option_order(4, True, "shuffle", str(i)).index(-1) for i in range(2000))
    assert min(positions.values()) > 330  # 400 each on average
    for i in range(50):
        assert sorted(option_order(4, True, "shuffle", str(i))) == [-1, 0, 1, 2, 3]


def test_more_options_than_letters_is_an_error() -> None:
    with pytest.raises(ValueError, match="27 options"):
        make_options(QWEN, "x", [BOXES[0]] * 26, (640, 480), option_order(26, True, "rank", "x"))


@pytest.mark.parametrize("size", [(40, 30), (140, 140), (640, 480), (2000, 1500)])
def test_marks_are_inside_the_image_and_drawn_on_a_copy(size: tuple[int, int]) -> None:
    image = Image.new("RGB", size, "white")
    w, h = size
    boxes = [(0.0, 0.0, w / 2, h / 2), (w / 2, h / 2, float(w), float(h)), (0.0, 0.0, w / 2, h / 2)]
    marked = draw_marks(image, boxes)
    assert marked.size == size
    assert np.asarray(image).min() == 255
    changed = (np.asarray(marked) != 255).any(axis=2)
    assert changed.any()
    # A mark's label is at least as high as its number, however small the image is.
    assert changed.any(axis=1).sum() >= 9
