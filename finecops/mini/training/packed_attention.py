"""The mini MLLM on packed questions: an attention in which the questions of one image do not see one another."""

from __future__ import annotations

import torch
from torch import nn
from transformers import AttentionInterface, Qwen2VLForConditionalGeneration

from finecops.mini.training.packing import PackedQuestions

QUESTION_ATTENTION = "question_attention"
"""The name for `set_attn_implementation`."""


def question_attention(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    question_tokens: torch.Tensor,
    result_rows: torch.Tensor,
    prefix_length: int,
    scaling: float,
    **kwargs: object,
) -> tuple[torch.Tensor, None]:
    """Attention over packed questions: the prefix sees itself; each question sees the prefix and itself.

    A mask over the whole sequence would do the same. It took a third of the training's time, most of it for pairs of
    questions that are masked.

    Args:
        module: the attention layer; not used, as is `attention_mask`. Both belong to the interface of transformers.
        query: `[n, heads, length, width]`, as are `key` and `value`.
        question_tokens, result_rows, prefix_length: see `PackedQuestions`.
        scaling: factor of the scores.

    Returns:
        The mixed values `[n, length, heads, width]`, and no attention weights.
    """
    n, heads, length, width = query.shape
    questions, longest = question_tokens.shape
    with torch.autocast("cpu", enabled=False):
        q, k, v = (t.float().transpose(1, 2) for t in (query, key, value))
        prefix_q, prefix_k, prefix_v = (t[:, :prefix_length].transpose(1, 2) for t in (q, k, v))
        prefix_mixed = _attend(prefix_q, prefix_k, prefix_v, scaling)
        # Questions become the batch: [q, longest, heads, width], cut out of the flat sequences.
        own_q, own_k, own_v = (
            t.reshape(n * length, heads * width)[question_tokens.flatten()]
            .reshape(questions, longest, heads, width)
            .transpose(1, 2)
            for t in (q, k, v)
        )
        # Every question gets a copy of its own image's prefix in front of its keys and values.
        keys, values = (
            torch.cat([prefix.repeat_interleave(questions // n, 0), own], dim=2)
            for prefix, own in ((prefix_k, own_k), (prefix_v, own_v))
        )
        own_mixed = _attend(own_q, keys, values, scaling)
        results = [t.transpose(1, 2).reshape(-1, heads * width) for t in (prefix_mixed, own_mixed)]
        return torch.cat(results)[result_rows].reshape(n, length, heads, width), None


def _attend(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scaling: float) -> torch.Tensor:
    """Causal attention; the queries are the last tokens of the keys."""
    # Written out: the fused kernel's backward pass is several times as slow on short sequences on a CPU.
    rows, columns = query.shape[2], key.shape[2]
    # Query i is token columns - rows + i, so keys from the next one on are hidden from it.
    hidden = torch.ones(rows, columns, dtype=torch.bool).triu(columns - rows + 1)
    scores = (query * scaling) @ key.transpose(2, 3)
    return scores.masked_fill(hidden, -torch.inf).softmax(-1) @ value


AttentionInterface.register(QUESTION_ATTENTION, question_attention)


def packed_hidden(
    model: Qwen2VLForConditionalGeneration, packed: PackedQuestions, pixels: torch.Tensor, grid: torch.Tensor
) -> torch.Tensor:
    """Last hidden states `[n * length, hidden]` of packed questions.

    The attention of the language model must be `QUESTION_ATTENTION` (`set_attn_implementation`).
    """
    core = model.model
    embeds = core.language_model.embed_tokens(packed.input_ids)
    seen = core.visual(pixels, grid_thw=grid).pooler_output.to(embeds.dtype)
    # The image tokens are in the order of the images, as are the rows: one scatter places them all.
    image = (packed.input_ids == model.config.image_token_id).unsqueeze(-1).expand_as(embeds)
    embeds = embeds.masked_scatter(image, seen)
    states: torch.Tensor = core.language_model(
        inputs_embeds=embeds,
        position_ids=packed.position_ids,
        # A dictionary keeps the library from making a mask of its own.
        attention_mask={"full_attention": None},
        use_cache=False,
        question_tokens=packed.question_tokens,
        result_rows=packed.result_rows,
        prefix_length=packed.prefix_length,
    ).last_hidden_state
    return states.flatten(0, 1)
