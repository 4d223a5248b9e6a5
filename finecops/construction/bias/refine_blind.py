"""Refinement against blind classifiers: pairs are dropped until the words alone tell little.

For each type of negatives, until the upper end of AUROC's 95% interval is at most the target. After every round the
classifier is trained anew on the pairs that are left, and measured out of fold: a choice is never measured by the
scores that it was made by. What that leaves open is measured too (`RefinedType`): other folds, a classifier that
learned from the dropped pairs as well, and a half of the images that had no part in the choice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from finecops.construction.bias.blind import (
    BlindScore,
    fitted_scores,
    folds_of,
    out_of_fold,
    scored,
    too_little,
    words_model,
    words_score,
)
from finecops.construction.bias.dropping import METHODS, Round
from finecops.construction.bias.pairs import TextPair, Texts, by_type
from finecops.errors import UsageError
from finecops.metrics.answers import Floats, Ints
from finecops.metrics.auroc import auroc
from finecops.metrics.intervals import cluster_indices
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
    """

    target: float = TARGET
    method: str = "drop"
    strict: bool = False
    held_out: bool = False
    seed: int = 0


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
    settings: BlindSettings = BlindSettings(),
    progress: Callable[[str, int], None] = lambda type_, left: None,
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
    if settings.method not in METHODS:
        raise UsageError(unknown_name("method", settings.method, METHODS))
    if not 50 < settings.target <= 100:
        raise UsageError(f"the target is {settings.target:g}; AUROC in per cent is meant, above 50 (chance) up to 100")
    kept, types = [], []
    for type_, members in by_type(pairs).items():
        some = [pairs[i] for i in members]
        chosen, reason = _chosen(some, settings, lambda left, t=type_: progress(t, left))  # type: ignore[misc]
        kept += [members[i] for i in chosen]
        types.append(_measured(type_, some, chosen, reason, settings))
    return BlindRefinement(sorted(kept), types, settings)


def _measured(
    type_: str, pairs: Sequence[TextPair], chosen: Sequence[int], reason: str | None, settings: BlindSettings
) -> RefinedType:
    left = Texts.of_pairs([pairs[i] for i in chosen])
    return RefinedType(
        type_,
        len(pairs),
        len(chosen),
        before=words_score(Texts.of_pairs(pairs)),
        after=words_score(left),
        fresh=words_score(left, _FRESH_SEED),
        dropped_too=_by_all(pairs, chosen, _FRESH_SEED),
        held_out=_held_out(pairs, settings) if settings.held_out else None,
        reason=reason,
    )


def _chosen(
    pairs: Sequence[TextPair], settings: BlindSettings, progress: Callable[[int], None]
) -> tuple[list[int], str | None]:
    """Indices of the pairs that stay, and why the target was not reached."""
    rng = np.random.default_rng(settings.seed)
    kept = list(range(len(pairs)))
    reason = _why_not(pairs, kept)
    if reason is not None:
        return kept, reason
    before: list[int] = []
    while not _little(pairs, kept, settings):
        left = [pairs[i] for i in kept]
        gap = _gaps(pairs, kept, settings, rng)
        dropped = METHODS[settings.method](Round(left, gap, rng))
        before = [kept[i] for i in dropped]
        gone = set(before)
        smaller = [i for i in kept if i not in gone]
        if not before or _why_not(pairs, smaller) is not None:
            return kept, "too few pairs would be left"
        kept = smaller
        progress(len(kept))
    return _with_some_again(pairs, kept, before, settings), None


