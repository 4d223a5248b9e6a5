"""Batches of whole images, cut once from all of a run's samples; and the rows of one batch, failures included."""

from __future__ import annotations

import logging
from collections.abc import Callable, Container, Iterator, Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias, overload

import numpy as np
from numpy.typing import NDArray

from finecops.datasets.parts import ids_of as ids_of_samples
from finecops.datasets.parts import images_of
from finecops.errors import FinecopsError, GoneError, panics_as_errors
from finecops.records import Sample
from finecops.runs.failures import with_cause
from finecops.runs.specification import ImageGroup, Row, Stage

log = logging.getLogger(__name__)

Batch: TypeAlias = tuple[ImageGroup, ...]
Rows: TypeAlias = NDArray[np.intp]


def ids_of(batch: Batch) -> list[str]:
    """The ids of a batch's samples, in its order."""
    return [sample.id for group in batch for sample in group.samples]


class Batches(Sequence[Batch]):
    """Batches of samples, each made when it is asked for: their rows and bounds alone are held.

    Attributes:
        samples: from which they were cut; some of these may be in no batch.
        ids: of all these samples.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        image_path: Callable[[Sample], Path],
        order: Rows,
        groups: Rows,
        batches: Rows,
    ) -> None:
        """
        Args:
            samples, image_path: the samples, and from one to its image.
            order: `[n]` rows of `samples`, in the order of the batches.
            groups: `[g + 1]` where in `order` each group begins.
            batches: `[b + 1]` where in `groups` each batch begins.
        """
        self.samples, self._image_path = samples, image_path
        self._order, self._groups, self._batches = order, groups, batches

    @cached_property
    def ids(self) -> Sequence[str]:
        """The ids of `samples`."""
        return ids_of_samples(self.samples)

    def __len__(self) -> int:
        return len(self._batches) - 1

    @overload
    def __getitem__(self, index: int) -> Batch: ...
    @overload
    def __getitem__(self, index: slice) -> list[Batch]: ...
    def __getitem__(self, index: int | slice) -> Batch | list[Batch]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        i = range(len(self))[index]
        bounds = self._groups[self._batches[i] : self._batches[i + 1] + 1].tolist()
        rows = self._order[bounds[0] : bounds[-1]].tolist()
        made = [self.samples[row] for row in rows]
        groups = (tuple(made[a - bounds[0] : b - bounds[0]]) for a, b in pairwise(bounds))
        return tuple(ImageGroup(self._image_path(group[0]), group) for group in groups)

    def only(self, wanted: Container[str]) -> Batches:
        """The batches with the samples of some ids alone; what becomes empty goes."""
        return self._only(self._where(wanted.__contains__))

    def with_any(self, test: Callable[[str], bool]) -> Batches:
        """The batches, whole, of which an id passes a test."""
        if not len(self):
            return self
        # No batch is empty, as `reduceat` needs it.
        begins = self._groups[self._batches]
        chosen = np.logical_or.reduceat(self._where(test)[self._order], begins[:-1])
        found = np.zeros(len(self.samples), dtype=np.bool_)
        found[self._order[np.repeat(chosen, np.diff(begins))]] = True
        return self._only(found)

    def all_ids(self) -> Iterator[str]:
        """The ids of the samples in its batches, in the order of `samples`."""
        inside = np.zeros(len(self.samples), dtype=np.bool_)
        inside[self._order] = True
        return (id_ for id_, there in zip(self.ids, inside.tolist()) if there)

    def _where(self, test: Callable[[str], bool]) -> NDArray[np.bool_]:
        return np.fromiter(map(test, self.ids), dtype=np.bool_, count=len(self.samples))

    def _only(self, wanted: NDArray[np.bool_]) -> Batches:
        kept = wanted[self._order]
        groups, left = _without_empty(self._groups, kept)
        batches, _ = _without_empty(self._batches, left)
        return Batches(self.samples, self._image_path, self._order[kept], groups, batches)


def _without_empty(bounds: Rows, kept: NDArray[np.bool_]) -> tuple[Rows, NDArray[np.bool_]]:
    """Bounds of parts when some of their members go, without the empty parts; and which parts are left."""
    moved = np.concatenate([[0], np.cumsum(kept)])[bounds]
    left = np.diff(moved) > 0
    return np.concatenate([moved[:-1][left], moved[-1:]]), left


def make_batches(
    samples: Sequence[Sample], image_path: Callable[[Sample], Path], batch_size: int, images: int | None = None
) -> Batches:
    """Cut samples into batches of whole image groups, in the order in which images first appear.

    An image with more than `batch_size` samples is split. With `images`, a batch has at most so many groups.
    """
    # Images are numbered as they appear, so that a stable order by number is the order of batches.
    number: dict[str, int] = {}
    of_image = (number.setdefault(image, len(number)) for image in images_of(samples))
    image = np.fromiter(of_image, dtype=np.intp, count=len(samples))
    count = np.bincount(image)
    # An image's parts: so many of the full size, and the rest.
    parts = -(-count // batch_size)
    before = np.arange(int(parts.sum())) - np.repeat(np.cumsum(parts) - parts, parts)
    sizes = np.minimum(batch_size, np.repeat(count, parts) - batch_size * before)
    batches: list[int] = []
    filled = batch_size
    for group, size in enumerate(sizes.tolist()):
        if filled + size > batch_size or group - batches[-1] == images:
            batches.append(group)
            filled = 0
        filled += size
    batches.append(len(sizes))
    groups = np.concatenate([[0], np.cumsum(sizes)])
    return Batches(samples, image_path, np.argsort(image, kind="stable"), groups, np.array(batches))


def batches_with(batches: Sequence[Batch], test: Callable[[str], bool]) -> Sequence[Batch]:
    """The batches of which an id passes a test."""
    if isinstance(batches, Batches):
        return batches.with_any(test)
    return [batch for batch in batches if any(map(test, ids_of(batch)))]


def ids_in(batches: Sequence[Batch]) -> Iterator[str]:
    """The ids of the samples in some batches."""
    return batches.all_ids() if isinstance(batches, Batches) else (id_ for batch in batches for id_ in ids_of(batch))


def share_of(batches: Sequence[Batch], wanted: Container[str]) -> Sequence[Batch]:
    """The batches with only the samples of the wanted ids; what becomes empty goes.

    Batches are cut before a share is taken: a sample that changes its share changes its own batch and no later one.
    """
    if isinstance(batches, Batches):
        return batches.only(wanted)
    shared = []
    for batch in batches:
        kept = (ImageGroup(g.image, tuple(s for s in g.samples if s.id in wanted)) for g in batch)
        if groups := tuple(group for group in kept if group.samples):
            shared.append(groups)
    return shared


def rows_of_batch(batch: Batch, stage: Stage[Row], failure: Callable[[Sample, str], Row]) -> list[Row]:
    """One row per sample. A batch that raises is tried again image by image, then sample by sample; a sample that
    still raises gets a failure row with the reason.

    Raises:
        GoneError: no sample can be answered any more.
    """
    try:
        with panics_as_errors():
            rows = list(stage(batch))
        if [row.sample_id for row in rows] != ids_of(batch):
            raise RuntimeError("the stage returned rows for other samples than it was given")
        return rows
    except GoneError:
        raise
    except Exception as error:
        if len(batch) > 1:
            return [row for group in batch for row in rows_of_batch((group,), stage, failure)]
        group = batch[0]
        if len(group.samples) > 1:
            singles = [ImageGroup(group.image, (sample,)) for sample in group.samples]
            return [row for single in singles for row in rows_of_batch((single,), stage, failure)]
        known = isinstance(error, FinecopsError | OSError)
        reason = str(error) if known else f"{type(error).__name__}: {error}"
        log.debug("sample %s failed", group.samples[0].id, exc_info=error)
        sample = group.samples[0]
        return [with_cause(failure(sample, reason), error, group.image, sample)]
