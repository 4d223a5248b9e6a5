"""Bootstrap intervals, clustered: a positive and its negatives are drawn together.

Samples that share a cluster (a positive's id, or an image) are drawn together, with replacement; the interval is
that of the percentiles of the replicates. Everything is an array over clusters: one replicate is a vector of how
often each cluster was drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finecops.errors import DataError
from finecops.metrics.answers import Floats, Ints
from finecops.metrics.values import Cluster
from finecops.records import Sample

REPLICATES = 1000
_CHUNK = 50
CACHE_BYTES = 128 * 1024**2
"""How many bytes of draws a process keeps in memory."""
_kept: dict[tuple[int, int, int], list[NDArray[np.uint8]]] = {}


@dataclass(frozen=True)
class Interval:
    """A 95% interval in the unit of its values."""

    low: float
    high: float


def cluster_indices(keys: Sequence[str]) -> Ints:
    """Keys → numbers from 0 on, equal for equal keys."""
    return np.unique(np.array(keys, dtype=object).astype(str), return_inverse=True)[1].astype(np.intp)


def clusters_of(samples: Sequence[Sample], cluster: Cluster) -> Ints:
    """The cluster of each sample, `[n]`: a positive with its negatives, or an image with all of its samples.

    Raises:
        DataError: by image, and there is a sample whose image is not known.
    """
    if cluster == "image":
        if not all(s.image for s in samples):
            raise DataError("the file that this run was imported from names no images; use --cluster positive")
        # A negative image belongs to the image that it was made from.
        image_of = {s.id: s.image for s in samples if s.positive}
        return cluster_indices([image_of.get(s.positive_id or "", s.image) for s in samples])
    return cluster_indices([s.positive_id or s.id for s in samples])


def _draws(clusters: int, replicates: int, seed: int) -> Iterator[NDArray[np.float64]]:
    """How often each cluster was drawn, `[up to 50, clusters]` at a time.

    An evaluation needs the same draws for every method and metric, and drawing takes longer than all else. So the first
    that fit into `CACHE_BYTES` are kept.
    """
    key = (clusters, replicates, seed)
    if key in _kept:
        yield from (drawn.astype(np.float64) for drawn in _kept[key])
        return
    fits = clusters * replicates <= CACHE_BYTES - sum(drawn.size for found in _kept.values() for drawn in found)
    small: list[NDArray[np.uint8]] = []
    rng = np.random.default_rng(seed)
    even = np.full(clusters, 1 / clusters)
    for start in range(0, replicates, _CHUNK):
        # Drawing clusters with replacement is drawing how often each comes: one multinomial row per replicate.
        drawn = rng.multinomial(clusters, even, size=min(_CHUNK, replicates - start))
        # One byte each: no cluster is drawn 256 times, but where there is hardly another.
        fits = fits and int(drawn.max(initial=0)) < 256
        if fits:
            small.append(drawn.astype(np.uint8))
        yield drawn.astype(np.float64)
    if fits:
        _kept[key] = small


def percentiles(values: Floats) -> Interval | None:
    """The interval of replicates, those that are finite; None if none is."""
    known = values[np.isfinite(values)]
    if not len(known):
        return None
    low, high = np.percentile(known, [2.5, 97.5])
    return Interval(float(low), float(high))


def mean_interval(values: Floats, clusters: Ints, replicates: int = REPLICATES, seed: int = 0) -> Interval | None:
    """Interval of the mean of `values [n]`; None of nothing."""
    return (
        percentiles(mean_replicates(values, clusters=clusters, replicates=replicates, seed=seed))
        if len(values)
        else None
    )


def mean_replicates(values: Floats, clusters: Ints, replicates: int = REPLICATES, seed: int = 0) -> Floats:
    """The mean of `values [n]` in each replicate, `[replicates]`; NaN where one drew nothing that counts."""
    count = int(clusters.max()) + 1
    # The mean over drawn samples needs only the sum and the size of each cluster.
    sums, sizes = np.bincount(clusters, values, count), np.bincount(clusters, minlength=count)
    return ratio_replicates(sums[:, None], sizes[:, None], replicates=replicates, seed=seed)[:, 0]


def sum_replicates(sums: NDArray[Any], replicates: int = REPLICATES, seed: int = 0) -> Floats:
    """Sums over the drawn clusters in each replicate, `[replicates, k]`, of `sums [clusters, k]`."""
    return np.concatenate([drawn @ sums for drawn in _draws(len(sums), replicates, seed)])


def ratio_replicates(sums: NDArray[Any], sizes: NDArray[Any], replicates: int = REPLICATES, seed: int = 0) -> Floats:
    """Several means over the same draws, `[replicates, k]`: `sums [clusters, k]` over `sizes [clusters, k or 1]`.

    NaN where a replicate drew nothing that counts.
    """
    with np.errstate(invalid="ignore"):
        return np.concatenate([(drawn @ sums) / (drawn @ sizes) for drawn in _draws(len(sums), replicates, seed)])


def auroc_interval(
    scores: Floats, positive: NDArray[np.bool_], clusters: Ints, replicates: int = REPLICATES, seed: int = 0
) -> Interval | None:
    """Interval of AUROC in per cent over `scores [n]` of positives and negatives; None if either is missing."""
    if positive.all() or not positive.any():
        return None
    return percentiles(auroc_replicates(scores, positive, clusters, replicates=replicates, seed=seed))


def auroc_replicates(
    scores: Floats, positive: NDArray[np.bool_], clusters: Ints, replicates: int = REPLICATES, seed: int = 0
) -> Floats:
    """AUROC in per cent in each replicate, `[replicates]`; NaN where one drew no positive or no negative."""
    # Bring equal scores together once; each replicate is then two weighted counts per distinct score.
    index = np.unique(scores, return_inverse=True)[1]
    distinct = int(index.max()) + 1
    replicas = []
    for drawn in _draws(int(clusters.max()) + 1, replicates, seed):
        weights = drawn[:, clusters]
        # Each replicate has its own range of bins, so that one bincount does the whole chunk.
        rows = np.arange(len(weights))[:, None] * distinct + index
        sides = [
            np.bincount(rows[:, side].ravel(), weights[:, side].ravel(), len(weights) * distinct).reshape(-1, distinct)
            for side in (positive, ~positive)
        ]
        # Mann-Whitney: weight of negatives below each distinct score, ties counting half.
        below = sides[1].cumsum(axis=1) - sides[1] / 2
        with np.errstate(invalid="ignore"):
            replicas.append(100 * (sides[0] * below).sum(axis=1) / (sides[0].sum(axis=1) * sides[1].sum(axis=1)))
    return np.concatenate(replicas)
