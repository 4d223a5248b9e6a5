"""Scorers without weights: the n-gram model, and that no text is scored by a model that saw it."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from finecops.construction.bias import scorers
from finecops.construction.bias.pairs import TextPair
from finecops.construction.bias.scorers import NgramModel, NgramScorer, OneByOne, WordsScorer, by_rank
from tests.construction.bias.builders import biased_pairs

TEXTS = ["the red cat", "the red dog", "a cat", "the cat on the cup"]


def test_probabilities_behind_any_context_sum_to_one() -> None:
    model = NgramModel(TEXTS)
    known = {word for text in TEXTS for word in text.split()} | {"</s>"}
    for context in itertools.product([*known, "<s>", "never"], repeat=2):
        # One place is left for all words that were never seen.
        total = sum(model.probability(word, context) for word in [*known, "something new"])
        assert total == pytest.approx(1)


def test_witten_bell_by_hand() -> None:
    """Texts "x" and "x y": behind the start twice x; behind x the end and y; three kinds of words."""
    model = NgramModel(["x", "x y"])
    one = 1 / 4
    x = (2 + 3 * one) / (5 + 3)
    assert model.probability("x", ()) == pytest.approx(x)
    behind_start = (2 + 1 * x) / (2 + 1)
    assert model.probability("x", ("<s>",)) == pytest.approx(behind_start)
    assert model.probability("x", ("<s>", "<s>")) == pytest.approx((2 + behind_start) / 3)
    assert model.probability("x", ("never", "seen")) == pytest.approx(x)


def test_an_empty_model_takes_all_texts_for_equally_likely() -> None:
    assert NgramModel([]).mean_log_probability("the cat") == pytest.approx(math.log(1))


def test_usual_texts_score_higher() -> None:
    pairs = biased_pairs(100, telling=1)
    found = NgramScorer().of_pairs(pairs)
    assert ((found >= 0) & (found <= 1)).all()
    assert (found[:, 0] > found[:, 1]).mean() > 0.9


def test_no_text_is_scored_by_a_model_that_saw_it(monkeypatch: pytest.MonkeyPatch) -> None:
    class Watched(NgramModel):
        def __init__(self, texts: object) -> None:
            self.saw = {text.lower() for text in texts}  # type: ignore[attr-defined]
            super().__init__(self.saw)

        def mean_log_probability(self, text: str) -> float:
            asked.append(text)
            assert text.lower() not in self.saw
            return super().mean_log_probability(text)

    asked: list[str] = []
    monkeypatch.setattr(scorers, "NgramModel", Watched)
    # The same positive on several images, another's negative, and other capitals.
    pairs = [TextPair(str(i), f"image {i}", "The red cat", "the red dog") for i in range(10)]
    pairs += [TextPair(f"b{i}", f"image b{i}", "the red dog", f"the cup {i}") for i in range(10)]
    NgramScorer().of_pairs(pairs)
    assert len(asked) == 40


def test_the_blind_scorer_is_a_probability_out_of_fold() -> None:
    pairs = biased_pairs(100, telling=0.9)
    found = WordsScorer().of_pairs(pairs)
    assert found.shape == (100, 2)
    assert ((found > 0) & (found < 1)).all()
    assert (found[:, 0] > found[:, 1]).mean() > 0.7


def test_ranks() -> None:
    assert by_rank(np.array([3.0])).tolist() == [0]
    assert by_rank(np.array([2.0, -np.inf, 2.0])).tolist() == [0.75, 0, 0.75]


def test_a_text_of_many_pairs_is_judged_once() -> None:
    asked: list[str] = []

    class Judge:
        name = "judge"

        def __call__(self, texts: list[str]) -> np.ndarray:
            asked.extend(texts)
            return np.array([len(text) / 10 for text in texts])

    pairs = [TextPair("1", "a", "one", "three"), TextPair("2", "a", "one", "seven")]
    found = OneByOne(Judge()).of_pairs(pairs)  # type: ignore[arg-type]
    assert asked == ["one", "three", "seven"]
    assert found.tolist() == [[0.3, 0.5], [0.3, 0.5]]
