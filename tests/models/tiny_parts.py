"""What tiny random models have in common: a tokenizer and the shape of a text model."""

from __future__ import annotations

from transformers import (
    PreTrainedTokenizerFast,
)

from finecops.mini.training.tokenizer import mini_tokenizer

TEXT = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_position_embeddings": 2048,
    "bos_token_id": None,
}
"""A text model of two layers."""


def tokenizer_with(*more: str, **named: str) -> PreTrainedTokenizerFast:
    """The mini tokenizer with more special tokens; `named` ones become attributes, as some processors need."""
    tokenizer = mini_tokenizer()
    tokenizer.add_tokens([*more], special_tokens=True)
    if named:
        tokenizer = PreTrainedTokenizerFast(
            tokenizer_object=tokenizer.backend_tokenizer,
            eos_token="<|im_end|>",
            pad_token="<|endoftext|>",
            extra_special_tokens=named,
        )
    return tokenizer


def stop_ids(tokenizer: PreTrainedTokenizerFast) -> dict[str, int]:
    """The ids of the end and padding tokens, under their names in a configuration."""
    return {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
