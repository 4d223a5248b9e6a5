"""Batches of whole images, cut once from all of a run's samples; and the rows of one batch, failures included."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from finecops.errors import FinecopsError, GoneError, panics_as_errors
from finecops.records import Sample
from finecops.runs.failures import with_cause
from finecops.runs.specification import ImageGroup, Row, Stage

log = logging.getLogger(__name__)

Batch: TypeAlias = tuple[ImageGroup, ...]


def ids_of(batch: Batch) -> list[str]:
    """The ids of a batch's samples, in its order."""
    return [sample.id for group in batch for sample in group.samples]


def make_batches(
    samples: Sequence[Sample], image_path: Callable[[Sample], Path], batch_size: int, images: int | None = None
) -> list[Batch]:
    """Cut samples into batches of whole image groups, in the order in which images first appear.

    An image with more than `batch_size` samples is split. With `images`, a batch has at most so many groups.
    """
    by_image: dict[str, list[Sample]] = {}
    for sample in samples:
        by_image.setdefault(sample.image, []).append(sample)
    batches: list[list[ImageGroup]] = []
    filled = batch_size
    for members in by_image.values():
        path = image_path(members[0])
        for start in range(0, len(members), batch_size):
            group = ImageGroup(path, tuple(members[start : start + batch_size]))
            if filled + len(group.samples) > batch_size or len(batches[-1]) == images:
                batches.append([])
                filled = 0
            batches[-1].append(group)
            filled += len(group.samples)
    return [tuple(batch) for batch in batches]


def share_of(batches: Sequence[Batch], wanted: frozenset[str]) -> list[Batch]:
    """The batches with only the samples of the wanted ids; what becomes empty goes.

    Batches are cut before a share is taken: a sample that changes its share changes its own batch and no later one.
    """
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
