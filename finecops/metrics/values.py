"""What a metric gives: one number with its denominator, and which samples it is of.

Everything behind the metrics (tables, tidy rows, comparison, the paper's figures, reports) reads `MetricValue`.
"""

from __future__ import annotations

import math
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, SerializerFunctionWrapHandler, model_serializer

from finecops.records import NegativeKind, Record

MEAN_OF_COLUMNS: Final = "mean of columns"
"""The type of the mean over a kind's columns (the paper's "Avg.", Tables IV and V)."""
Cluster = Literal["positive", "image"]
"""What a bootstrap draws together: a positive with its negatives, or all samples of an image."""


class AbsentMetricError(Exception):
    """Raised by a metric that these answers do not allow; its text is the reason that a result gives."""


class Subset(Record):
    """Which samples a number is of; None means all of them, whatever they are in that respect."""

    kind: NegativeKind | None = None
    """Of negatives: what was changed."""
    type: str | None = None
    """Of negatives: how it was changed, or `MEAN_OF_COLUMNS`."""
    level: int | None = None
    """Ground-truth difficulty level of positives; of negatives how near the change is to the target."""
    router_level: int | None = None
    """The level that the router gave."""
    tuple_type: str | None = None

    @property
    def subset(self) -> Subset:
        """The subset alone, without what else a subclass holds; equal subsets are equal keys."""
        return Subset(**{name: getattr(self, name) for name in SUBSET_FIELDS})


SUBSET_FIELDS: Final = tuple(Subset.model_fields)
EVERYTHING: Final = Subset()


def _finite(value: float | None) -> float | None:
    return value if value is None or math.isfinite(value) else None


Number = Annotated[float | None, BeforeValidator(_finite)]
"""A number, or None where there is none: nothing to count, infinite, not a number."""


class MetricValue(Subset):
    """One number. Rates are per cent; optional fields are set where they apply and left out of JSON where not."""

    metric: str
    value: Number
    n: int
    """The denominator: how many samples, pairs or answers it is over."""
    lower: Number = None
    """Under ties of scores: in the order that is worst for the model."""
    upper: Number = None
    """The same in the best order."""
    ci_low: Number = None
    """Lower end of the 95% bootstrap interval."""
    ci_high: Number = None
    iou: float | None = None
    """A box counts as right above this IoU."""
    calibrated: bool | None = None
    """Whether scores were mapped to probabilities on another split."""
    operating_point: str | None = None
    """How a threshold below which answers become rejections was chosen, on another split."""
    threshold: float | str | None = None
    """That threshold, or "accept all", "reject all"."""
    arithmetic: Literal["reference"] | None = None
    """`reference`: by the arithmetic of the paper's published scripts."""

    @model_serializer(mode="wrap")
    def _without_what_does_not_apply(self, handler: SerializerFunctionWrapHandler) -> dict[str, object]:
        found: dict[str, object] = handler(self)
        # Optional fields that were never set say nothing; null would read as "none was found".
        always = {"metric", *SUBSET_FIELDS, "value", "n"}
        ordered = ["metric", *SUBSET_FIELDS, "value", "n", *(k for k in found if k not in always)]
        return {k: found[k] for k in ordered if k in always or k in self.model_fields_set}
