"""A faster vision tower of Qwen2-VL for training."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from transformers.models.qwen2_vl import modeling_qwen2_vl


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
