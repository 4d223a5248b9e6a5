"""Which pairs go first where the words tell too much: three methods, each one round at a time.

A method gets the pairs that are still there and gives indices of those to drop, the worst first. `refine_blind` repeats
it until the words tell little enough.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from finecops.construction.bias.pairs import Texts
from finecops.metrics.answers import Floats, Ints

STEP: Final = 0.03
"""Share of the pairs that goes in a round."""
CELLS: Final = 50
"""Cells of equal width over the sizes of gaps."""


@dataclass(frozen=True)
class Round:
    """The pairs that are still there.

    Attributes:
        read: texts of the pairs, positives first, in each reading that tells too much.
        gap: gives each pair's gap, `[n]`: the positive's blind scores out of fold less the negative's.
        rng: for draws.
    """

    read: Sequence[Texts]
    gap: Callable[[], Floats]
    rng: np.random.Generator

    def __len__(self) -> int:
        return len(self.read[0].positive) // 2


Method = Callable[[Round], Ints]


def drop_told(round_: Round) -> Ints:
    """The share `STEP` of pairs that the classifier tells best: the largest gaps.

    As AFLite (Le Bras et al., ICML 2020), with out-of-fold scores for its random splits.
    """
    return np.argsort(-round_.gap(), kind="stable")[: _batch(len(round_))].astype(np.intp)


def balance_cells(round_: Round) -> Ints:
    """All that one sign of gaps has more than the other in a cell of equal size of gap, drawn at random.

    As SugarCrepe's refinement (Hsieh et al., NeurIPS 2023) with one scorer: the blind classifier itself.
    """
    gap = round_.gap()
    largest = float(np.abs(gap).max(initial=0))
    if not largest:
        return np.array([], dtype=np.intp)
    cell = np.minimum(np.abs(gap) / largest * CELLS, CELLS - 1).astype(np.intp)
    dropped: list[Ints] = []
    for number in np.unique(cell):
        right, wrong = (np.flatnonzero((cell == number) & (sign * gap > 0)) for sign in (1, -1))
        more, less = (right, wrong) if len(right) > len(wrong) else (wrong, right)
        dropped.append(round_.rng.permutation(more)[: len(more) - len(less)])
    return np.concatenate(dropped).astype(np.intp)


def balance_words(round_: Round) -> Ints:
    """The share `STEP` of pairs without which words and pairs of words are most evenly spread over both sides.

    No classifier: the sum over words of (positives with it − negatives with it)² / (texts with it + 1) is made smaller.
    """
    n = len(round_)
    gain = np.zeros(n)
    for texts in round_.read:
        counts = texts.counts.sign().astype(float)
        change = (counts[:n] - counts[n:]).tocsr()
        changed = change.multiply(change).tocsr()
        balance, frequency = (np.asarray(of.sum(axis=0)).ravel() for of in (change, changed))
        weight = 1 / (frequency + 1)
        # (b − d)² is b² − 2bd + d²: what the sum loses if a pair with the change d goes.
        gain += change @ (2 * balance * weight) - changed @ weight
    return np.argsort(-gain, kind="stable")[: _batch(n)].astype(np.intp)


def _batch(count: int) -> int:
    return max(1, math.floor(STEP * count))


METHODS: Final[Mapping[str, Method]] = {"drop": drop_told, "cells": balance_cells, "words": balance_words}
"""Name → method. `drop` keeps the most (docs/bias.md)."""
