"""SugarCrepe's adversarial refinement: pairs are kept so that no scorer prefers the positives.

Source: Hsieh et al., "SugarCrepe", NeurIPS 2023, and `adversarial_refine.py` of RAIVNLab/sugar-crepe. A pair's gap is
the positive's score less the negative's, one gap per scorer. Afterwards the gaps lie symmetrically about 0: each scorer
prefers the positive as often as the negative, up to ties. That holds for these scorers alone; other readers of the
words may still tell the two apart (`finecops.construction.bias.refine_blind`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from finecops.construction.bias.blind import BlindScore, words_score
from finecops.construction.bias.pairs import TextPair, Texts, by_type
from finecops.construction.bias.scorers import PairScorer
from finecops.errors import DataError
from finecops.metrics.answers import Floats, Ints

CELLS: Final = 50
"""Cells per sign, of pairs with a gap in every score."""
WIDE_CELLS: Final = 10
"""Cells per sign, of pairs with a tie in some score."""


@dataclass(frozen=True)
class Preference:
    """How often one scorer prefers the positive of a pair, in per cent; ties count for neither."""

    scorer: str
    before: float
    ties_before: float
    after: float | None
    ties_after: float | None

    @classmethod
    def of(cls, scorer: str, gap: Floats, kept: Ints) -> Preference:
        """From gaps `[n]` and the indices that stay."""
        left = gap[kept]
        after = (float(100 * np.mean(left > 0)), float(100 * np.mean(left == 0))) if len(left) else (None, None)
        return cls(scorer, float(100 * np.mean(gap > 0)), float(100 * np.mean(gap == 0)), *after)


@dataclass(frozen=True)
class BalancedType:
    """What came of one type: how many pairs there were and are, each scorer's preference, what the words tell."""

    type: str
    pairs: int
    kept: int
    preferences: list[Preference]
    before: BlindScore
    after: BlindScore


@dataclass(frozen=True)
class AdversarialRefinement:
    """Indices of the pairs that stay, in their order, and what came of each type."""

    kept: list[int]
    types: list[BalancedType]
    seed: int


def refine_adversarial(
    pairs: Sequence[TextPair], scorers: Sequence[PairScorer], seed: int = 0
) -> AdversarialRefinement:
    """Balance the gaps of each type of pairs.

    Args:
        pairs: of any types.
        scorers: one or more; SugarCrepe has two, plausibility and grammar.
        seed: of the draws; a type's draws do not depend on the other types.

    Raises:
        DataError: a scorer gave a score that is not in [0, 1].
    """
    gaps = np.stack([gaps_of(scorer, pairs) for scorer in scorers], axis=1)
    kept, types = [], []
    for type_, members in by_type(pairs).items():
        where = np.array(members, dtype=np.intp)
        chosen = balanced(gaps[where], np.random.default_rng([seed, *type_.encode()]))
        kept += [members[i] for i in chosen]
        texts = Texts.of_pairs([pairs[i] for i in members])
        types.append(
            BalancedType(
                type_,
                len(members),
                len(chosen),
                [Preference.of(s.name, gaps[where, k], chosen) for k, s in enumerate(scorers)],
                words_score(texts),
                words_score(texts.kept_pairs(chosen)),
            )
        )
    return AdversarialRefinement(sorted(kept), types, seed)


def gaps_of(scorer: PairScorer, pairs: Sequence[TextPair]) -> Floats:
    """The gap of each pair, `[n]`, in [−1, 1].

    Raises:
        DataError: a score is not in [0, 1].
    """
    scores = scorer.of_pairs(pairs)
    # The comparison holds for no NaN.
    if not ((scores >= 0) & (scores <= 1)).all():
        raise DataError(f"the scorer {scorer.name} gave scores that are not in [0, 1]")
    return np.asarray(scores[:, 0] - scores[:, 1], dtype=np.float64)


def balanced(gaps: NDArray[np.float64], rng: np.random.Generator) -> Ints:
    """Indices of the pairs that stay, ascending.

    Pairs without any gap stay. Others are put into signed cells by the sizes of their gaps; of a cell and its point
    reflection, the smaller one stays whole, and as many of the larger, drawn at random; if one is empty, neither.
    Pairs with a tie in some scores are balanced apart, on the other scores, in wider cells.

    Args:
        gaps: `[n, scorers]` in [−1, 1].
        rng: for the draws.
    """
    kept = [np.flatnonzero((gaps == 0).all(axis=1))]
    # Which scores have no tie: one kind of pairs for each such set.
    with_gap = gaps != 0
    for kind in np.unique(with_gap[with_gap.any(axis=1)], axis=0):
        members = np.flatnonzero((with_gap == kind).all(axis=1))
        cells = CELLS if kind.all() else WIDE_CELLS
        kept += [members[chosen] for chosen in _balanced_cells(_signed_cells(gaps[members][:, kind], cells), rng)]
    return np.sort(np.concatenate(kept)).astype(np.intp)


def _signed_cells(gaps: NDArray[np.float64], cells: int) -> NDArray[np.intp]:
    """1 to `cells` by size, with the gap's sign. The reference has no cell for a gap of exactly 1: here the last."""
    size = np.minimum(np.floor(np.abs(gaps) * cells).astype(np.intp) + 1, cells)
    return np.asarray(np.sign(gaps).astype(np.intp) * size)


def _balanced_cells(cells: NDArray[np.intp], rng: np.random.Generator) -> list[Ints]:
    """Indices that stay, from each cell and its reflection. Cells are taken in a fixed order."""
    members: dict[tuple[int, ...], list[int]] = {}
    for i, cell in enumerate(cells.tolist()):
        members.setdefault(tuple(cell), []).append(i)
    kept = []
    for cell in sorted(members):
        reflected = tuple(-index for index in cell)
        # Each two are met once: at the one that comes first.
        if cell < reflected and reflected in members:
            sides = members[cell], members[reflected]
            fewest = min(map(len, sides))
            kept += [np.sort(rng.permutation(side)[:fewest]).astype(np.intp) for side in sides]
    return kept
