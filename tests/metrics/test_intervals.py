"""Bootstrap intervals: against replicates drawn one by one, and their coverage on simulated data."""

from __future__ import annotations

import numpy as np
import pytest

from finecops.metrics.auroc import auroc
from finecops.metrics.intervals import (
    _draws,
    auroc_interval,
    cluster_indices,
    mean_interval,
    mean_replicates,
)
from finecops.metrics.paired import paired_difference


def test_clusters_are_numbered() -> None:
    assert cluster_indices(["b", "a", "b", "c"]).tolist() == [1, 0, 1, 2]


def test_replicates_equal_drawing_the_samples_themselves() -> None:
    rng = np.random.default_rng(0)
    clusters = rng.integers(0, 12, 60)
    clusters = np.unique(clusters, return_inverse=True)[1]
    values, positive = rng.random(60), rng.random(60) < 0.5
    scores = rng.choice([0.1, 0.2, 0.3, np.inf, -np.inf], 60)
    means, areas = [], []
    for drawn in _draws(int(clusters.max()) + 1, 80, seed=3):
        for counts in drawn.astype(int):
            rows = np.concatenate([np.repeat(np.flatnonzero(clusters == c), n) for c, n in enumerate(counts)])
            means.append(values[rows].mean())
            areas.append(auroc(scores[rows[positive[rows]]], scores[rows[~positive[rows]]]))
    assert mean_replicates(values, clusters, 80, seed=3) == pytest.approx(means)
    interval = auroc_interval(scores, positive, clusters, 80, seed=3)
    assert interval is not None
    known = np.array([a for a in areas if a is not None])
    assert [interval.low, interval.high] == pytest.approx(np.percentile(known, [2.5, 97.5]).tolist())


def test_a_95_percent_interval_covers_about_95_percent() -> None:
    """Clusters of three that succeed together; an interval that took them for independent would cover 75%."""
    rng = np.random.default_rng(1)
    covered = 0
    for seed in range(400):
        clusters = np.repeat(np.arange(80), 3)
        values = np.repeat(rng.random(80) < 0.6, 3).astype(float)
        interval = mean_interval(values, clusters, 400, seed)
        assert interval is not None
        covered += interval.low <= 0.6 <= interval.high
    assert 0.91 <= covered / 400 <= 0.98


def test_a_paired_difference_sees_what_two_intervals_do_not() -> None:
    rng = np.random.default_rng(2)
    clusters = np.arange(500)
    a = (rng.random(500) < 0.5).astype(float)
    b = np.where(rng.random(500) < 0.05, 1.0, a)  # b is right wherever a is, and sometimes more
    better = paired_difference(a, b, clusters)
    assert better.interval.low > 0
    assert better.p_value < 0.01
    same = paired_difference(a, a, clusters)
    assert (same.difference, same.p_value) == (0.0, 1.0)


def test_nothing_has_no_interval() -> None:
    assert mean_interval(np.array([]), np.array([], dtype=np.intp)) is None
    assert auroc_interval(np.array([0.1]), np.array([True]), np.array([0])) is None
