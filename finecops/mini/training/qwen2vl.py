"""The mini MLLM: a Qwen2-VL of 2.4 million parameters, its patches at a budget of visual tokens."""

from __future__ import annotations

import random
from typing import Final

import numpy as np
import torch
from PIL import Image
from transformers import Qwen2VLConfig

PATCH: Final = 14
MERGE: Final = 2
CELL: Final = PATCH * MERGE
"""Pixels of the resized image that one visual token stands for, on each axis."""

BUDGETS: Final = {9: 0.1, 16: 0.3, 25: 0.4, 36: 0.2}
"""Visual tokens of an image in training → how often."""

FIRST_BUDGET: Final = 25
"""That of the first steps of the language stage, in which grounding starts."""

DEFAULT_BUDGET: Final = 36
"""Visual tokens of an image where nothing else is asked for; chosen on val (docs/mini_log.md)."""

# Those of CLIP, which Qwen2-VL's image processor uses.
_MEAN = np.array([0.48145466, 0.4578275, 0.40821073], dtype=np.float32)
_STD = np.array([0.26862954, 0.26130258, 0.27577711], dtype=np.float32)


def mini_config(vocab_size: int, special_ids: dict[str, int]) -> Qwen2VLConfig:
    """The mini model's shape. Heads are 32 wide, a size that the CPU kernels of vLLM have.

    Args:
        vocab_size: of its tokenizer.
        special_ids: token → id for the image, video, vision start and end, end of turn and padding tokens.
    """
    return Qwen2VLConfig(
        text_config={
            "vocab_size": vocab_size,
            "hidden_size": 128,
            "intermediate_size": 320,
            "num_hidden_layers": 6,
            "num_attention_heads": 4,
            "num_key_value_heads": 4,
            "max_position_embeddings": 2048,
            "rope_parameters": {"rope_type": "default", "rope_theta": 10_000.0, "mrope_section": [4, 6, 6]},
            "bos_token_id": None,
            "eos_token_id": special_ids["<|im_end|>"],
            "pad_token_id": special_ids["<|endoftext|>"],
        },
        vision_config={
            "depth": 5,
            "embed_dim": 128,
            "hidden_size": 128,
            "num_heads": 4,
            "mlp_ratio": 2,
            "patch_size": PATCH,
            "spatial_merge_size": MERGE,
            "temporal_patch_size": 2,
        },
        image_token_id=special_ids["<|image_pad|>"],
        video_token_id=special_ids["<|video_pad|>"],
        vision_start_token_id=special_ids["<|vision_start|>"],
        vision_end_token_id=special_ids["<|vision_end|>"],
        tie_word_embeddings=True,
    )


def budget_of(step: int) -> int:
    """The visual tokens of all images of a training step."""
    return random.Random(f"budget/{step}").choices(list(BUDGETS), list(BUDGETS.values()))[0]


def patchify(images: list[Image.Image], tokens: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Square images → (`pixel_values [n * 4 * tokens, 1176]`, `image_grid_thw [n, 3]`).

    About the same numbers as `Qwen2VLImageProcessor` gives at this budget (bicubic reduction), without its overhead.

    Args:
        images: of one size.
        tokens: visual tokens of each image, a square number.
    """
    side = round(tokens**0.5)
    pixels = side * CELL
    small = [image.resize((pixels, pixels), Image.Resampling.BICUBIC) for image in images]
    array = np.stack([np.asarray(image, dtype=np.float32) for image in small]) / 255
    array = (array - _MEAN) / _STD
    n, grid = len(images), side * MERGE
    # Rows and columns are split into (merged cell, patch in the cell, pixel), then reordered: the four patches of a
    # merged cell follow one another, and each patch is channel, row, column.
    array = array.reshape(n, side, MERGE, PATCH, side, MERGE, PATCH, 3).transpose(0, 1, 4, 2, 5, 7, 3, 6)
    # Qwen2-VL sees an image as a film of two equal frames (temporal patch size 2).
    array = np.repeat(array.reshape(n * grid * grid, 3, 1, PATCH * PATCH), 2, axis=2)
    values = torch.from_numpy(np.ascontiguousarray(array.reshape(n * grid * grid, -1)))
    return values, torch.tensor([[1, grid, grid]] * n)
