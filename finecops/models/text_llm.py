"""Text models in this process, through transformers."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from transformers import AutoModelForCausalLM

from finecops.config.schema import ExtractorConfig
from finecops.models.chat_template import rendered
from finecops.models.loading import Checkpoint, load_complete, load_tokenizer
from finecops.models.readiness import dtype_of


class TransformersText:
    """A text model; see `finecops.models.protocols.TextLlm`.

    Decoding is greedy. All conversations of a call are one batch.

    Raises:
        ModelError: the weights cannot be loaded.
    """

    def __init__(self, config: ExtractorConfig, device: str = "cpu") -> None:
        self.config, self.device = config, torch.device(device)
        checkpoint = Checkpoint.of(config)
        # Padding on the left: the answer must follow the last token of each prompt directly.
        self.tokenizer = load_tokenizer(checkpoint, padding_side="left")
        self.model = load_complete(AutoModelForCausalLM, checkpoint, dtype=dtype_of(config))
        if self.tokenizer.pad_token_id is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token
        self.model.to(self.device).eval()

    @torch.inference_mode()
    def complete(self, conversations: Sequence[list[dict[str, str]]]) -> list[str | Exception]:
        """One reply per conversation. An exception concerns the whole batch; the runner then splits the batch."""
        if not conversations:
            return []
        texts = [rendered(self.tokenizer, messages) for messages in conversations]
        # The chat template has already written the special tokens.
        inputs = self.tokenizer(texts, padding=True, add_special_tokens=False, return_tensors="pt").to(self.device)
        output = self.model.generate(**inputs, max_new_tokens=self.config.max_new_tokens, do_sample=False)
        # `generate` returns each prompt with its answer.
        new = output[:, inputs["input_ids"].shape[1] :]
        return list(self.tokenizer.batch_decode(new, skip_special_tokens=True))
