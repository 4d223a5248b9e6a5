"""The choice among pairs of one type: which stay, so that blind classifiers tell little of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

import numpy as np

from finecops.construction.bias.blind import (
    BlindScore,
    WordsModel,
    fitted_scores,
    folds_of,
    scored,
    too_little,
    word_scores,
)
from finecops.construction.bias.dropping import METHODS, Round
from finecops.construction.bias.pairs import Texts
from finecops.metrics.answers import Floats, Ints
from finecops.metrics.auroc import auroc
from finecops.metrics.intervals import REPLICATES

TARGET: Final = 58.0
"""The upper end of the interval, in per cent."""
_STOP_SEED: Final = 1_000_001
"""Folds of the second measure that decides when it is enough."""
_CHOICE_SEEDS: Final = 1_000_000
"""Folds of scores that pairs are chosen by have seeds below this."""


Above = tuple[int, Literal["kept", "all"]]
"""A reading that tells too much, by its place, and what its classifiers learned from."""


@dataclass(frozen=True)
class BlindSettings:
    """How to refine.

    Attributes:
        target: the largest upper end of AUROC's interval, in per cent.
        readings: what the classifiers read, names in `READINGS`; the target holds for each.
        method: a name in `METHODS`.
        strict: the target holds also for classifiers that learned from the dropped pairs.
        held_out: whether to measure with a half that had no part in the choice; it takes as long again.
        seed: the same seed keeps the same pairs.
        replicates: of the bootstrap.
    """

    target: float = TARGET
    readings: tuple[str, ...] = ("words",)
    method: str = "drop"
    strict: bool = False
    held_out: bool = False
    seed: int = 0
    replicates: int = REPLICATES


class Chooser:
    """The choice among the pairs of one type.

    Args:
        read: the texts in each reading that has the target.
        settings: how.

    Attributes:
        kept: indices of the pairs that stay.
        reason: why the target was not reached; None: it was.
    """

    def __init__(self, read: Sequence[Texts], settings: BlindSettings) -> None:
        self._read, self._settings = read, settings
        self._rng = np.random.default_rng(settings.seed)
        self.kept: Ints = np.arange(len(read[0].positive) // 2)
        self.reason = too_little(read[0].positive, read[0].groups)

    def rounds(self) -> Iterator[int]:
        """Drop pairs until it is enough; after each round, how many are left."""
        dropped: Ints = self.kept[:0]
        while self.reason is None and (above := list(self._above(self.kept))):
            left = [self._read[i].kept_pairs(self.kept) for i in dict.fromkeys(i for i, _ in above)]
            dropped = self.kept[METHODS[self._settings.method](Round(left, partial(self._gap, above), self._rng))]
            fewer = self.kept[~np.isin(self.kept, dropped)]
            smaller = self._read[0].kept_pairs(fewer)
            if not len(dropped) or too_little(smaller.positive, smaller.groups) is not None:
                self.reason = "too few pairs would be left"
                return
            self.kept = fewer
            yield len(self.kept)
        self._take_back(dropped)

    def _take_back(self, dropped: Ints) -> None:
        """As many pairs of the last round, from its last one on, as the target allows: it was larger than needed."""
        fewest, enough, too_many = self.kept, 0, len(dropped)
        while too_many - enough > max(1, len(dropped) // 8):
            tried = (enough + too_many) // 2
            more = np.sort(np.concatenate([fewest, dropped[len(dropped) - tried :]]))
            if not any(self._above(more)):
                enough, self.kept = tried, more
            else:
                too_many = tried

    def _above(self, kept: Ints) -> Iterator[Above]:
        """What still tells too much of some pairs."""
        target, replicates = self._settings.target, self._settings.replicates
        for i, texts in enumerate(self._read):
            left = texts.kept_pairs(kept)
            # By the folds of the audit, and by others.
            if any(self._is_above(word_scores(left, seed), left) for seed in (None, _STOP_SEED)):
                yield i, "kept"
            if self._settings.strict and _upper(score_by_all(texts, kept, _STOP_SEED, replicates)) > target:
                yield i, "all"

    def _is_above(self, scores: Floats, texts: Texts) -> bool:
        target = self._settings.target
        value = auroc(scores[texts.positive], scores[~texts.positive])
        # The interval takes longer than the value, which is below its end.
        return (value is not None and value > target) or (
            _upper(scored(scores, texts.positive, texts.groups, self._settings.replicates)) > target
        )

    def _gap(self, above: Sequence[Above]) -> Floats:
        """Each pair's gap: the sum over what tells too much, each by two sets of folds."""
        found = np.zeros(len(self.kept))
        for i, learned_from in above:
            texts = self._read[i]
            left = texts.kept_pairs(self.kept)
            for seed in self._rng.integers(_CHOICE_SEEDS, size=2).tolist():
                by_kept = learned_from == "kept"
                scores = word_scores(left, seed) if by_kept else scores_by_all(texts, self.kept, seed)
                found += _unit(_gap_of(scores))
        return found


def _gap_of(scores: Floats) -> Floats:
    """Of scores of positives, then negatives `[2 n]`: the positive's less the negative's, `[n]`."""
    n = len(scores) // 2
    return np.subtract(scores[:n], scores[n:])


def _upper(score: BlindScore) -> float:
    return score.interval.high if score.interval is not None else 0.0


def _unit(gap: Floats) -> Floats:
    """Gaps on a common scale: a classifier that learned little has small ones."""
    size = float(np.sqrt(np.mean(gap**2)))
    return gap / size if size else gap


def scores_by_all(texts: Texts, kept: Ints, seed: int) -> Floats:
    """Scores of kept positives, then kept negatives, by classifiers that learned from all pairs of other images."""
    n = len(texts.positive) // 2
    scores = np.zeros(2 * n)
    for train, test in folds_of(texts.groups[:n], seed):
        rows = np.concatenate([part := np.intersect1d(test, kept), part + n])
        learned = np.concatenate([train, train + n])
        if len(rows):
            scores[rows] = fitted_scores(WordsModel, texts.counts[learned], texts.positive[learned], texts.counts[rows])
    return np.asarray(scores[np.concatenate([kept, kept + n])])


def score_by_all(texts: Texts, kept: Ints, seed: int, replicates: int) -> BlindScore:
    """What `scores_by_all` come to."""
    left = texts.kept_pairs(kept)
    reason = too_little(left.positive, left.groups)
    if reason is not None:
        return BlindScore(len(kept), len(kept), reason=reason)
    return scored(scores_by_all(texts, kept, seed), left.positive, left.groups, replicates)
