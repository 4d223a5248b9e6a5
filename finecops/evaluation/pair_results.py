"""What a comparison of two methods finds, as records. Docs: `docs/compare.md`."""

from __future__ import annotations

from typing import Literal

from finecops.evaluation.same_samples import SharedSamples
from finecops.metrics.values import Subset
from finecops.records import Record


class PairedValue(Subset):
    """A metric of two methods on the same samples, in per cent; the difference is the second minus the first."""

    metric: str
    n: int
    """Samples, or pairs of recall, or negatives of AUROC."""
    first: float
    second: float
    difference: float
    ci_low: float
    """Of the difference's 95% bootstrap interval."""
    ci_high: float


class Measure(PairedValue):
    """Of all samples, of a level, or the mean over the columns of a kind of negatives."""

    p_value: float
    """Two-sided: twice the smaller share of replicates on either side of zero."""


class Stratum(PairedValue):
    """Of a part of the samples, one of several that were looked at."""

    p_randomization: float
    """Two-sided, of changing the methods' places at random (`finecops.metrics.paired.randomization_p`)."""
    p_adjusted: float
    """The same, adjusted for the number of strata that were looked at (Holm)."""


class Cell(Record):
    """Samples of one of the four kinds."""

    count: int
    percent: float
    ci_low: float
    """Of the share's 95% bootstrap interval."""
    ci_high: float


class FourCells(Record):
    """Whose answers are right: on positives a right box, on negatives a rejection."""

    of: Literal["positive", "negative"]
    n: int
    both: Cell
    first_only: Cell
    second_only: Cell
    neither: Cell


class MethodPair(Record):
    """Two methods compared."""

    first: str
    """As a user types it: `RUN:METHOD`, or a file."""
    second: str
    first_label: str
    """Its name for people."""
    second_label: str
    samples: SharedSamples
    measures: tuple[Measure, ...]
    absent: dict[str, str]
    """Metrics that these answers do not allow, with the reason."""
    cells: tuple[FourCells, ...]
    strata: tuple[Stratum, ...]
    """In the order of metrics and subsets."""
    small_strata: int
    """So many were not looked at since they have few samples."""
