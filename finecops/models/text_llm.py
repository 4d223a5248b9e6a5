"""Text models in this process, through transformers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from finecops.config.find import resolve_weights
from finecops.config.schema import ExtractorConfig
from finecops.errors import ModelError
from finecops.models.complete_weights import load_complete


class TransformersText:
    """A text model; see `finecops.models.protocols.TextLlm`.

    Decoding is greedy. All conversations of a call are one batch.

    Raises:
        ModelError: the weights cannot be loaded.
    """

    def __init__(self, config: ExtractorConfig, device: str = "cpu") -> None:
        self.config, self.device = config, torch.device(device)
        weights = resolve_weights(cast(str, config.model))
        dtype: Any = "auto" if config.dtype == "auto" else getattr(torch, config.dtype)
        try:
            # Padding on the left: the answer must follow the last token of each prompt directly.
            self.tokenizer = AutoTokenizer.from_pretrained(weights, padding_side="left")
            self.model = load_complete(AutoModelForCausalLM, weights, config.name, dtype=dtype)
        except (OSError, ValueError) as error:
            raise ModelError(f"{config.name}: cannot load {config.model}: {error}") from error
        if self.tokenizer.pad_token_id is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token
        self.model.to(self.device).eval()

    @torch.inference_mode()
    def complete(self, conversations: Sequence[list[dict[str, str]]]) -> list[str | Exception]:
        """One reply per conversation. An exception concerns the whole batch; the runner then splits the batch."""
        if not conversations:
            return []
        texts = [
            self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
            for messages in conversations
        ]
        # The chat template has already written the special tokens.
        inputs = self.tokenizer(texts, padding=True, add_special_tokens=False, return_tensors="pt").to(self.device)
        output = self.model.generate(**inputs, max_new_tokens=self.config.max_new_tokens, do_sample=False)
        # `generate` returns each prompt with its answer.
        new = output[:, inputs["input_ids"].shape[1] :]
        return list(self.tokenizer.batch_decode(new, skip_special_tokens=True))