def _with_some_again(
    pairs: Sequence[TextPair], kept: list[int], dropped: Sequence[int], settings: BlindSettings
) -> list[int]:
    """As many pairs of the last round, from its last one on, as the target allows: the round was larger than needed."""
    enough, too_many = 0, len(dropped)
    while too_many - enough > max(1, len(dropped) // 8):
        tried = (enough + too_many) // 2
        more = sorted([*kept, *dropped[len(dropped) - tried :]])
        enough, too_many = (tried, too_many) if _little(pairs, more, settings) else (enough, tried)
    return sorted([*kept, *dropped[len(dropped) - enough :]])


def _why_not(pairs: Sequence[TextPair], kept: Sequence[int]) -> str | None:
    texts = Texts.of_pairs([pairs[i] for i in kept])
    return too_little(texts.positive, texts.groups)


def _little(pairs: Sequence[TextPair], kept: Sequence[int], settings: BlindSettings) -> bool:
    """Whether the words of the kept pairs tell little enough."""
    texts = Texts.of_pairs([pairs[i] for i in kept])
    return all(upper <= settings.target for upper in _upper_ends(pairs, kept, texts, settings))


def _upper_ends(
    pairs: Sequence[TextPair], kept: Sequence[int], texts: Texts, settings: BlindSettings
) -> Iterator[float]:
    """The upper end of each interval that must be below the target: those of the audit's folds, and of others."""
    for seed in (None, _STOP_SEED):
        scores = out_of_fold(words_model, texts.texts, texts.positive, texts.groups, seed)
        value = auroc(scores[texts.positive], scores[~texts.positive])
        # The interval takes longer than the value, which is below its end.
        if value is not None and value > settings.target:
            yield value
        yield _upper(scored(scores, texts.positive, texts.groups))
    if settings.strict:
        yield _upper(_by_all(pairs, kept, _STOP_SEED))


def _upper(score: BlindScore) -> float:
    return score.interval.high if score.interval is not None else 0.0


def _gaps(
    pairs: Sequence[TextPair], kept: Sequence[int], settings: BlindSettings, rng: np.random.Generator
) -> Callable[[], Floats]:
    """What gives each kept pair's gap: the mean over two sets of folds; if strict, of both kinds of classifiers."""

    def gap() -> Floats:
        texts, n = Texts.of_pairs([pairs[i] for i in kept]), len(kept)
        found = np.zeros(n)
        for seed in rng.integers(_CHOICE_SEEDS, size=2):
            scores = out_of_fold(words_model, texts.texts, texts.positive, texts.groups, int(seed))
            found += _unit(scores[:n] - scores[n:])
        if settings.strict:
            scores = _scores_by_all(pairs, kept, int(rng.integers(_CHOICE_SEEDS)))
            found += 2 * _unit(scores[:n] - scores[n:])
        return found

    return gap


def _unit(gap: Floats) -> Floats:
    """Gaps on a common scale: a classifier that learned little has small ones."""
    size = float(np.sqrt(np.mean(gap**2)))
    return gap / size if size else gap


def _scores_by_all(pairs: Sequence[TextPair], kept: Sequence[int], seed: int) -> Floats:
    """Scores of kept positives, then kept negatives, by classifiers that learned from all pairs of other images."""
    n, stays = len(pairs), np.zeros(len(pairs), bool)
    stays[list(kept)] = True
    groups = cluster_indices([pair.group for pair in pairs])
    scores = np.zeros(2 * n)
    texts = Texts.of_pairs(pairs)
    for train, test in folds_of(groups, seed):
        tested = np.flatnonzero(stays & np.isin(np.arange(n), test))
        both, learned = np.concatenate([tested, tested + n]), np.concatenate([train, train + n])
        if len(tested):
            scores[both] = fitted_scores(words_model, texts.texts[learned], texts.positive[learned], texts.texts[both])
    where = np.array(kept, dtype=np.intp)
    return scores[np.concatenate([where, where + n])]


def _by_all(pairs: Sequence[TextPair], kept: Sequence[int], seed: int) -> BlindScore:
    left = Texts.of_pairs([pairs[i] for i in kept])
    reason = too_little(left.positive, left.groups)
    if reason is not None:
        return BlindScore(len(kept), len(kept), reason=reason)
    return scored(_scores_by_all(pairs, kept, seed), left.positive, left.groups)


def _held_out(pairs: Sequence[TextPair], settings: BlindSettings) -> HeldOut | None:
    """See `HeldOut`; None where a half is too small to be refined."""
    groups: Ints = cluster_indices([pair.group for pair in pairs])
    images = np.random.default_rng(settings.seed).permutation(int(groups.max()) + 1)
    in_first = np.isin(groups, images[: len(images) // 2])
    results = []
    for chosen_from in (in_first, ~in_first):
        half, other = ([pairs[i] for i in np.flatnonzero(side)] for side in (chosen_from, ~chosen_from))
        kept, reason = _chosen(half, settings, lambda left: None)
        if reason is not None:
            return None
        learned, texts = Texts.of_pairs(other), Texts.of_pairs(half)
        scores = fitted_scores(words_model, learned.texts, learned.positive, texts.texts)
        n, stays = len(half), np.array(kept, dtype=np.intp)
        before, after = auroc(scores[:n], scores[n:]), auroc(scores[stays], scores[stays + n])
        results.append((n, len(kept), before or 0.0, after or 0.0))
    total = [sum(column) for column in zip(*results, strict=True)]
    return HeldOut(int(total[0]), int(total[1]), total[2] / 2, total[3] / 2)
