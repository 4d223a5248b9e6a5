"""Tiny language and vision models built from configurations, saved as a user's checkpoints are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BitImageProcessor,
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    Dinov2Config,
    Dinov2Model,
    GPT2Config,
    GPT2LMHeadModel,
    PreTrainedTokenizerFast,
    T5Config,
    T5EncoderModel,
)

WORDS = ("<pad>", "</s>", "<unk>", "the", "a", "red", "cat", "dog", "sat", "on", "mat")


def words_tokenizer(**special: str) -> PreTrainedTokenizerFast:
    """A token per word."""
    words = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=words, unk_token="<unk>", **special)


def save(model: Any, folder: Path, *parts: Any) -> str:
    """A checkpoint's folder."""
    for part in (model, *parts):
        part.save_pretrained(folder)
    return str(folder)


def tiny_vera(folder: Path, vocabulary: int = 32128, temperature: float = 2.0) -> str:
    """A T5 encoder whose embedding table has Vera's classifier in its last rows."""
    torch.manual_seed(0)
    config = T5Config(
        vocab_size=vocabulary, d_model=8, d_kv=4, d_ff=16, num_layers=1, num_heads=2, decoder_start_token_id=0
    )
    model = T5EncoderModel(config)
    with torch.no_grad():
        if vocabulary > 32099:
            table = model.get_input_embeddings().weight
            table[32099] = torch.arange(8) / 4 - 1
            table[32098, 0], table[32097, 0] = 0.25, temperature
    return save(model, folder, words_tokenizer(pad_token="<pad>", eos_token="</s>"))


def tiny_cola(folder: Path, labels: int = 2) -> str:
    """A classifier of two classes."""
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        num_labels=labels,
    )
    return save(BertForSequenceClassification(config), folder, words_tokenizer(pad_token="<pad>"))


def tiny_causal(folder: Path) -> str:
    """A causal model; its tokenizer has no token for padding, as GPT-2's."""
    torch.manual_seed(2)
    config = GPT2Config(
        vocab_size=len(WORDS), n_positions=32, n_embd=8, n_layer=1, n_head=2, bos_token_id=1, eos_token_id=1
    )
    return save(GPT2LMHeadModel(config), folder, words_tokenizer(bos_token="</s>", eos_token="</s>"))


def tiny_dinov2(folder: Path) -> str:
    """DINOv2 of one layer."""
    torch.manual_seed(3)
    config = Dinov2Config(hidden_size=8, num_hidden_layers=1, num_attention_heads=2, image_size=28, patch_size=14)
    size = {"height": 28, "width": 28}
    return save(Dinov2Model(config), folder, BitImageProcessor(size=size, do_center_crop=False))


def tiny_clip(folder: Path) -> str:
    """CLIP of one layer."""
    torch.manual_seed(4)
    part = {"hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = CLIPConfig(
        text_config={**part, "vocab_size": 16, "eos_token_id": 1, "bos_token_id": 0, "pad_token_id": 1},
        vision_config={**part, "image_size": 28, "patch_size": 14},
        projection_dim=6,
    )
    size = {"height": 28, "width": 28}
    return save(CLIPModel(config), folder, CLIPImageProcessor(size=size, do_center_crop=False))
