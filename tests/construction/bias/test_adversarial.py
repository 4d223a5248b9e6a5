"""SugarCrepe's refinement: its cells by hand, and what it promises on random gaps."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from finecops.construction.bias import adversarial
from finecops.construction.bias.adversarial import balanced, gaps_of, refine_adversarial
from finecops.construction.bias.blind import BlindScore
from finecops.construction.bias.pairs import TextPair
from finecops.construction.bias.scorers import NgramScorer
from finecops.errors import DataError
from tests.construction.bias.builders import biased_pairs


def kept(gaps: list[tuple[float, ...]], seed: int = 0) -> list[int]:
    return balanced(np.array(gaps, dtype=float), np.random.default_rng(seed)).tolist()


@pytest.mark.parametrize(
    ("gaps", "left"),
    [
        # No gap at all: stays.
        ([(0, 0), (0, 0)], [0, 1]),
        # A cell and its reflection.
        ([(0.5, 0.3), (-0.5, -0.3)], [0, 1]),
        # The reflection is through the centre, not over an axis.
        ([(0.5, 0.3), (-0.5, 0.3)], []),
        ([(0.5, -0.3), (-0.5, 0.3)], [0, 1]),
        # Cells are 1/50 wide: 0.500 and 0.519 are of one, 0.521 of the next.
        ([(0.5, 0.3), (-0.519, -0.3)], [0, 1]),
        ([(0.5, 0.3), (-0.521, -0.3)], []),
        # An empty cell takes the other with it.
        ([(0.9, 0.9), (0.9, 0.9)], []),
        # Gaps of exactly 1 are in the last cell.
        ([(1, 1), (-1, -1)], [0, 1]),
        ([(1, 0.99), (-0.99, -1)], [0, 1]),
        # One tie: balanced on the other gap, in cells of 1/10, apart from the rest.
        ([(0, 0.31), (0, -0.39)], [0, 1]),
        ([(0, 0.31), (0, -0.41)], []),
        ([(0, 0.31), (0.31, 0), (-0.31, 0)], [1, 2]),
        ([(0, 1), (0, -0.95)], [0, 1]),
        ([(0, 0.31), (-0.31, -0.31)], []),
        # One scorer.
        ([(0.5,), (-0.5,), (0,), (0.9,)], [0, 1, 2]),
    ],
)
def test_cells(gaps: list[tuple[float, ...]], left: list[int]) -> None:
    assert kept(gaps) == left


def test_of_the_larger_cell_as_many_are_drawn_as_the_smaller_has() -> None:
    gaps = [(0.5, 0.3)] * 10 + [(-0.5, -0.3)] * 4
    draws = {tuple(kept(gaps, seed)) for seed in range(20)}
    assert all(sum(i < 10 for i in draw) == 4 and set(range(10, 14)) <= set(draw) for draw in draws)
    assert len(draws) > 1
    assert kept(gaps, 3) == kept(gaps, 3)


# Few values, so that cells are shared; the ends and ties among them.
GAP = st.sampled_from([-1.0, -0.511, -0.5, -0.02, 0.0, 0.02, 0.5, 0.511, 1.0])


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 2).flatmap(lambda k: st.lists(st.tuples(*[GAP] * k), max_size=60)), st.integers(0, 99))
def test_no_scorer_prefers_either_side_afterwards(gaps: list[tuple[float, ...]], seed: int) -> None:
    found = np.array(gaps, dtype=float).reshape(len(gaps), len(gaps[0]) if gaps else 1)
    chosen = balanced(found, np.random.default_rng(seed))
    left: NDArray[np.float64] = found[chosen]
    # Half of the pairs that are no tie, in every score.
    assert ((left > 0).sum(axis=0) == (left < 0).sum(axis=0)).all()
    # Jointly too: each combination of signs is there as often as its opposite.
    signs = Counter(map(tuple, np.sign(left).tolist()))
    assert all(signs[tuple(-s for s in sign)] == count for sign, count in signs.items())
    assert np.array_equal(chosen, balanced(found, np.random.default_rng(seed)))
    # Nothing is lost that balances: pairs without a gap stay, and of a cell as many as it and its reflection both have.
    assert set(np.flatnonzero((found == 0).all(axis=1))) <= set(chosen.tolist())
    everything, stayed = (Counter(cell_of(gap) for gap in some.tolist()) for some in (found, left))
    for cell, count in everything.items():
        reflected = (cell[0], tuple(-index for index in cell[1]))
        assert stayed[cell] == (min(count, everything[reflected]) if any(cell[1]) else count)


def cell_of(gap: list[float]) -> tuple[int, tuple[int, ...]]:
    """The number of cells per sign and the signed cell, as the reference counts: floor(|gap| * cells) + 1."""
    cells = 50 if all(gap) else 10
    sizes = [min(math.floor(abs(one) * cells) + 1, cells) if one else 0 for one in gap]
    return cells, tuple(int(math.copysign(size, one)) for size, one in zip(sizes, gap, strict=True))


class Fixed:
    name = "fixed"

    def __init__(self, scores: list[tuple[float, float]]) -> None:
        self.scores = scores

    def of_pairs(self, pairs: list[TextPair]) -> NDArray[np.float64]:
        return np.array(self.scores)


@pytest.mark.parametrize("bad", [(-0.1, 0.5), (0.5, 1.5), (float("nan"), 0.5)])
def test_scores_outside_their_range_are_refused(bad: tuple[float, float]) -> None:
    with pytest.raises(DataError, match="fixed"):
        gaps_of(Fixed([bad]), [TextPair("1", "a", "x", "y")])


def test_types_are_balanced_apart_and_with_the_same_seed_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    # What the words tell is tested elsewhere.
    monkeypatch.setattr(adversarial, "words_score", lambda texts: BlindScore(1, 1))
    pairs = biased_pairs(60, 0.6) + biased_pairs(40, 0.3, type_="attribute")
    scorers = [NgramScorer()]
    found = refine_adversarial(pairs, scorers, seed=1)
    assert [(t.type, t.pairs) for t in found.types] == [("object", 60), ("attribute", 40)]
    assert found.kept == refine_adversarial(pairs, scorers, seed=1).kept == sorted(set(found.kept))
    assert len(found.kept) == sum(t.kept for t in found.types)
    for of_type in found.types:
        assert [p.scorer for p in of_type.preferences] == ["ngram"]
        for preference in of_type.preferences:
            assert preference.after is not None
            assert preference.ties_after is not None
            assert preference.after == pytest.approx((100 - preference.ties_after) / 2)
    # A type alone keeps the pairs that it kept among others, where its scores are the same.
    scores = np.random.default_rng(0).random((100, 2))
    alone = refine_adversarial(pairs[60:], [Fixed(scores[60:].tolist())], seed=1)  # type: ignore[list-item]
    both = refine_adversarial(pairs, [Fixed(scores.tolist())], seed=1)  # type: ignore[list-item]
    assert [i - 60 for i in both.kept if i >= 60] == alone.kept
