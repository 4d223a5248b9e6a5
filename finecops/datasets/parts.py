"""Columns and parts of samples: of a table (`finecops.datasets.table`) without making the other samples."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from finecops.datasets.table import SampleTable
from finecops.records import Sample, Truth


def ids_of(samples: Sequence[Sample]) -> Sequence[str]:
    """The ids of some samples."""
    return samples.ids if isinstance(samples, SampleTable) else [sample.id for sample in samples]


def images_of(samples: Sequence[Sample]) -> Sequence[str]:
    """The image of each of some samples."""
    return samples.images if isinstance(samples, SampleTable) else [sample.image for sample in samples]


def sizes_of_ids(samples: Sequence[Sample], wanted: Container[str]) -> dict[str, tuple[int, int]]:
    """Width and height of the images of samples with some ids."""
    return {sample.id: (sample.width, sample.height) for sample in with_ids(samples, wanted)}


def with_ids(samples: Sequence[Sample], wanted: Container[str]) -> Iterator[Sample]:
    """The samples that have some ids, in their order."""
    return (samples[row] for row, id_ in enumerate(ids_of(samples)) if id_ in wanted)


def taken(samples: Sequence[Sample], rows: NDArray[np.intp]) -> Sequence[Sample]:
    """Some samples, in the order of `rows`."""
    return samples.take(rows) if isinstance(samples, SampleTable) else [samples[row] for row in rows.tolist()]


def chosen_by_id(samples: Sequence[Sample], test: Callable[[str], bool]) -> Sequence[Sample]:
    """The samples whose id passes a test, in their order."""
    chosen = np.fromiter(map(test, ids_of(samples)), dtype=np.bool_, count=len(samples))
    return taken(samples, np.flatnonzero(chosen))


def kept(samples: Sequence[Sample], test: Callable[[Sample], bool]) -> Sequence[Sample]:
    """The samples that pass a test, in their order."""
    if not isinstance(samples, SampleTable):
        return [sample for sample in samples if test(sample)]
    rows = np.fromiter((test(sample) for sample in samples), dtype=np.bool_, count=len(samples))
    return samples if rows.all() else samples.take(np.flatnonzero(rows))


def count_of_truth(samples: Sequence[Sample], truth: Truth) -> int:
    """How many samples have such a truth."""
    if not isinstance(samples, SampleTable):
        return sum(sample.truth == truth for sample in samples)
    has = np.array([kind.truth == truth for kind in samples.kinds], dtype=np.bool_)
    return int(has[samples.kind].sum())
