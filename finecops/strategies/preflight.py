"""What would surely stop a run, found before any model is loaded: models, images, room on the disk."""

from __future__ import annotations

import logging
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from finecops.config.schema import AnyModelConfig
from finecops.datasets.parts import images_of
from finecops.errors import DataError, FinecopsError, RunError
from finecops.models.backends import check_model_config
from finecops.runs.run import Run
from finecops.runs.specification import StageSpec

log = logging.getLogger(__name__)

_ROW_BYTES = 3000
"""A row with prompt, reply and 20 boxes; it is on the disk twice while a file is finished."""
_SHOWN = 3


def preflight(run: Run, specs: Sequence[StageSpec[Any]]) -> None:
    """Check everything that the stages with something to do will need.

    Raises:
        FinecopsError: something is missing; the message has all that is.
    """
    todo = list({spec.name: spec for last in specs for spec in last.walk() if run.has_work(spec)}.values())
    faults: list[FinecopsError] = []
    for config, device in _models(todo):
        try:
            check_model_config(config, device)
        except FinecopsError as error:
            faults.append(error)
    try:
        if any(spec.reads_images for spec in todo):
            check_images(run)
        check_disk(run.folder, len(run.samples) * len(todo))
    except FinecopsError as error:
        faults.append(error)
    if len(faults) == 1:
        raise faults[0]
    if faults:
        raise RunError("\n".join(str(fault) for fault in faults))


def _models(specs: Iterable[StageSpec[Any]]) -> Iterator[tuple[AnyModelConfig, str]]:
    """Each model of some stages once, with the device that it is for."""
    seen: list[tuple[AnyModelConfig, str]] = []
    for spec in specs:
        for value in dict(spec.settings).values():
            if isinstance(value, AnyModelConfig) and (value, spec.resources.device) not in seen:
                seen.append((value, spec.resources.device))
    yield from seen


def check_images(run: Run) -> None:
    """See whether the run's images are there, by their names alone: an image is opened when its batch is made.

    Of a few missing ones the samples will fail, which is said.

    Raises:
        DataError: none is there, or those of more samples are missing than may fail.
    """
    samples, images = Counter(images_of(run.samples)), run.dataset.images
    missing = images.missing(samples)
    if not missing:
        return
    count = sum(samples[image] for image in missing)
    shown = ", ".join(str(images.path_of(image)) for image in missing[:_SHOWN])
    shown += ", …" if len(missing) > _SHOWN else ""
    said = f"{len(missing)} of {len(samples)} images {'is' if len(missing) == 1 else 'are'} missing: {shown}"
    if len(missing) == len(samples):
        none = f"none of the {len(samples)} images is there" if len(samples) > 1 else "the only image is not there"
        raise DataError(
            f"{none}: {shown}\n{run.dataset.config.get.rstrip()}\nIf they are elsewhere: --images FOLDER_OR_ZIP"
        )
    share = count / len(run.samples)
    if share > run.options.max_failed:
        raise DataError(
            f"{said}. {share:.1%} of the samples would fail, more than --max-failed {run.options.max_failed:g} allows"
        )
    log.warning("%s; their %d samples will fail", said, count)


def check_disk(folder: Path, rows: int) -> None:
    """See whether a folder's disk has room for so many rows.

    Raises:
        RunError: it has not.
    """
    needed, free = 2 * rows * _ROW_BYTES, shutil.disk_usage(folder).free
    if needed > free:
        raise RunError(
            f"{folder}/ is on a disk with {free / 1e9:.1f} GB free; {rows} rows need about {needed / 1e9:.1f} GB"
        )
