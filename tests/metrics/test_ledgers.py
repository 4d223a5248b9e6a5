"""Ledgers: every positive once, and the sum is the whole."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finecops.metrics.answers import OUTCOMES
from finecops.metrics.ledgers import CRS_ENTRIES, crs_ledger

row = st.tuples(st.integers(0, 3), st.sampled_from(range(len(OUTCOMES))), st.booleans())


@given(st.lists(row, max_size=40))
def test_crs_entries_sum_to_the_whole(rows: list[tuple[int, int, bool]]) -> None:
    stage = np.array([r[0] for r in rows], dtype=int)
    outcome = np.array([r[1] for r in rows], dtype=np.intp)
    # A right answer is a box among the options.
    right = np.array([r[2] and r[1] == 0 and r[0] == 3 for r in rows], dtype=bool)
    found = crs_ledger(stage >= 1, stage >= 2, stage >= 3, outcome, right)
    assert tuple(found) == CRS_ENTRIES
    assert sum(found.values()) == len(rows)
    assert found["correct"] == right.sum()
    assert found["not_proposed"] == (stage == 0).sum()


@pytest.mark.parametrize(
    ("proposed", "after_nms", "among_k", "outcome", "right", "entry"),
    [
        (True, True, True, "box", True, "correct"),
        (False, False, False, "box", False, "not_proposed"),
        (True, False, False, "reject", False, "removed_by_nms"),
        (True, True, False, "unparsed", False, "cut_by_top_k"),
        (True, True, True, "box", False, "wrong_choice"),
        (True, True, True, "reject", False, "wrong_none"),
        (True, True, True, "unparsed", False, "unparsed"),
        (True, True, True, "failed", False, "failed"),
        (True, True, True, "missing", False, "failed"),
    ],
)
def test_where_a_positive_is_lost(
    proposed: bool, after_nms: bool, among_k: bool, outcome: str, right: bool, entry: str
) -> None:
    flags = [np.array([v]) for v in (proposed, after_nms, among_k)]
    found = crs_ledger(*flags, np.array([OUTCOMES.index(outcome)]), np.array([right]))
    assert {name for name, count in found.items() if count} == {entry}
