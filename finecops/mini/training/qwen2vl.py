"""The mini MLLM: a Qwen2-VL of two million parameters, its patches, and a faster vision tower for training."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn
from transformers import Qwen2VLConfig
from transformers.models.qwen2_vl import modeling_qwen2_vl

from finecops.mini.world.catalogue import IMAGE_SIZE

PATCH, MERGE = 14, 2
GRID = IMAGE_SIZE // PATCH
"""Patches per side of an image."""
IMAGE_TOKENS = (GRID // MERGE) ** 2
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
            "intermediate_size": 256,
            "num_hidden_layers": 5,
            "num_attention_heads": 4,
            "num_key_value_heads": 4,
            "max_position_embeddings": 2048,
            "rope_parameters": {"rope_type": "default", "rope_theta": 10_000.0, "mrope_section": [4, 6, 6]},
            "bos_token_id": None,
            "eos_token_id": special_ids["<|im_end|>"],
            "pad_token_id": special_ids["<|endoftext|>"],
        },
        vision_config={
            "depth": 4,
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


def patchify(images: list[Image.Image]) -> tuple[torch.Tensor, torch.Tensor]:
    """Images of the mini world → (`pixel_values [n*100, 1176]`, `image_grid_thw [n, 3]`).

    The same numbers as `Qwen2VLImageProcessor` gives for images of this size, without its overhead.
    """
    array = np.stack([np.asarray(image, dtype=np.float32) for image in images]) / 255
    array = (array - _MEAN) / _STD
    n, half = len(images), GRID // MERGE
    # Rows and columns are split into (merged cell, patch in the cell, pixel), then reordered: the four patches of a
    # merged cell follow one another, and each patch is channel, row, column.
    array = array.reshape(n, half, MERGE, PATCH, half, MERGE, PATCH, 3).transpose(0, 1, 4, 2, 5, 7, 3, 6)
    # Qwen2-VL sees an image as a film of two equal frames (temporal patch size 2).
    array = np.repeat(array.reshape(n * GRID * GRID, 3, 1, PATCH * PATCH), 2, axis=2)
    pixels = torch.from_numpy(np.ascontiguousarray(array.reshape(n * GRID * GRID, -1)))
    return pixels, torch.tensor([[1, GRID, GRID]] * n)


@contextmanager
def fast_vision() -> Iterator[None]:
    """While active, the vision tower treats a batch of equally large images as one batched call.

    The library loops over the images in attention and embeds patches by a convolution. With images of 100 patches this
    takes most of the time in training. The numbers are the same. Attention stays in 32 bit under autocast: its backward
    pass in bfloat16 is several times as slow on a CPU.
    """
    attention, embed = modeling_qwen2_vl.VisionAttention, modeling_qwen2_vl.PatchEmbed
    originals = attention.forward, embed.forward
    attention.forward, embed.forward = _batched_attention, _linear_embed
    try:
        yield
    finally:
        attention.forward, embed.forward = originals


def _batched_attention(
    self: Any,
    hidden_states: torch.Tensor,
    cu_seqlens: torch.Tensor,
    position_embeddings: tuple[torch.Tensor, torch.Tensor],
    **kwargs: object,
) -> torch.Tensor:
    # All images have the same number of patches, so the flat sequence can be cut into a batch.
    total, images = hidden_states.shape[0], cu_seqlens.shape[0] - 1
    q, k, v = self.qkv(hidden_states).float().reshape(total, 3, self.num_heads, -1).unbind(1)
    q, k = modeling_qwen2_vl.apply_rotary_pos_emb_vision(q, k, *position_embeddings)
    q, k, v = (t.reshape(images, total // images, self.num_heads, -1).transpose(1, 2) for t in (q, k, v))
    with torch.autocast("cpu", enabled=False):
        mixed = nn.functional.scaled_dot_product_attention(q, k, v, scale=self.scaling)
    result: torch.Tensor = self.proj(mixed.transpose(1, 2).reshape(total, -1))
    return result


def _linear_embed(self: Any, hidden_states: torch.Tensor) -> torch.Tensor:
    # A convolution whose kernel is as large as its input is a matrix product.
    return nn.functional.linear(hidden_states, self.proj.weight.flatten(1))
