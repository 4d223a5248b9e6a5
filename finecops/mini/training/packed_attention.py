"""The mini MLLM on packed questions: an attention in which the questions of one image do not see one another."""

from __future__ import annotations

from typing import Final, cast

import torch
from torch import nn
from torch.nn import functional as F
from transformers import AttentionInterface, Qwen2VLForConditionalGeneration

from finecops.mini.training.packing import PackedQuestions, QuestionGroup

QUESTION_ATTENTION = "question_attention"
"""The name for `set_attn_implementation`."""

_POINTING_LAYER, _OPTION_LAYER = 3, 4
_POINTING_HEADS: Final = 2
"""How many heads of these layers are shown where the object of a question is, and which option is the right one."""


class Pointing:
    """Where some heads should look while a box or a letter is written.

    Those of one layer at the visual token with the centre of the object, those of the next at the end of the right
    option. A small model does not find out by itself, in a training of hours, that words are to be compared with what
    is seen, and a box with what is listed.

    Attributes:
        losses: after a forward pass, cross-entropies of the heads' attention over the visual tokens (`pointing`) and
            over the tokens of the question (`choosing`), as far as there are such answers.
    """

    def __init__(self, packed: PackedQuestions, first_image: int, tokens: int) -> None:
        self.packed, self.first, self.tokens = packed, first_image, tokens
        # Hundredths of the image's sides → row and column of the square of visual tokens.
        side = round(tokens**0.5)
        x1, y1, x2, y2 = packed.looks.unbind(-1)
        column, row = (((low + high) / 200 * side).long().clamp(0, side - 1) for low, high in ((x1, x2), (y1, y2)))
        self.cells = row * side + column
        self.losses: dict[str, torch.Tensor] = {}

    def look(self, layer: int, query: torch.Tensor, key: torch.Tensor, scaling: float) -> None:
        """Measure the loss of a layer; `query` and `key` are `[n, length, heads, width]`."""
        if layer == _POINTING_LAYER and len(self.packed.look_at):
            at = self.packed.look_at
            seen = key[at // query.shape[1], self.first : self.first + self.tokens, :_POINTING_HEADS]
            self.losses["pointing"] = _looking(query, at, seen, scaling, self.cells)
        if layer == _OPTION_LAYER and len(self.packed.option_at):
            at = self.packed.option_at
            own = self.packed.option_tokens
            # The question's tokens up to the one that asks; behind its end its last one is repeated.
            keys = key.flatten(0, 1)[:, :_POINTING_HEADS][own]
            self.losses["choosing"] = _looking(query, at, keys, scaling, self.packed.options, own <= at.unsqueeze(1))


def _looking(
    query: torch.Tensor,
    at: torch.Tensor,
    keys: torch.Tensor,
    scaling: float,
    wanted: torch.Tensor,
    among: torch.Tensor | None = None,
) -> torch.Tensor:
    """Cross-entropy of the attention from `at` over `keys [m, t, 2, width]`, which should be on the `wanted` one.

    Args:
        query: `[n, length, heads, width]`.
        at: flat indices of `m` tokens.
        keys: what each of them sees, of the heads that are shown something.
        scaling: factor of the scores.
        wanted: `[m]`, indices of keys.
        among: `[m, t]`, which keys count; None: all.
    """
    asked = query.flatten(0, 1)[at, :_POINTING_HEADS] * scaling
    scores = torch.einsum("bhd,bthd->bth", asked, keys)
    if among is not None:
        scores = scores.masked_fill(~among.unsqueeze(-1), -torch.inf)
    return F.cross_entropy(scores, wanted.unsqueeze(1).expand(-1, _POINTING_HEADS))


def question_attention(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    groups: tuple[QuestionGroup, ...],
    result_rows: torch.Tensor,
    prefix_length: int,
    scaling: float,
    pointing: Pointing | None = None,
    **kwargs: object,
) -> tuple[torch.Tensor, None]:
    """Attention over packed questions: the prefix sees itself; each question sees the prefix and itself.

    A mask over the whole sequence would do the same. It took a third of the training's time, most of it for pairs of
    questions that are masked.

    Args:
        module: the attention layer.
        attention_mask: not used; it belongs to the interface of transformers.
        query: `[n, heads, length, width]`, as are `key` and `value`.
        groups, result_rows, prefix_length: see `PackedQuestions`.
        scaling: factor of the scores.
        pointing: measures where some heads of a layer look.

    Returns:
        The mixed values `[n, length, heads, width]`, and no attention weights.
    """
    n, heads, length, width = query.shape
    with torch.autocast("cpu", enabled=False):
        q, k, v = (t.float().transpose(1, 2) for t in (query, key, value))
        if pointing is not None:
            pointing.look(cast(int, module.layer_idx), q, k, scaling)
        prefix_q, prefix_k, prefix_v = (t[:, :prefix_length].transpose(1, 2) for t in (q, k, v))
        prefix_mixed = _attend(prefix_q, prefix_k, prefix_v, scaling)
        flat = [t.reshape(n * length, heads * width) for t in (q, k, v)]
        mixed = [prefix_mixed]
        for group in groups:
            # Questions become the batch: [q, longest, heads, width], cut out of the flat sequences.
            own_q, own_k, own_v = (
                t[group.tokens.flatten()].reshape(*group.tokens.shape, heads, width).transpose(1, 2) for t in flat
            )
            # Every question gets a copy of its own image's prefix in front of its keys and values.
            keys, values = (
                torch.cat([prefix[group.images], own], dim=2) for prefix, own in ((prefix_k, own_k), (prefix_v, own_v))
            )
            mixed.append(_attend(own_q, keys, values, scaling))
        results = [t.transpose(1, 2).reshape(-1, heads * width) for t in mixed]
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
    model: Qwen2VLForConditionalGeneration,
    packed: PackedQuestions,
    pixels: torch.Tensor,
    grid: torch.Tensor,
    pointing: Pointing | None = None,
) -> torch.Tensor:
    """Last hidden states `[n * length, hidden]` of packed questions.

    The attention of the language model must be `QUESTION_ATTENTION` (`set_attn_implementation`). A `pointing` has its
    losses afterwards.
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
        groups=packed.groups,
        result_rows=packed.result_rows,
        prefix_length=packed.prefix_length,
        pointing=pointing,
    ).last_hidden_state
    return states.flatten(0, 1)
