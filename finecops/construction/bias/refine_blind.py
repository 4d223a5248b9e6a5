"""Refinement against blind classifiers: pairs are dropped until the words alone tell little.

For each type of negatives, until the upper end of AUROC's 95% interval is at most the target. After every round the
classifier is trained anew on the pairs that are left, and measured out of fold: a choice is never measured by the
scores that it was made by. What that leaves open is measured too (`RefinedType`): other folds, a classifier that
learned from the dropped pairs as well, and a half of the images that had no part in the choice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from finecops.construction.bias.blind import (
    BlindScore,
    WordsModel,
    fitted_scores,
    folds_of,
    scored,
    too_little,
    word_scores,
    words_score,
)
from finecops.construction.bias.dropping import METHODS, Round
from finecops.construction.bias.pairs import TextPair, Texts, by_type
from finecops.errors import UsageError
from finecops.metrics.answers import Floats, Ints
from finecops.metrics.auroc import auroc
from finecops.metrics.intervals import REPLICATES
from finecops.names import unknown_name

TARGET: Final = 58.0
"""The upper end of the interval, in per cent."""
_STOP_SEED, _FRESH_SEED = 1_000_001, 1_000_002
"""Folds of the second measure that decides when it is enough, and of the one that decides nothing."""
_CHOICE_SEEDS = 1_000_000
"""Folds of scores that pairs are chosen by have seeds below this."""


@dataclass(frozen=True)
class BlindSettings:
    """How to refine.

    Attributes:
        target: the largest upper end of AUROC's interval, in per cent.
        method: a name in `METHODS`.
        strict: the target holds also for a classifier that learned from the dropped pairs.
        held_out: whether to measure with a half that had no part in the choice; it takes as long again.
        seed: the same seed keeps the same pairs.
        replicates: of the bootstrap.
    """

    target: float = TARGET
    method: str = "drop"
    strict: bool = False
    held_out: bool = False
    seed: int = 0
    replicates: int = REPLICATES


@dataclass(frozen=True)
class HeldOut:
    """Images in two halves; pairs of one are chosen without the other, whose pairs, all of them, train the classifier.

    AUROCs in per cent on the chosen half, means of both directions.
    """

    pairs: int
    kept: int
    before: float
    after: float


@dataclass(frozen=True)
class RefinedType:
    """What came of one type.

    Attributes:
        type: of the negatives.
        pairs, kept: how many there were and are.
        before, after: what the words tell, by the folds of the audit. Those of `after` decided when to stop.
        fresh: as `after`, by folds that decided nothing.
        dropped_too: of the kept pairs, by classifiers that learned from all pairs of other images, dropped ones too.
        held_out: see there; None if not measured.
        reason: why the target was not reached; None: it was.
    """

    type: str
    pairs: int
    kept: int
    before: BlindScore
    after: BlindScore
    fresh: BlindScore
    dropped_too: BlindScore
    held_out: HeldOut | None
    reason: str | None


@dataclass(frozen=True)
class BlindRefinement:
    """Indices of the pairs that stay, in their order, and what came of each type."""

    kept: list[int]
    types: list[RefinedType]
    settings: BlindSettings


def refine_blind(
    pairs: Sequence[TextPair],
    settings: BlindSettings | None = None,
    progress: Callable[[str, int], None] | None = None,
) -> BlindRefinement:
    """Drop pairs of each type until the words alone tell little.

    A type with too few images, or one that would have too few left, is not refined to the target, and says so.

    Args:
        pairs: of any types.
        settings: how.
        progress: is called after each round with the type and the number of its pairs that are left.

    Raises:
        UsageError: there is no such method, or the target is not above chance.
    """
    settings = settings or BlindSettings()
    if settings.method not in METHODS:
        raise UsageError(unknown_name("method", settings.method, METHODS))
    if not 50 < settings.target <= 100:
        raise UsageError(f"the target is {settings.target:g}; AUROC in per cent is meant, above 50 (chance) up to 100")
    kept, types = [], []
    for type_, members in by_type(pairs).items():
        texts = Texts.of_pairs([pairs[i] for i in members])
        chooser = _Chooser(texts, settings)
        for left in chooser.rounds():
            if progress is not None:
                progress(type_, left)
        kept += [members[i] for i in chooser.kept]
        types.append(_measured(type_, texts, chooser, settings))
    return BlindRefinement(sorted(kept), types, settings)


def _measured(type_: str, texts: Texts, chooser: _Chooser, settings: BlindSettings) -> RefinedType:
    left, times = texts.kept_pairs(chooser.kept), settings.replicates
    return RefinedType(
        type_,
        len(texts.positive) // 2,
        len(chooser.kept),
        before=words_score(texts, replicates=times),
        after=words_score(left, replicates=times),
        fresh=words_score(left, _FRESH_SEED, times),
        dropped_too=_score_by_all(texts, chooser.kept, _FRESH_SEED, times),
        held_out=_held_out(texts, settings) if settings.held_out else None,
        reason=chooser.reason,
    )


class _Chooser:
    """The choice among the pairs of one type.

    Attributes:
        kept: indices of the pairs that stay.
        reason: why the target was not reached; None: it was.
    """

    def __init__(self, texts: Texts, settings: BlindSettings) -> None:
        self._texts, self._settings = texts, settings
        self._rng = np.random.default_rng(settings.seed)
        self.kept: Ints = np.arange(len(texts.positive) // 2)
        self.reason = too_little(texts.positive, texts.groups)

    def rounds(self) -> Iterator[int]:
        """Drop pairs until it is enough; after each round, how many are left."""
        dropped: Ints = self.kept[:0]
        while self.reason is None and not self._little(self.kept):
            left = self._texts.kept_pairs(self.kept)
            dropped = self.kept[METHODS[self._settings.method](Round(left, partial(self._gap, left), self._rng))]
            fewer = self.kept[~np.isin(self.kept, dropped)]
            smaller = self._texts.kept_pairs(fewer)
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
            if self._little(more):
                enough, self.kept = tried, more
            else:
                too_many = tried

    def _little(self, kept: Ints) -> bool:
        """Whether the words of some pairs tell little enough."""
        return all(upper <= self._settings.target for upper in self._upper_ends(kept))

    def _upper_ends(self, kept: Ints) -> Iterator[float]:
        """The upper end of each interval that must not be above the target: with the audit's folds, and with others."""
        texts = self._texts.kept_pairs(kept)
        for seed in (None, _STOP_SEED):
            scores = word_scores(texts, seed)
            value = auroc(scores[texts.positive], scores[~texts.positive])
            # The interval takes longer than the value, which is below its end.
            if value is not None and value > self._settings.target:
                yield value
            yield _upper(scored(scores, texts.positive, texts.groups, self._settings.replicates))
        if self._settings.strict:
            yield _upper(_score_by_all(self._texts, kept, _STOP_SEED, self._settings.replicates))

    def _gap(self, texts: Texts) -> Floats:
        """Each pair's gap: the mean over two sets of folds; if strict, of both kinds of classifiers."""
        seeds = [int(seed) for seed in self._rng.integers(_CHOICE_SEEDS, size=3)]
        found = sum(_unit(_gap_of(word_scores(texts, seed))) for seed in seeds[:2])
        if self._settings.strict:
            found = found + 2 * _unit(_gap_of(_scores_by_all(self._texts, self.kept, seeds[2])))
        return np.asarray(found)


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


