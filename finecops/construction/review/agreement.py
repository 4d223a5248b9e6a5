"""How far raters agree beyond chance: kappa of Cohen and of Fleiss, with bootstrap intervals over images.

Both are made of sums over samples, so that a replicate of the bootstrap needs the sums of each image alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from finecops.metrics.answers import Floats, Ints
from finecops.metrics.intervals import Interval, percentiles, sum_replicates

MIN_IMAGES: Final = 20
"""Of fewer images a bootstrap says little: its interval may be a point."""


@dataclass(frozen=True)
class Agreement:
    """How far the raters of some samples agree.

    Attributes:
        samples: with a vote of every rater.
        observed: the share of pairs of votes on a sample that are the same, 0 to 1.
        kappa: 1: they always are; 0: as often as by chance. None: every vote is the same, so that chance says all.
        interval: of kappa, 95%; None where kappa has none, or there are fewer than `MIN_IMAGES` images.
    """

    samples: int
    observed: float
    kappa: float | None
    interval: Interval | None


def agreement(votes: NDArray[np.intp], clusters: Ints, categories: int) -> Agreement | None:
    """Agreement of raters: Cohen's kappa of two, Fleiss' of more.

    Cohen (1960), "A coefficient of agreement for nominal scales", takes each rater's own shares of the categories as
    chance; Fleiss (1971), "Measuring nominal scale agreement among many raters", those of all raters.

    Args:
        votes: `[samples, raters]`, each a category from 0; two raters or more.
        clusters: `[samples]`, numbers of the images; the bootstrap draws these (`metrics.intervals.clusters_of`).
        categories: how many there are.

    Returns:
        None where no sample has votes.
    """
    if not len(votes):
        return None
    # Cohen's is of two raters alone; Fleiss' of two would be another number, Scott's pi.
    two = votes.shape[1] == 2
    sums, kappa_of = (_cohen_sums(votes, categories), _cohen) if two else (_fleiss_sums(votes, categories), _fleiss)
    # Counted anew: a group has only some of the split's images, and rows of zeros would be drawn too.
    numbers = np.unique(clusters, return_inverse=True)[1]
    per_image = np.zeros((int(numbers.max()) + 1, sums.shape[1]))
    np.add.at(per_image, numbers, sums)
    observed, kappa = kappa_of(sums.sum(axis=0, keepdims=True), categories)
    known = bool(np.isfinite(kappa[0]))
    return Agreement(
        samples=len(votes),
        observed=float(observed[0]),
        kappa=float(kappa[0]) if known else None,
        interval=percentiles(kappa_of(sum_replicates(per_image), categories)[1])
        if known and len(per_image) >= MIN_IMAGES
        else None,
    )


def _cohen_sums(votes: NDArray[np.intp], categories: int) -> Floats:
    """`[samples, categories²]`: the cell of the table of two raters that each sample is in."""
    # One cell a sample, so that sums over any samples are their table.
    cells = np.zeros((len(votes), categories * categories))
    cells[np.arange(len(votes)), votes[:, 0] * categories + votes[:, 1]] = 1
    return cells


def _cohen(sums: Floats, categories: int) -> tuple[Floats, Floats]:
    """Observed agreement and kappa of tables `[n, categories²]`."""
    tables = sums.reshape(-1, categories, categories)
    tables = tables / tables.sum(axis=(1, 2), keepdims=True)
    observed = np.trace(tables, axis1=1, axis2=2)
    return observed, _beyond(observed, (tables.sum(axis=1) * tables.sum(axis=2)).sum(axis=1))


def _fleiss_sums(votes: NDArray[np.intp], categories: int) -> Floats:
    """`[samples, categories + 2]`: votes of each category; the share of pairs of votes that are the same; 1."""
    counts = np.stack([(votes == category).sum(axis=1) for category in range(categories)], axis=1).astype(np.float64)
    raters = votes.shape[1]
    # Ordered pairs of votes, as in Fleiss; halves would cancel out.
    agreeing = (counts * (counts - 1)).sum(axis=1) / (raters * (raters - 1))
    return np.column_stack([counts, agreeing, np.ones(len(votes))])


def _fleiss(sums: Floats, categories: int) -> tuple[Floats, Floats]:
    """Observed agreement and kappa of sums `[n, categories + 2]`."""
    shares = sums[:, :categories] / sums[:, :categories].sum(axis=1, keepdims=True)
    observed = sums[:, categories] / sums[:, categories + 1]
    return observed, _beyond(observed, (shares**2).sum(axis=1))


def _beyond(observed: Floats, chance: Floats) -> Floats:
    """Kappa; NaN where chance says all."""
    left = 1 - chance
    # All votes are the same: chance says all, and the quotient is 0 by 0.
    sure = left < 1e-12
    return np.where(sure, np.nan, (observed - chance) / np.where(sure, 1, left))
