"""Differences of two methods: intervals, tests and how many samples are needed."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.stats import binomtest

from finecops.metrics.auroc import auroc
from finecops.metrics.intervals import _draws
from finecops.metrics.paired import (
    holm,
    paired_auroc_difference,
    paired_group_difference,
    randomization_p,
    samples_needed,
    share_intervals,
)


def test_auroc_is_compared_on_the_same_draws() -> None:
    rng = np.random.default_rng(0)
    positive, clusters = np.arange(60) % 2 == 0, np.arange(60) // 2
    a = rng.random(60) + 0.3 * positive
    b = a + 0.5 * positive
    found = paired_auroc_difference(a, b, positive, clusters)
    assert found is not None
    assert (found.first, found.second) == (auroc(a[positive], a[~positive]), auroc(b[positive], b[~positive]))
    assert found.difference == pytest.approx(found.second - found.first)
    assert found.interval.low > 0
    assert paired_auroc_difference(a, b, np.ones(60, dtype=bool), clusters) is None
    same = paired_auroc_difference(a, a, positive, clusters)
    assert same is not None
    assert (same.interval.low, same.interval.high, same.p_value) == (0.0, 0.0, 1.0)


def test_the_mean_over_groups_weighs_each_group_alike() -> None:
    """One large group with a difference of 0 and a small one with 100: the mean is 50."""
    groups = np.repeat([0, 1], [90, 10])
    a, b = np.zeros(100), np.where(groups == 1, 100.0, 0.0)
    found = paired_group_difference(a, b, groups, np.arange(100))
    assert (found.first, found.second, found.difference) == (0.0, 50.0, 50.0)
    # Two values without spread in their groups: every replicate with both groups has this mean.
    assert (found.interval.low, found.interval.high) == (50.0, 50.0)


def test_shares_of_one_draw_sum_to_all() -> None:
    members = np.eye(4, dtype=bool)[np.arange(200) % 4]
    intervals = share_intervals(members, np.arange(200))
    wanted = np.concatenate([drawn @ (100.0 * members) / 200 for drawn in _draws(200, 1000, 0)])
    assert np.allclose(wanted.sum(axis=1), 100)
    assert [[i.low, i.high] for i in intervals] == pytest.approx(np.percentile(wanted, [2.5, 97.5], axis=0).T)


def test_a_class_that_nothing_is_in_may_still_exist() -> None:
    members = np.stack([np.zeros(100, dtype=bool), np.ones(100, dtype=bool)], axis=1)
    none, everything = share_intervals(members, np.arange(100))
    exact = binomtest(0, 100).proportion_ci(0.95, method="exact")
    assert (none.low, none.high) == pytest.approx((0, 100 * exact.high))
    assert (everything.low, everything.high) == pytest.approx((100 - 100 * exact.high, 100))


def test_randomization_of_single_samples_is_mcnemars_test() -> None:
    differences = np.array([1.0] * 9 + [-1.0] * 2 + [0.0] * 50)
    assert randomization_p(differences, np.arange(61)) == binomtest(9, 11).pvalue
    assert randomization_p(np.zeros(5), np.arange(5)) == 1.0


def test_randomization_of_clusters_is_near_all_changes_of_places() -> None:
    differences = np.array([3.0, 1.0, 2.0, -1.0, 4.0, 0.5, 2.5, -0.5])
    everything = [abs(np.dot(signs, differences)) for signs in itertools.product((-1, 1), repeat=8)]
    exact = np.mean(np.array(everything) >= abs(differences.sum()))
    assert randomization_p(differences, np.arange(8)) == pytest.approx(exact, abs=0.02)
    # Two samples of a cluster change places together: as one sample with their sum.
    joined = np.array([0, 0, 1, 2, 3, 4, 5, 6])
    summed = np.array([4.0, 2.0, -1.0, 4.0, 0.5, 2.5, -0.5])
    assert randomization_p(differences, joined) == randomization_p(summed, np.arange(7))


def test_holm_keeps_the_order_and_is_never_above_one() -> None:
    assert holm([0.5, 0.001, 0.02]) == pytest.approx([0.5, 0.003, 0.04])
    assert holm([0.6, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


@pytest.mark.parametrize(("difference", "discordant"), [(0.1, 0.3), (-0.05, 0.2), (0.2, 0.25)])
def test_so_many_samples_find_the_difference_four_times_in_five(difference: float, discordant: float) -> None:
    n = samples_needed(difference, discordant)
    assert n is not None
    rng = np.random.default_rng(0)
    shares = [(discordant + difference) / 2, (discordant - difference) / 2, 1 - discordant]
    counts = rng.multinomial(n, shares, size=4000)
    b, c = counts[:, 0], counts[:, 1]
    # McNemar's statistic without a correction, at 5%.
    found = (b - c) ** 2 > 1.959964**2 * (b + c)
    assert 0.75 < found.mean() < 0.92


def test_no_number_of_samples_shows_no_difference() -> None:
    assert samples_needed(0.0, 0.2) is None
