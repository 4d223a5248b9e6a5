"""Blind classifiers: how well something that does not see the question tells positives from negatives.

A classifier is trained on four fifths of the images and scores the texts (or images, or boxes) of the last fifth, five
times; AUROC is over all of these scores. 50% is chance. Far above it, the benchmark can be answered in part by habit.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from finecops.construction.bias.pairs import Bools, Texts
from finecops.errors import DataError
from finecops.metrics.answers import Floats, Ints
from finecops.metrics.auroc import auroc
from finecops.metrics.intervals import REPLICATES, Interval, auroc_interval

FOLDS: Final = 5
MIN_GROUPS: Final = 10
"""With fewer images there is no result: two of them would be a fold."""
MIN_TEXTS: Final = 2
"""A word in fewer texts is not learned."""
TELLING: Final = 5
"""So many words are named on each side."""


@dataclass(frozen=True)
class BlindScore:
    """What a blind classifier gets.

    Attributes:
        positives, negatives: how many it scored.
        auroc: in per cent; None where there is too little to train on.
        interval: 95%, by a bootstrap that draws images.
        reason: why there is no value.
    """

    positives: int
    negatives: int
    auroc: float | None = None
    interval: Interval | None = None
    reason: str | None = None


class WordsModel:
    """TF-IDF of the words and pairs of words that stand in two texts or more, and logistic regression.

    It gets `Texts.counts`, and is what scikit-learn's `TfidfVectorizer(ngram_range=(1, 2), min_df=2)` and
    `LogisticRegression` make of the texts: words are only cut once for all folds.
    """

    def fit(self, counts: Any, positive: Bools) -> None:
        """Learn from counts of words `[n, words]`."""
        from sklearn.feature_extraction.text import TfidfTransformer
        from sklearn.linear_model import LogisticRegression

        self.known = np.flatnonzero(np.bincount(counts.indices, minlength=counts.shape[1]) >= MIN_TEXTS)
        self._weights = TfidfTransformer().fit(counts[:, self.known]) if len(self.known) else None
        if self._weights is not None:
            scaled = self._weights.transform(counts[:, self.known])
            self._classifier = LogisticRegression(max_iter=1000).fit(scaled, positive)

    @property
    def coefficients(self) -> Floats:
        """What each of the `known` words speaks for: above 0 a positive, `[known]`."""
        return np.zeros(0) if self._weights is None else np.asarray(self._classifier.coef_[0])

    def decision_function(self, counts: Any) -> Floats:
        """Scores `[n]`; zeros if no word stood in two texts."""
        if self._weights is None:
            return np.zeros(counts.shape[0])
        return np.asarray(self._classifier.decision_function(self._weights.transform(counts[:, self.known])))


def numbers_model() -> Any:
    """Logistic regression on scaled numbers, for features of images and boxes."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))


def folds_of(groups: Ints, seed: int | None = None, folds: int = FOLDS) -> list[tuple[Ints, Ints]]:
    """Indices of training and test for each fold; a group is in one fold alone.

    Args:
        groups: a number per row, `[n]`.
        seed: of the shuffle; None: groups in the order of their size, always the same folds.
        folds: how many, or one per group where there are fewer.

    Raises:
        DataError: there is only one group.
    """
    from sklearn.model_selection import GroupKFold

    folds = min(folds, len(np.unique(groups)))
    if folds < 2:
        raise DataError("all texts are of one image: a classifier needs others to learn from")
    chosen = GroupKFold(folds) if seed is None else GroupKFold(folds, shuffle=True, random_state=seed)
    return list(chosen.split(groups, groups=groups))


def out_of_fold(make: Callable[[], Any], inputs: Any, positive: Bools, groups: Ints, seed: int | None = None) -> Floats:
    """Each row's score from a classifier that saw no row of its image, `[n]`; higher: more likely a positive.

    Args:
        make: gives an untrained classifier with `fit` and `decision_function`.
        inputs: counts of words or other numbers, `[n, features]`.
        positive, groups: per row.
        seed: of the folds.
    """
    scores = np.zeros(len(positive))
    for train, test in folds_of(groups, seed):
        scores[test] = fitted_scores(make, inputs[train], positive[train], inputs[test])
    return scores


def fitted_scores(make: Callable[[], Any], inputs: Any, positive: Bools, tested: Any) -> Floats:
    """Scores of `tested` from a classifier trained on `inputs`; zeros where it can learn nothing."""
    if positive.all() or not positive.any():
        return np.zeros(tested.shape[0])
    model = make()
    with warnings.catch_warnings(action="ignore"):
        model.fit(inputs, positive)
    return np.asarray(model.decision_function(tested), dtype=np.float64)


def blind_score(
    make: Callable[[], Any],
    inputs: Any,
    positive: Bools,
    groups: Ints,
    seed: int | None = None,
    replicates: int = REPLICATES,
) -> BlindScore:
    """What a blind classifier gets out of fold; arguments as `out_of_fold`."""
    count = BlindScore(int(positive.sum()), int((~positive).sum()))
    reason = too_little(positive, groups)
    if reason is not None:
        return BlindScore(count.positives, count.negatives, reason=reason)
    return scored(out_of_fold(make, inputs, positive, groups, seed), positive, groups, replicates)


def scored(scores: Floats, positive: Bools, groups: Ints, replicates: int = REPLICATES) -> BlindScore:
    """AUROC of scores `[n]` and its interval, which draws images."""
    return BlindScore(
        int(positive.sum()),
        int((~positive).sum()),
        auroc(scores[positive], scores[~positive]),
        auroc_interval(scores, positive, groups, replicates),
    )


def too_little(positive: Bools, groups: Ints) -> str | None:
    """Why nothing can be said of some rows, or None."""
    if positive.all() or not positive.any():
        return "no negatives" if len(positive) and positive.all() else "no positives"
    images = min(len(set(groups[side].tolist())) for side in (positive, ~positive))
    return f"fewer than {MIN_GROUPS} images" if images < MIN_GROUPS else None


def words_score(texts: Texts, seed: int | None = None, replicates: int = REPLICATES) -> BlindScore:
    """What the words alone tell."""
    return blind_score(WordsModel, texts.counts, texts.positive, texts.groups, seed, replicates)


def word_scores(texts: Texts, seed: int | None = None) -> Floats:
    """Scores of texts by their words, out of fold, `[n]`."""
    return out_of_fold(WordsModel, texts.counts, texts.positive, texts.groups, seed)


def telling_words(texts: Texts, most: int = TELLING) -> tuple[list[str], list[str]]:
    """The words and pairs of words that speak most for a positive, and for a negative; of one classifier for all."""
    if too_little(texts.positive, texts.groups) is not None:
        return [], []
    model = WordsModel()
    model.fit(texts.counts, texts.positive)
    order = np.argsort(model.coefficients, kind="stable")
    names = [str(texts.words[model.known[i]]) for i in order]
    # Half of them at most: a word does not speak for both.
    most = min(most, len(names) // 2)
    return names[::-1][:most], names[:most]
