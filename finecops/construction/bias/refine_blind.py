"""Refinement against blind classifiers: pairs are dropped until the texts alone tell little.

For each type of negatives, until the upper end of AUROC's 95% interval is at most the target. After every round the
classifier is trained anew on the pairs that are left, and measured out of fold: a choice is never measured by the
scores that it was made by. What that leaves open is measured too: other folds and classifiers that learned from the
dropped pairs as well (`Reread`), readings without a target, and a half of the images that had no part in the choice
(`HeldOut`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from finecops.construction.bias.blind import BlindScore, WordsModel, fitted_scores, words_score
from finecops.construction.bias.choosing import BlindSettings as BlindSettings
from finecops.construction.bias.choosing import Chooser, score_by_all
from finecops.construction.bias.dropping import METHODS
from finecops.construction.bias.pairs import READINGS, TextPair, Texts, by_type
from finecops.errors import UsageError
from finecops.metrics.answers import Ints
from finecops.metrics.auroc import auroc
from finecops.names import unknown_name

FRESH_SEED: Final = 1_000_002
"""Folds of the measure that decides nothing."""


@dataclass(frozen=True)
class HeldOut:
    """Images in two halves; pairs of one are chosen without the other, whose pairs, all of them, train the classifier.

    AUROCs in per cent on the chosen half, means of both directions, by reading.
    """

    pairs: int
    kept: int
    before: dict[str, float]
    after: dict[str, float]


@dataclass(frozen=True)
class Reread:
    """What one reading tells of a type.

    Attributes:
        before, after: by the folds of the audit. Those of `after` decided when to stop.
        fresh: as `after`, by folds that decided nothing.
        dropped_too: of the kept pairs, by classifiers that learned from all pairs of other images, dropped ones too.
    """

    before: BlindScore
    after: BlindScore
    fresh: BlindScore
    dropped_too: BlindScore


@dataclass(frozen=True)
class RefinedType:
    """What came of one type.

    Attributes:
        type: of the negatives.
        pairs, kept: how many there were and are.
        readings: what every reading tells, those without a target too.
        held_out: see there; None if not measured.
        reason: why the target was not reached; None: it was.
    """

    type: str
    pairs: int
    kept: int
    readings: dict[str, Reread]
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
    """Drop pairs of each type until the texts alone tell little.

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
    for reading in settings.readings:
        if reading not in READINGS:
            raise UsageError(unknown_name("reading", reading, READINGS))
    if not 50 < settings.target <= 100:
        raise UsageError(f"the target is {settings.target:g}; AUROC in per cent is meant, above 50 (chance) up to 100")
    kept, types = [], []
    for type_, members in by_type(pairs).items():
        some = [pairs[i] for i in members]
        read = {reading: Texts.of_pairs(some, reading) for reading in READINGS}
        chooser = Chooser([read[reading] for reading in settings.readings], settings)
        for left in chooser.rounds():
            if progress is not None:
                progress(type_, left)
        kept += [members[i] for i in chooser.kept]
        types.append(_measured(type_, read, chooser, settings))
    return BlindRefinement(sorted(kept), types, settings)


def _measured(type_: str, read: Mapping[str, Texts], chooser: Chooser, settings: BlindSettings) -> RefinedType:
    return RefinedType(
        type_,
        len(next(iter(read.values())).positive) // 2,
        len(chooser.kept),
        {reading: _reread(texts, chooser.kept, settings.replicates) for reading, texts in read.items()},
        held_out=_held_out(read, settings) if settings.held_out else None,
        reason=chooser.reason,
    )


def _reread(texts: Texts, kept: Ints, replicates: int) -> Reread:
    left = texts.kept_pairs(kept)
    return Reread(
        before=words_score(texts, replicates=replicates),
        after=words_score(left, replicates=replicates),
        fresh=words_score(left, FRESH_SEED, replicates),
        dropped_too=score_by_all(texts, kept, FRESH_SEED, replicates),
    )


def _held_out(read: Mapping[str, Texts], settings: BlindSettings) -> HeldOut | None:
    """See `HeldOut`; None where a half is too small to be refined."""
    texts = next(iter(read.values()))
    groups = texts.groups[: len(texts.positive) // 2]
    images = np.random.default_rng(settings.seed).permutation(int(groups.max(initial=0)) + 1)
    first = np.isin(groups, images[: len(images) // 2])
    kept, before, after = 0, dict.fromkeys(read, 0.0), dict.fromkeys(read, 0.0)
    for side in (first, ~first):
        half = {reading: texts.kept_pairs(np.flatnonzero(side)) for reading, texts in read.items()}
        chooser = Chooser([half[reading] for reading in settings.readings], settings)
        for _ in chooser.rounds():
            pass
        if chooser.reason is not None:
            return None
        kept += len(chooser.kept)
        for reading, texts in read.items():
            other = texts.kept_pairs(np.flatnonzero(~side))
            gaps = fitted_scores(WordsModel, other.counts, other.positive, half[reading].counts).reshape(2, -1)
            before[reading] += (auroc(*gaps) or 0.0) / 2
            after[reading] += (auroc(*gaps[:, chooser.kept]) or 0.0) / 2
    return HeldOut(len(groups), kept, before, after)
