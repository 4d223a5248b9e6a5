"""Blind classifiers: what words tell, and that no classifier scores an image that it saw."""

from __future__ import annotations

import numpy as np
import pytest

from finecops.construction.bias.blind import (
    blind_score,
    fitted_scores,
    folds_of,
    numbers_model,
    out_of_fold,
    telling_words,
    too_little,
    word_scores,
    words_score,
)
from finecops.construction.bias.pairs import TextPair, Texts
from finecops.errors import DataError
from tests.construction.bias.builders import biased_pairs


def test_words_that_only_negatives_have_are_found_and_named() -> None:
    texts = Texts.of_pairs(biased_pairs(120, telling=0.8))
    score = words_score(texts, replicates=100)
    assert score.positives == score.negatives == 120
    assert score.auroc is not None
    assert score.auroc > 80
    assert score.interval is not None
    assert score.interval.low < score.auroc < score.interval.high
    for_positives, for_negatives = telling_words(texts)
    assert {"zebra", "piano"} <= set(for_negatives)
    assert not {"zebra", "piano"} & set(for_positives)


def test_words_drawn_alike_tell_nothing() -> None:
    score = words_score(Texts.of_pairs(biased_pairs(200, telling=0)), replicates=100)
    assert score.auroc is not None
    assert score.auroc < 60


def test_the_classifier_is_that_of_scikit_learn_with_folds_by_image() -> None:
    """The numbers of SugarCrepe's texts in docs/bias.md are made so."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import GroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline

    pairs = biased_pairs(60, telling=0.5)
    texts, said = Texts.of_pairs(pairs), [p.positive for p in pairs] + [p.negative for p in pairs]
    plain = make_pipeline(TfidfVectorizer(ngram_range=(1, 2), min_df=2), LogisticRegression(max_iter=1000))
    expected = cross_val_predict(
        plain, said, texts.positive, groups=texts.groups, cv=GroupKFold(5), method="decision_function"
    )
    np.testing.assert_allclose(word_scores(texts), expected)
    score = words_score(texts, replicates=10)
    assert score.auroc == pytest.approx(100 * roc_auc_score(texts.positive, expected))


class Memory:
    """A classifier that knows what it saw."""

    def fit(self, inputs: np.ndarray, positive: np.ndarray) -> None:
        self.seen = set(inputs.tolist())

    def decision_function(self, inputs: np.ndarray) -> np.ndarray:
        return np.array([float(one in self.seen) for one in inputs.tolist()])


def test_no_text_is_scored_by_a_classifier_that_saw_its_image() -> None:
    groups = np.repeat(np.arange(15), 4)
    positive = np.tile([True, False], 30)
    # A row's input is its image.
    assert not out_of_fold(Memory, groups.astype(object), positive, groups).any()
    for seed in (None, 3):
        tested = np.concatenate([test for _, test in folds_of(groups, seed)])
        assert sorted(tested) == list(range(60))


def test_the_order_of_the_folds_is_the_seeds() -> None:
    groups = np.repeat(np.arange(30), 2)
    first, again, other = ([test.tolist() for _, test in folds_of(groups, seed)] for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize(
    ("positive", "groups", "reason"),
    [
        ([True] * 20, range(20), "no negatives"),
        ([False] * 20, range(20), "no positives"),
        ([], [], "no positives"),
        ([True, False] * 20, [0, 1] * 20, "fewer than 10 images"),
        ([True] * 20 + [False] * 9, range(29), "fewer than 10 images"),
        ([True, False] * 10, [i // 2 for i in range(20)], None),
    ],
)
def test_too_little_to_learn_from_is_said(positive: list[bool], groups: list[int], reason: str | None) -> None:
    truth, of = np.array(positive, bool), np.array(list(groups), np.intp)
    assert too_little(truth, of) == reason
    score = blind_score(numbers_model, np.zeros((len(truth), 1)), truth, of, replicates=10)
    assert score.reason == reason
    assert (score.auroc is None) == (reason is not None)


def test_texts_without_a_common_word_are_scored_alike() -> None:
    texts = Texts.of_pairs([TextPair(str(i), str(i), f"w{i}", f"v{i}") for i in range(12)])
    assert words_score(texts, replicates=10).auroc == 50
    assert telling_words(texts) == ([], [])


def test_one_class_alone_teaches_nothing() -> None:
    assert not fitted_scores(numbers_model, np.ones((3, 1)), np.array([True] * 3), np.ones((2, 1))).any()


def test_one_image_alone_is_refused() -> None:
    with pytest.raises(DataError, match="one image"):
        folds_of(np.zeros(4, np.intp))


def test_a_full_stop_and_a_capital_are_in_the_writing_alone() -> None:
    pairs = [TextPair(p.id, p.group, p.positive, p.positive.capitalize() + ".") for p in biased_pairs(24, telling=0)]
    words, writing = (words_score(Texts.of_pairs(pairs, reading), replicates=10) for reading in ("words", "writing"))
    assert words.auroc == 50
    assert writing.auroc == 100
    assert ". <end>" in telling_words(Texts.of_pairs(pairs, "writing"))[1]
