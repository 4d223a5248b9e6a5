"""A local text model: a tiny random model of the class that the configuration names."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import Qwen2Config, Qwen2ForCausalLM

from finecops.config.schema import ExtractorConfig
from finecops.errors import ConfigError
from finecops.mini.training.tokenizer import mini_processor
from finecops.models.backends import load_extractor_model
from finecops.models.extractors import LlmExtractor
from finecops.models.text_llm import TransformersText
from tests.conftest import make_sample


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    processor = mini_processor()
    tokenizer = processor.tokenizer
    tokenizer.chat_template = processor.chat_template
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    Qwen2ForCausalLM(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    return tmp_path


def test_a_batch_gives_the_same_replies_and_an_unusable_reply_is_a_failed_row(folder: Path) -> None:
    config = ExtractorConfig(name="tiny", kind="extractor", backend="llm", model=str(folder), max_new_tokens=6)
    llm = TransformersText(config, "cpu")
    short, long = [{"role": "user", "content": "hi"}], [{"role": "user", "content": "the car " * 20}]
    together = llm.complete([short, long])
    assert together == [*llm.complete([short]), *llm.complete([long])]
    samples = tuple(make_sample(i) for i in "ab")
    rows = LlmExtractor(llm, "tiny", 8).extract(samples)
    assert [row.status for row in rows] == ["failed", "failed"]
    assert "no target in the reply" in str(rows[0].reason)


def test_an_extractor_without_a_model_is_an_error() -> None:
    with pytest.raises(ConfigError, match="names no model"):
        load_extractor_model(ExtractorConfig(name="x", kind="extractor", backend="llm"), "cpu")
