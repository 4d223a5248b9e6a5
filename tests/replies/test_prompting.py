"""What is sent to the models, word for word as the published scripts send it."""

from __future__ import annotations

import pytest

from finecops.config.find import load_mllm
from finecops.replies.prompting import prompt_text

TRUCK = "The white truck next to the brick building."


@pytest.mark.parametrize(
    ("model", "target", "prompt"),
    [
        ("qwen2-vl-7b", None, f"Output the bounding box of {TRUCK} in the image."),
        (
            "qwen2-vl-7b",
            "the white truck",
            f"Output the bounding box of {TRUCK} in the image. Please focus on the white truck.",
        ),
        (
            "qwen2.5-vl-7b",
            None,
            f"Locate {TRUCK} in this image and output the bbox coordinates in JSON format.",
        ),
        (
            "qwen3-vl-8b",
            "the white truck",
            f'Locate every object that matches the description "{TRUCK}" in the image. '
            "Report bbox coordinates in JSON format. please focus on the white truck.",
        ),
        (
            "cogvlm",
            "the white truck",
            f"Where is {TRUCK}? answer in [[x0,y0,x1,y1]] format. please focus on the white truck.",
        ),
        ("florence-2-large", "the white truck", f"<CAPTION_TO_PHRASE_GROUNDING>{TRUCK}"),
    ],
)
def test_a_prompt_is_the_published_one(model: str, target: str | None, prompt: str) -> None:
    assert prompt_text(load_mllm(model), TRUCK, target) == prompt
