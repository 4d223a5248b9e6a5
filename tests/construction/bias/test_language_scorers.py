"""Vera, CoLA classifiers and causal models: tiny ones from configurations, and each score by hand."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import BertForSequenceClassification, GPT2LMHeadModel, T5EncoderModel

from finecops.construction.bias.adversarial import refine_adversarial
from finecops.construction.bias.language_scorers import LANGUAGE_SCORERS, CausalScorer, ColaScorer, VeraScorer
from finecops.construction.bias.pairs import TextPair
from finecops.construction.bias.scorers import OneByOne
from finecops.errors import ConfigError, ModelError
from tests.construction.bias.builders_models import WORDS, tiny_causal, tiny_cola, tiny_vera

TEXTS = ["the red cat", "a dog sat on the red mat", "cat"]


def ids_of(text: str) -> torch.Tensor:
    return torch.tensor([[WORDS.index(word) for word in text.split()]])


def test_vera_reads_its_classifier_from_the_embedding_table(tmp_path: Path) -> None:
    weights = tiny_vera(tmp_path)
    found = VeraScorer(weights)(TEXTS)
    model = T5EncoderModel.from_pretrained(weights).eval()
    for score, text in zip(found, TEXTS, strict=True):
        with torch.no_grad():
            last = model(input_ids=ids_of(text)).last_hidden_state[0, -1]
        logit = float(last @ (torch.arange(8) / 4 - 1)) + 0.25
        # Alone or in a padded batch, calibrated by the temperature.
        assert score == pytest.approx(1 / (1 + math.exp(-logit / 2)), abs=1e-5)


def test_a_model_without_veras_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="row 32099"):
        VeraScorer(tiny_vera(tmp_path, vocabulary=64))


def test_cola_gives_the_probability_of_acceptable(tmp_path: Path) -> None:
    weights = tiny_cola(tmp_path)
    found = ColaScorer(weights)(TEXTS)
    model = BertForSequenceClassification.from_pretrained(weights).eval()
    for score, text in zip(found, TEXTS, strict=True):
        with torch.no_grad():
            assert score == pytest.approx(float(model(ids_of(text)).logits[0].softmax(0)[1]), abs=1e-5)


def test_another_classifier_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="LABEL_2"):
        ColaScorer(tiny_cola(tmp_path, labels=3))


def test_a_causal_model_gives_mean_log_probabilities_by_rank(tmp_path: Path) -> None:
    weights = tiny_causal(tmp_path)
    scorer = CausalScorer(weights)
    means = scorer.mean_log_probabilities(TEXTS)
    model = GPT2LMHeadModel.from_pretrained(weights).eval()
    for mean, text in zip(means, TEXTS, strict=True):
        # The first word is told by the token for a text's start.
        started = torch.cat([torch.tensor([[1]]), ids_of(text)], dim=1)
        with torch.no_grad():
            assert mean == pytest.approx(-float(model(started, labels=started).loss), abs=1e-4)
    assert scorer(TEXTS).tolist() == [sorted(means).index(mean) / 2 for mean in means]


def test_texts_of_the_same_tokens_are_ties_in_any_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("finecops.construction.bias.language_scorers.BATCH", 2)
    # Words that the tokenizer does not know are one token; the second of them stands beside a longer text.
    texts = ["the x cat", "a", "the y cat", "a dog sat on the red mat on the red mat"]
    for scorer in (ColaScorer(tiny_cola(tmp_path / "a")), CausalScorer(tiny_causal(tmp_path / "b"))):
        first, _, second, _ = scorer(texts).tolist()
        assert first == second


def test_texts_beyond_a_models_places_are_cut(tmp_path: Path) -> None:
    scorer = CausalScorer(tiny_causal(tmp_path))
    # The model has 32 places, one of them for the start.
    whole, longer = scorer.mean_log_probabilities(["the " * 31, "the " * 31 + "dog " * 100])
    assert whole == pytest.approx(longer)


def test_a_refinement_with_language_models(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(WORDS[3:], size=4)) for _ in range(120)]
    pairs = [TextPair(str(i), str(i), texts[2 * i], texts[2 * i + 1]) for i in range(60)]
    scorers = [OneByOne(ColaScorer(tiny_cola(tmp_path / "a"))), OneByOne(CausalScorer(tiny_causal(tmp_path / "b")))]
    found = refine_adversarial(pairs, scorers)
    assert found.kept == refine_adversarial(pairs, scorers).kept
    for preference in found.types[0].preferences:
        assert preference.after in (None, 50)


def test_names_of_scorers() -> None:
    assert list(LANGUAGE_SCORERS) == ["vera", "cola", "causal"]
    with pytest.raises(ConfigError, match="no model"):
        ColaScorer("./nowhere")
