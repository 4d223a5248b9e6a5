"""The budget of visual tokens: who has one, what it changes, and who is refused."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from finecops.config.budget import with_visual_tokens
from finecops.config.find import load_mllm
from finecops.config.fingerprint import model_settings
from finecops.config.schema import MllmConfig
from finecops.errors import UsageError
from finecops.replies.box_text import frame_of, parse_boxes, seen_size, write_box

BOX = (32.0, 24.0, 320.0, 240.0)


@pytest.mark.parametrize(
    ("name", "tokens", "said"),
    [
        ("internvl3-8b", 16, "internvl3-8b is not one of them"),
        ("glm-4.1v-9b", 16, "glm-4.1v-9b is not one of them"),
        ("cogvlm", 16, "cogvlm is not one of them"),
        ("shikra-7b", 16, "shikra-7b is not one of them"),
        ("qwen2-vl-7b-server", 3, "the server makes images larger that are below `min_pixels`: `visual_tokens` is at"),
        ("qwen3-vl-8b-server", 63, "at least 64"),
    ],
)
def test_models_without_such_a_budget_are_refused(name: str, tokens: int, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        with_visual_tokens(load_mllm(name), tokens)
    assert "--visual-tokens" in str(caught.value)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"resize_factor": None}, "needs `resize_factor`"),
        ({"max_pixels": 10_000}, "give one of them"),
        ({"backend": "worker", "command": ["x.py"]}, "no other one resizes images"),
        ({"backend": "openai"}, "behind a server needs `min_pixels`"),
        ({"visual_tokens": 0}, "greater than or equal to 1"),
    ],
)
def test_a_file_with_a_useless_budget_is_refused(changes: dict[str, Any], said: str) -> None:
    given = load_mllm("qwen2-vl-7b").model_dump() | {"visual_tokens": 16} | changes
    with pytest.raises(ValidationError, match=said):
        MllmConfig.model_validate(given)


@pytest.mark.parametrize("name", ["qwen2.5-vl-7b", "qwen2.5-vl-7b-server", "qwen2-vl-7b", "qwen3-vl-8b"])
@pytest.mark.parametrize("tokens", [4, 100, 300])
def test_boxes_are_in_pixels_of_the_original_image_whatever_the_model_sees(name: str, tokens: int) -> None:
    config = with_visual_tokens(load_mllm(name), tokens)
    seen, factor = seen_size(config, (640, 480)), config.resize_factor or 0
    assert seen[0] * seen[1] <= tokens * factor**2
    assert frame_of(config, (640, 480)) in (seen, (640, 480))
    answer = parse_boxes(config, write_box(config, BOX, (640, 480)), (640, 480))
    # Coordinates are rounded to a pixel of the image that the model sees, or to a thousandth.
    step = max(640 / seen[0], 480 / seen[1], 1.0)
    assert answer.boxes[0] == pytest.approx(BOX, abs=step)


def test_a_budget_changes_the_fingerprint_and_what_nothing_reads_does_not() -> None:
    plain = load_mllm("qwen2-vl-7b-server")
    # Files of an older finecops had no such settings, and a run of theirs goes on.
    assert not {"resize_factor", "min_pixels"} & model_settings(plain).keys()
    found = model_settings(with_visual_tokens(plain, 64))
    assert (found["visual_tokens"], found["resize_factor"], found["name"]) == (64, 28, "qwen2-vl-7b-server-64tokens")
    assert with_visual_tokens(plain, None) is plain


def test_a_budget_below_the_smallest_area_lowers_it() -> None:
    assert with_visual_tokens(load_mllm("qwen2.5-vl-7b"), 2).pixel_bounds == (2 * 784, 2 * 784)
    assert with_visual_tokens(load_mllm("qwen2.5-vl-7b"), 100).pixel_bounds == (3136, 78_400)
    assert load_mllm("qwen2-vl-7b").pixel_bounds == (None, None)
