"""Two methods on the same samples: differences with their intervals, tests, and how many samples a test needs.

Both sides of a difference are seen on the same draws of the bootstrap (`finecops.metrics.intervals`), so what the two
methods have in common, above all hard samples, does not widen the interval.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finecops.metrics.answers import Floats, Ints
from finecops.metrics.auroc import auroc
from finecops.metrics.intervals import (
    REPLICATES,
    Interval,
    auroc_replicates,
    mean_replicates,
    percentiles,
    ratio_replicates,
)

FLIPS = 10_000
CONFIDENCE, POWER = 0.95, 0.8


@dataclass(frozen=True)
class PairedDifference:
    """Two values on the same samples, second minus first with its interval, and a two-sided bootstrap p value."""

    first: float
    second: float
    difference: float
    interval: Interval
    p_value: float


def _of_replicates(first: float, second: float, difference: float, replicas: Floats) -> PairedDifference:
    replicas = replicas[np.isfinite(replicas)]
    interval = percentiles(replicas)
    assert interval is not None
    # One is added to both so that p is never 0: 1,000 replicates cannot show less than 1 in 1,001.
    tail = min(np.sum(replicas <= 0), np.sum(replicas >= 0))
    p_value = float(min(1.0, 2 * (tail + 1) / (len(replicas) + 1)))
    return PairedDifference(first, second, difference, interval, p_value)


def paired_difference(
    a: Floats, b: Floats, clusters: Ints, replicates: int = REPLICATES, seed: int = 0
) -> PairedDifference:
    """Compare two methods by their values `[n]` on the same samples.

    The p value is twice the smaller share of replicates on either side of zero, at least 2 / (replicates + 1).
    """
    replicas = mean_replicates(b - a, clusters=clusters, replicates=replicates, seed=seed)
    return _of_replicates(float(a.mean()), float(b.mean()), float((b - a).mean()), replicas)


def paired_group_difference(a: Floats, b: Floats, groups: Ints, clusters: Ints) -> PairedDifference:
    """The difference of the mean over groups of each group's mean, as the mean over a table's columns is.

    Args:
        a, b: values `[n]` on the same samples.
        groups: `[n]`, numbers from 0 on without gaps.
        clusters: `[n]`.
    """
    count, k = int(clusters.max()) + 1, int(groups.max()) + 1
    # One bin for each cluster in each group.
    cell = clusters * k + groups
    sums = np.bincount(cell, b - a, count * k).reshape(count, k)
    sizes = np.bincount(cell, minlength=count * k).reshape(count, k)
    first, second, difference = (float(np.mean(np.bincount(groups, v) / sizes.sum(axis=0))) for v in (a, b, b - a))
    means = ratio_replicates(sums, sizes)
    # As in the table, the mean is over the columns that have something: a replicate may lack a small group.
    there = np.isfinite(means)
    with np.errstate(invalid="ignore"):
        replicas = np.where(there, means, 0.0).sum(axis=1) / there.sum(axis=1)
    return _of_replicates(first, second, difference, replicas)


def paired_auroc_difference(
    a: Floats, b: Floats, positive: NDArray[np.bool_], clusters: Ints
) -> PairedDifference | None:
    """The difference of AUROC in points by presence scores `[n]`; None without positives or without negatives."""
    first, second = (auroc(scores[positive], scores[~positive]) for scores in (a, b))
    if first is None or second is None:
        return None
    # The same seed and the same clusters are the same draws.
    sides = [auroc_replicates(scores, positive, clusters) for scores in (a, b)]
    return _of_replicates(first, second, second - first, sides[1] - sides[0])


def share_intervals(members: NDArray[np.bool_], clusters: Ints) -> list[Interval]:
    """Intervals in per cent of the shares that some classes have: `members [n, classes]`, n at least 1.

    A bootstrap of a class that nothing is in, or everything, sees nothing else. Its interval is the exact one of that
    many clusters (Clopper and Pearson, 1934): 0 of 100 may be up to 3.6%.
    """
    count = int(clusters.max()) + 1
    sums = np.stack([np.bincount(clusters, 100.0 * column, count) for column in members.T], axis=1)
    replicas = ratio_replicates(sums, np.bincount(clusters, minlength=count)[:, None])
    unseen = 100 * (1 - 0.025 ** (1 / count))
    found = []
    for column, values in zip(members.T, replicas.T):
        low, high = np.percentile(values, [2.5, 97.5])
        low, high = (100 - unseen if column.all() else low), (unseen if not column.any() else high)
        found.append(Interval(float(low), float(high)))
    return found


def randomization_p(differences: Floats, clusters: Ints, seed: int = 0) -> float:
    """Two-sided p value of no difference, by changing the methods' places cluster by cluster.

    Where every cluster that differs does so by the same amount (right or wrong, a sample a cluster), this is McNemar's
    exact test. Else places are changed 10,000 times at random.

    Args:
        differences: `[n]` b minus a.
        clusters: `[n]`.
    """
    from scipy.stats import binomtest

    sums = np.bincount(clusters, differences)
    # A cluster without a difference is the same in either place.
    sums = sums[np.abs(sums) > 1e-9]
    if not len(sums):
        return 1.0
    sizes = np.abs(sums)
    if np.allclose(sizes, sizes[0]):
        return float(binomtest(int((sums > 0).sum()), len(sums), 0.5).pvalue)
    rng, observed, extreme = np.random.default_rng(seed), abs(sums.sum()), 0
    for _ in range(10):
        signs = rng.integers(0, 2, (FLIPS // 10, len(sums)), dtype=np.int8) * 2 - 1
        # The slack: sums of the same numbers in another order may differ in the last digit.
        extreme += int((np.abs(signs @ sums) >= observed - 1e-9).sum())
    # The places as they are count as one of the draws.
    return (extreme + 1) / (FLIPS + 1)


def holm(p_values: Sequence[float]) -> list[float]:
    """p values adjusted for being one of several tests (Holm, 1979): below 0.05 in any of them stays a 5% risk in all.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values, kind="stable")
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order.tolist()):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = highest
    return adjusted


def samples_needed(difference: float, discordant: float) -> int | None:
    """How many samples a paired test of two shares needs: 95% confidence, two-sided, with a power of 80%.

    n = (z₀.₉₇₅ √ψ + z₀.₈ √(ψ − δ²))² / δ², where ψ is the share of samples on which one method alone is right and δ the
    difference of the two shares (Connor, Biometrics 43, 1987, for McNemar's test).

    Args:
        difference: δ, as a share, of either sign.
        discordant: ψ, as a share; at least |δ|.

    Returns:
        The number; None where there is no difference, which no number of samples shows.

    >>> samples_needed(0.1, 0.3)
    234
    """
    from scipy.special import ndtri

    if not difference:
        return None
    z = float(ndtri(1 - (1 - CONFIDENCE) / 2)), float(ndtri(POWER))
    # Rounding may bring ψ below δ², where every difference goes one way.
    spread = z[0] * math.sqrt(discordant) + z[1] * math.sqrt(max(discordant - difference**2, 0.0))
    return math.ceil((spread / difference) ** 2)
