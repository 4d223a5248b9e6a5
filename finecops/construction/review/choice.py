"""Which samples of a split stand on a page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from finecops.datasets.choose import choose_samples
from finecops.errors import DataError, UsageError
from finecops.names import unknown_name
from finecops.records import Sample

KINDS: Final = ("positives", "negatives", "negative-expressions", "negative-images")


def review_samples(samples: Sequence[Sample], only: str | None, level: int | None, limit: int) -> list[Sample]:
    """Samples to be voted on, in the split's order.

    Args:
        samples: of the split.
        only: one of `KINDS`, or a type of negatives of the split; None: all.
        level: the difficulty level; None: all.
        limit: at most so many, from all levels and kinds (`choose_samples`); 0: all.

    Raises:
        UsageError: the split has no such kind.
        DataError: no sample is left.
    """
    # A benchmark may have types of its own.
    types = sorted({s.negative.type for s in samples if s.negative is not None and s.negative.type is not None})
    if only is not None and only not in (*KINDS, *types):
        raise UsageError(unknown_name("kind of samples", only, (*KINDS, *types)))
    # Chosen before they are limited: a small page has as many as asked of this kind.
    found = [s for s in samples if (only is None or _is(s, only)) and (level is None or s.level == level)]
    if not found:
        of_level = f" of level {level}" if level is not None else ""
        raise DataError(f"the split has no {only or 'samples'}{of_level}")
    return choose_samples(found, limit)


def _is(sample: Sample, kind: str) -> bool:
    negative = sample.negative
    if kind == "positives":
        return sample.positive
    if kind == "negatives":
        return sample.absent
    if kind in ("negative-expressions", "negative-images"):
        return negative is not None and negative.kind == ("text" if kind == "negative-expressions" else "image")
    return negative is not None and negative.type == kind
