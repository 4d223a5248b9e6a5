"""From a run to files of requests: what the live command would ask next."""

from __future__ import annotations

import logging
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from typing import Any, Final

from finecops.archives.zip_images import is_zipped
from finecops.batch_files.askers import NOTED, Recorder
from finecops.batch_files.note import FORMAT, BatchNote, mode_of, refuse_existing
from finecops.batch_files.places import DATA, ImageUrls
from finecops.batch_files.request_files import Limits, RequestFiles, WrittenFile
from finecops.batch_files.stages import batch_stages, with_asker
from finecops.config.schema import MllmConfig
from finecops.errors import RunError, UsageError
from finecops.exchange.exporting.folder import ExportFolder
from finecops.progress import progress
from finecops.records import StageRow
from finecops.replies.box_text import seen_size
from finecops.runs.batches import Batch, ids_of, rows_of_batch
from finecops.runs.failures import plain_reason
from finecops.runs.run import Run
from finecops.runs.specification import StageSpec, Work
from finecops.stages.order_test import VoteSettings
from finecops.strategies.options import Options
from finecops.strategies.parts import Parts
from finecops.strategies.preflight import check_images
from finecops.strategies.running import do_all, open_for

log = logging.getLogger(__name__)

_TEXT_BYTES: Final = 700
"""About so many bytes of a request are not its image."""
_REPEATED: Final = 1.5
"""If an image is in the files so many times, that is said."""

Left = Sequence[tuple[StageSpec[Any], Sequence[Batch]]]


@dataclass(frozen=True)
class Wanted:
    """What an export is to be like.

    Attributes:
        by: who answers (`finecops.batch_files.stages.BY`).
        images_as: how requests have their images (`finecops.batch_files.places`).
        limits: of a file.
        logprobs, special_tokens: whether requests have these optional parameters.
    """

    by: str
    images_as: str = DATA
    limits: Limits = field(default_factory=Limits)
    logprobs: bool = True
    special_tokens: bool = True


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        run: whose questions they are.
        files: the files of requests.
        repeated: requests that are there once for several samples or orders.
        embedded: images that are data though paths or URLs were asked for.
        not_asked: why samples have no request → how many.
    """

    run: Path
    files: Sequence[WrittenFile]
    repeated: int
    embedded: int
    not_asked: Mapping[str, int]
    model: str
    command: str


def export_batch(options: Options, wanted: Wanted, out: Path) -> Exported:
    """Write the requests that the live command would send now, after the stages that it needs.

    Raises:
        UsageError: an option has no use, or the model is not behind a server.
        DataError: the folder has something already.
        RunError: nothing is left to ask, there is no room on the disk, or the run was made with other settings.
        FinecopsError: something that the stages need is missing.
    """
    parts = Parts(options)
    stages = batch_stages(parts, wanted.by)
    mode = mode_of(stages.model, wanted.logprobs, wanted.special_tokens)
    urls = ImageUrls(stages.model, wanted.images_as)
    refuse_existing(out)
    run = open_for(parts, stages.part)
    if options.upstream:
        do_all(run, list({spec.name: spec for asked in stages.asked for spec in asked.inputs}.values()))
    check_images(run)
    # As when the live command goes on: failed rows are asked again, those that are there are not.
    left = [(spec, run.left(spec)) for spec in stages.asked]
    if not any(batches for _, batches in left):
        raise RunError(f"{run.folder}/: nothing is left to ask: every question has its answer")
    _look_ahead(left, stages.model, wanted, out)
    folder = ExportFolder(out, FORMAT)
    files = RequestFiles(folder, wanted.limits)
    recorder = Recorder(stages.model, mode, urls)
    try:
        not_asked = _write(run, left, recorder, urls, files)
    finally:
        files.close()
    note = BatchNote.of(stages, wanted.by, options, mode, run)
    folder.finish({**note, "images_as": wanted.images_as, "url": wanted.limits.url, "files": _counts(files.files)})
    return Exported(
        run=run.folder,
        files=files.files,
        repeated=files.repeated,
        embedded=urls.embedded,
        not_asked=not_asked,
        model=stages.model.weights,
        command=stages.command,
    )


def _counts(files: Sequence[WrittenFile]) -> dict[str, dict[str, int]]:
    return {file.name: {"requests": file.requests, "bytes": file.bytes} for file in files}


def _write(run: Run, left: Left, recorder: Recorder, urls: ImageUrls, files: RequestFiles) -> Counter[str]:
    """Let the stages ask; the reasons of samples that have no question."""
    not_asked: Counter[str] = Counter()
    total = sum(len(ids_of(batch)) for _, batches in left for batch in batches)
    with progress(what="requests", unit="sample", total=total) as bar:
        for spec, batches in left:
            inputs = {before.name: run.file(before.name) for before in spec.inputs}
            stage = Work(with_asker(spec, recorder), inputs).make_stage()
            recorder.stage = spec.name
            for batch in batches:
                urls.names = {group.image: group.samples[0].image for group in batch}
                # Failures are those of the live command: an image that cannot be read has no request.
                rows = rows_of_batch(batch, stage, spec.failure)
                files.add(recorder.take())
                not_asked.update(reason for row in rows if (reason := _why_not(row)) is not None)
                bar.update(len(rows))
    return not_asked


def _why_not(row: StageRow) -> str | None:
    """Why a row's sample has no request; None: it has one."""
    if row.reason == NOTED:
        return None
    # Without candidates, None is the answer.
    return plain_reason(row) if row.reason is not None else str(getattr(row, "note", None) or "nothing to ask")


