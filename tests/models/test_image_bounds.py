"""The bounds of images in the processors of models that run here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from transformers import Glm4vImageProcessor, GotOcr2ImageProcessor, Qwen2VLImageProcessor

from finecops.config.budget import with_visual_tokens
from finecops.config.find import load_mllm
from finecops.errors import ModelError
from finecops.images import read_picture
from finecops.models.backends import load_mllm_model
from finecops.models.image_bounds import bound_images
from finecops.models.protocols import Query, QueryGroup
from finecops.models.transformers_mllm import ImagePrompt


@pytest.mark.parametrize(("tokens", "square"), [(1, 1), (9, 9), (16, 16), (30, 25), (65_536, 65_536)])
def test_a_processor_keeps_to_the_budget(tokens: int, square: int) -> None:
    processor: Any = Qwen2VLImageProcessor(size={"shortest_edge": 19_600, "longest_edge": 19_600})
    bound_images(with_visual_tokens(load_mllm("qwen2-vl-7b"), tokens), processor)
    side = 28 * 300
    assert processor.get_number_of_image_patches(side, side) // 4 == square


@pytest.mark.parametrize(
    ("processor", "changes", "said"),
    [
        # GLM's budget counts every image twice, as two frames.
        (Glm4vImageProcessor, {}, "a square image has"),
        (GotOcr2ImageProcessor, {}, "no budget of visual tokens"),
        (Qwen2VLImageProcessor, {"resize_factor": 32}, "a visual token is 28 pixels wide, and `resize_factor` is 32"),
    ],
)
def test_another_kind_of_processor_is_refused(processor: Any, changes: dict[str, int], said: str) -> None:
    config = with_visual_tokens(load_mllm("qwen2-vl-7b"), 16).model_copy(update=changes)
    with pytest.raises(ModelError, match=said):
        bound_images(config, processor())


def test_the_mini_mllm_sees_fewer_tokens_and_boxes_stay_in_pixels_of_the_image() -> None:
    image = read_picture(min(Path("data/finecops-mini/images").glob("test_*.png")))
    model: Any = load_mllm_model(with_visual_tokens(load_mllm("mini-qwen2vl"), 9), "cpu")
    prompts = [ImagePrompt(0, image.pixels, "x")]
    assert model._inputs(prompts, model.texts(prompts))["image_grid_thw"].tolist() == [[1, 6, 6]]
    ((reply,),) = model.ground([QueryGroup(image, (Query("the car"),))])
    assert reply.text.startswith("<|box_start|>(")