def _scores_by_all(texts: Texts, kept: Ints, seed: int) -> Floats:
    """Scores of kept positives, then kept negatives, by classifiers that learned from all pairs of other images."""
    n = len(texts.positive) // 2
    scores = np.zeros(2 * n)
    for train, test in folds_of(texts.groups[:n], seed):
        rows = np.concatenate([part := np.intersect1d(test, kept), part + n])
        learned = np.concatenate([train, train + n])
        if len(rows):
            scores[rows] = fitted_scores(WordsModel, texts.counts[learned], texts.positive[learned], texts.counts[rows])
    return np.asarray(scores[np.concatenate([kept, kept + n])])


def _score_by_all(texts: Texts, kept: Ints, seed: int, replicates: int) -> BlindScore:
    left = texts.kept_pairs(kept)
    reason = too_little(left.positive, left.groups)
    if reason is not None:
        return BlindScore(len(kept), len(kept), reason=reason)
    return scored(_scores_by_all(texts, kept, seed), left.positive, left.groups, replicates)


def _held_out(texts: Texts, settings: BlindSettings) -> HeldOut | None:
    """See `HeldOut`; None where a half is too small to be refined."""
    groups = texts.groups[: len(texts.positive) // 2]
    images = np.random.default_rng(settings.seed).permutation(int(groups.max(initial=0)) + 1)
    first = np.isin(groups, images[: len(images) // 2])
    results = []
    for side in (first, ~first):
        half, other = (texts.kept_pairs(np.flatnonzero(rows)) for rows in (side, ~side))
        chooser = _Chooser(half, settings)
        for _ in chooser.rounds():
            pass
        if chooser.reason is not None:
            return None
        scores = fitted_scores(WordsModel, other.counts, other.positive, half.counts)
        n, kept = len(scores) // 2, chooser.kept
        values = auroc(scores[:n], scores[n:]), auroc(scores[kept], scores[kept + n])
        results.append((n, len(kept), *(value or 0.0 for value in values)))
    total = [sum(column) for column in zip(*results, strict=True)]
    return HeldOut(int(total[0]), int(total[1]), total[2] / 2, total[3] / 2)