def _look_ahead(left: Left, config: MllmConfig, wanted: Wanted, out: Path) -> None:
    """Say how large the files will be.

    Raises:
        RunError: the disk has no room for them.
        UsageError: images are in a zip file, and paths are asked for.
    """
    requests, size, images = _estimate(left, config, wanted.images_as)
    files = max(ceil(requests / wanted.limits.requests), ceil(size / wanted.limits.bytes))
    log.info("about %d requests, %.1f MB, in %d or more files", requests, size / 1e6, files)
    if wanted.images_as == DATA and requests > _REPEATED * images:
        log.info(
            "each image is in the files %.1f times, as data: --images-as file or a URL makes them small",
            requests / images,
        )
    # The folder is made later.
    free = shutil.disk_usage(next(place for place in out.absolute().parents if place.exists())).free
    if size > free:
        raise RunError(
            f"{out}/: the requests need about {size / 1e9:.1f} GB, and the disk has {free / 1e9:.1f} GB free: "
            "--images-as file or a URL makes them small"
        )


def _estimate(left: Left, config: MllmConfig, images_as: str) -> tuple[int, float, int]:
    """About how many requests, how many bytes, and how many images."""
    requests, size, images = 0, 0.0, dict[Path, float]()
    for spec, batches in left:
        turns = spec.settings.orders if isinstance(spec.settings, VoteSettings) else 1
        for batch in batches:
            for group in batch:
                if images_as != DATA and is_zipped(group.image):
                    raise UsageError(
                        f"--images-as {images_as}: the images are in a zip file, which no server reads: unpack it, and "
                        "name the folder with --images"
                    )
                if group.image not in images:
                    wh = (group.samples[0].width, group.samples[0].height)
                    images[group.image] = _image_bytes(group.image, wh, config) if images_as == DATA else 0.0
                count = turns * len(group.samples)
                requests += count
                size += count * (_TEXT_BYTES + images[group.image])
    return requests, size, max(1, len(images))


def _image_bytes(path: Path, image_wh: tuple[int, int], config: MllmConfig) -> float:
    """About how many bytes an image takes in base64."""
    sent = seen_size(config, image_wh)
    # A PNG of a photograph has about two bytes per pixel.
    content = path.stat().st_size if sent == image_wh and path.is_file() else 2 * sent[0] * sent[1]
    return content * 4 / 3
