"""Multimodal language models through transformers: Qwen2-VL and what else `AutoModelForImageTextToText` loads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers import AutoModelForImageTextToText, AutoProcessor

from finecops import prompts
from finecops.config import MllmConfig, resolve_weights
from finecops.errors import ConfigError, ModelError
from finecops.models.protocols import Query, QueryGroup, Reply


def prompt_text(config: MllmConfig, query: Query) -> str:
    """The question as text: the model's prompt, and the focus sentence if the query has a target."""
    try:
        template, focus = getattr(prompts, config.prompt), getattr(prompts, config.focus)
    except AttributeError as error:
        raise ConfigError(f"model {config.name}: no such prompt in finecops/prompts.py: {error}") from None
    text: str = template.format(expression=query.text.strip().rstrip("."))
    if query.target is not None:
        text += focus.format(target=query.target)
    return text


class TransformersMllm:
    """An MLLM in this process; see `finecops.models.protocols.Mllm`. Decoding is greedy."""

    def __init__(self, config: MllmConfig, device: str = "cpu") -> None:
        self.config, self.device = config, torch.device(device)
        weights = resolve_weights(config.weights)
        try:
            self.processor = AutoProcessor.from_pretrained(weights, revision=config.revision)
            dtype: Any = "auto" if config.dtype == "auto" else getattr(torch, config.dtype)
            self.model = AutoModelForImageTextToText.from_pretrained(
                weights, revision=config.revision, dtype=dtype, attn_implementation=config.attention
            )
        except (OSError, ValueError) as error:
            raise ModelError(f"{config.name}: cannot load {config.weights}: {error}") from error
        self.model.to(self.device).eval()
        self.processor.tokenizer.padding_side = "left"
        size = self.processor.image_processor.size
        bounds = {"shortest_edge": config.min_pixels, "longest_edge": config.max_pixels}
        if any(bounds.values()):
            self.processor.image_processor.size = dict(size) | {k: v for k, v in bounds.items() if v}

    def ground(self, groups: Sequence[QueryGroup]) -> list[list[Reply]]:
        """Ask every query of every group, all in one batch."""
        asked = [(group.image, prompt_text(self.config, query)) for group in groups for query in group.queries]
        replies = iter(self._generate(asked))
        return [[next(replies) for _ in group.queries] for group in groups]

    @torch.inference_mode()
    def _generate(self, asked: list[tuple[Any, str]]) -> list[Reply]:
        texts = [
            self.processor.apply_chat_template(
                [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": prompt}]}],
                add_generation_prompt=True,
            )
            for _, prompt in asked
        ]
        inputs = self.processor(images=[image for image, _ in asked], text=texts, padding=True, return_tensors="pt")
        inputs = inputs.to(self.device)
        output = self.model.generate(
            **inputs,
            max_new_tokens=self.config.max_new_tokens,
            do_sample=False,
            output_logits=True,
            return_dict_in_generate=True,
        )
        new = output.sequences[:, inputs["input_ids"].shape[1] :]
        logits = torch.stack(output.logits, dim=1).float()
        chosen = logits.gather(2, new.unsqueeze(2)).squeeze(2)
        probabilities = (chosen - logits.logsumexp(-1)).exp()
        stops = self._stop_ids()
        replies = []
        for row, (_, prompt) in enumerate(asked):
            ids = new[row].tolist()
            length = next((i for i, token in enumerate(ids) if token in stops), len(ids))
            pieces = self._pieces(ids[:length])
            replies.append(
                Reply(
                    prompt,
                    "".join(pieces),
                    tuple(pieces),
                    tuple(probabilities[row, :length].tolist()),
                    tuple(chosen[row, :length].tolist()),
                )
            )
        return replies

    def _stop_ids(self) -> set[int]:
        stop = self.model.generation_config.eos_token_id
        pad = self.processor.tokenizer.pad_token_id
        return {*(stop if isinstance(stop, list) else [stop]), pad} - {None}

    def _pieces(self, ids: list[int]) -> list[str]:
        """Text of each token such that they join to the whole, also where a character is made of several tokens."""
        decode = self.processor.tokenizer.decode
        pieces, before = [], ""
        for end in range(1, len(ids) + 1):
            whole = decode(ids[:end], skip_special_tokens=False)
            stable = whole[:-1] if whole.endswith("\ufffd") and end < len(ids) else whole
            pieces.append(stable[len(before) :])
            before = stable if len(stable) > len(before) else before
        return pieces
