"""What the paper's pair costs, beside what the paper says of it."""

from __future__ import annotations

import pytest

from finecops.evaluation.paper_costs import computed_costs, share_to_mllm


def test_the_share_that_goes_to_the_mllm_is_that_of_all_rows_of_table_vi() -> None:
    # Qwen2-VL-7B's row: 79.4 on level 1, 65.74 on level 2, 73.09 on all.
    assert share_to_mllm() == pytest.approx((79.4 - 73.09) / (79.4 - 65.74), abs=0.002)


@pytest.mark.parametrize("reached", [0.25, 0.5, 0.8])
def test_a_letter_takes_the_share_of_time_that_the_paper_says(reached: float) -> None:
    """10 to 30% of the time of the written answer (paper, V-B), for what programs reach of the rate of operations."""
    cost = {one.name: one for one in computed_costs(reached)}
    own, written = cost["CRS"].own_seconds, cost["MLLM"].own_seconds
    assert own is not None
    assert written is not None
    assert 0.09 < own / written < 0.35


def test_sfa_lies_between_its_pathways_in_time_and_operations_add_up() -> None:
    specialist, mllm, sfa, crs = computed_costs()
    assert specialist.seconds < sfa.seconds < mllm.seconds
    # The router for all, and each pathway for its share.
    expected = 0.538 * specialist.gflops + 0.462 * mllm.gflops
    assert sfa.gflops - expected == pytest.approx(specialist.gflops, rel=0.02)
    assert crs.gflops > specialist.gflops + 0.9 * (mllm.gflops - 500)
