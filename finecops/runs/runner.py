"""The one loop that runs every stage: skip what is done, batch by image, record failures, time, finish.

A stage file is made in three steps: rows are appended to `<stage>.jsonl.partial` as they come; at the end all
rows are written in the samples' order and moved to `<stage>.jsonl` in one step. A killed run goes on where it
was. Batches are cut from the whole list of samples, so a resumed run computes the same batches as an unbroken
one and its file is the same, byte for byte.
"""

from __future__ import annotations

import errno
import logging
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from filelock import FileLock, Timeout
from tqdm import tqdm

from finecops.errors import FinecopsError, RunError, StopRunError
from finecops.records import Sample, StageRow
from finecops.runs.jsonl import append_rows, finish, read_rows, repair_torn_end

log = logging.getLogger(__name__)
_NUMBER = re.compile(r"\d+")

Row = TypeVar("Row", bound=StageRow)
RowOut = TypeVar("RowOut", bound=StageRow, covariant=True)


@dataclass(frozen=True)
class ImageGroup:
    """Samples that share an image, in the dataset's order. What an image costs is paid once per group."""

    image: Path
    samples: tuple[Sample, ...]


class Stage(Protocol[RowOut]):
    """Maps a batch of groups to rows: one per sample, in the groups' order. May raise; see `run_stage`."""

    def __call__(self, groups: Sequence[ImageGroup]) -> Sequence[RowOut]:
        """Do the work of one batch."""
        ...


@dataclass(frozen=True)
class StageReport:
    """What a stage did: rows in its file, how many of them failed, how many were made now, how long it took, what a
    sample cost in the first batch (multiply-adds count as two; None for a stage without a model in this process), and
    how many rows have which note, numbers in it left out."""

    rows: int
    failed: int
    made_now: int
    seconds: float
    gflops_per_sample: float | None = None
    notes: Mapping[str, int] = field(default_factory=dict)

    @property
    def per_second(self) -> float | None:
        """Samples per second of this run, None if it made none."""
        return round(self.made_now / self.seconds, 2) if self.made_now and self.seconds > 0 else None


@dataclass(frozen=True)
class StageJob(Generic[Row]):
    """Everything `run_stage` needs to know.

    Attributes:
        name: shown in the progress bar.
        path: the stage's final file.
        row_type: the rows it holds.
        samples: what the file shall have a row for, in its order.
        image_path: where a sample's image is.
        failure: sample and reason → the row that stands for a failure.
        batch_size: largest number of samples in a batch; an image with more is split.
        watch: is shown rows as they come, and may stop the run (`StopRunError`).
    """

    name: str
    path: Path
    row_type: type[Row]
    samples: Sequence[Sample]
    image_path: Callable[[Sample], Path]
    failure: Callable[[Sample, str], Row]
    batch_size: int
    watch: Callable[[Sequence[Row]], None] | None = None


def make_batches(
    samples: Sequence[Sample], image_path: Callable[[Sample], Path], batch_size: int
) -> list[list[ImageGroup]]:
    """Cut samples into batches of whole image groups, in the order in which images first appear."""
    by_image: dict[Path, list[Sample]] = {}
    for sample in samples:
        by_image.setdefault(image_path(sample), []).append(sample)
    batches: list[list[ImageGroup]] = []
    filled = batch_size
    for image, members in by_image.items():
        for start in range(0, len(members), batch_size):
            group = ImageGroup(image, tuple(members[start : start + batch_size]))
            if filled + len(group.samples) > batch_size:
                batches.append([])
                filled = 0
            batches[-1].append(group)
            filled += len(group.samples)
    return batches


def run_stage(job: StageJob[Row], load_stage: Callable[[], Stage[Row]]) -> StageReport:
    """Make a stage's file, or what is missing of it.

    A batch that raises is tried again image by image, then sample by sample; a sample that still raises gets a
    failure row with the reason. `load_stage` is called only if there is something to do.

    Raises:
        RunError: another process writes this file, or it cannot be written.
        StopRunError: `watch` stopped it. The few rows made now are taken away, so that another try begins anew; rows
            of an earlier start are kept.
    """
    job.path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = job.path.with_suffix(".jsonl.partial")
    lock = FileLock(job.path.with_suffix(".lock"), timeout=0)
    try:
        with lock:
            resumed = unfinished.exists() and unfinished.stat().st_size > 0
            try:
                return _run_locked(job, load_stage)
            except StopRunError:
                if not resumed:
                    unfinished.unlink(missing_ok=True)
                raise
    except Timeout:
        raise RunError(f"another process is writing {job.path}; wait for it or choose another --run") from None
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES):
            raise RunError(
                f"cannot write {job.path}: {error.strerror}. What was done is kept; mend it and start again"
            ) from error
        raise


def _run_locked(job: StageJob[Row], load_stage: Callable[[], Stage[Row]]) -> StageReport:
    if job.path.exists():
        rows = list(read_rows(job.path, job.row_type))
        return StageReport(len(rows), _count_failed(rows), 0, 0.0)
    unfinished = job.path.with_suffix(".jsonl.partial")
    done: dict[str, Row] = {}
    if unfinished.exists():
        repair_torn_end(unfinished)
        done = {row.sample_id: row for row in read_rows(unfinished, job.row_type)}
        log.info("%s: going on after %d of %d samples", job.name, len(done), len(job.samples))
    resumed = len(done)
    gflops: float | None = None
    started = time.perf_counter()
    todo = [
        batch
        for batch in make_batches(job.samples, job.image_path, job.batch_size)
        if any(sample.id not in done for group in batch for sample in group.samples)
    ]
    if todo:
        stage = load_stage()
        started = time.perf_counter()
        failed = _count_failed(done.values())
        watch = job.watch or (lambda rows: None)
        bar = tqdm(total=len(job.samples), initial=resumed, desc=job.name, unit="sample", dynamic_ncols=True)
        with bar, unfinished.open("a", encoding="utf-8") as file:
            for batch in todo:
                if batch is todo[0]:
                    rows, gflops = _measured(partial(_rows_of, batch, stage, job))
                else:
                    rows = _rows_of(batch, stage, job)
                new = [row for row in rows if row.sample_id not in done]
                watch(new)
                append_rows(file, new)
                done |= {row.sample_id: row for row in new}
                failed += _count_failed(new)
                bar.update(len(new))
                bar.set_postfix(failed=failed, refresh=False)
    ordered = [done[sample.id] for sample in job.samples]
    finish(unfinished, job.path, ordered)
    seconds = time.perf_counter() - started
    return StageReport(
        len(ordered), _count_failed(ordered), len(done) - resumed, seconds, gflops, _count_notes(ordered)
    )


def _measured(make: Callable[[], list[Row]]) -> tuple[list[Row], float | None]:
    """Rows, and how many 10**9 floating-point operations each took if torch made them."""
    if "torch" not in sys.modules:
        return make(), None
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        rows = make()
    total = counter.get_total_flops()
    return rows, round(total / 1e9 / len(rows), 6) if total and rows else None


def _rows_of(batch: list[ImageGroup], stage: Stage[Row], job: StageJob[Row]) -> list[Row]:
    try:
        rows = list(stage(batch))
        wanted = [sample.id for group in batch for sample in group.samples]
        if [row.sample_id for row in rows] != wanted:
            raise RuntimeError("the stage returned rows for other samples than it was given")
        return rows
    except Exception as error:
        if len(batch) > 1:
            return [row for group in batch for row in _rows_of([group], stage, job)]
        group = batch[0]
        if len(group.samples) > 1:
            singles = [ImageGroup(group.image, (sample,)) for sample in group.samples]
            return [row for single in singles for row in _rows_of([single], stage, job)]
        known = isinstance(error, FinecopsError | OSError)
        reason = str(error) if known else f"{type(error).__name__}: {error}"
        log.debug("sample %s failed", group.samples[0].id, exc_info=error)
        return [job.failure(group.samples[0], reason)]


def _count_notes(rows: Iterable[StageRow]) -> dict[str, int]:
    notes = (getattr(row, "note", None) for row in rows)
    return dict(Counter(_NUMBER.sub("N", note) for note in notes if note))


def _count_failed(rows: Iterable[StageRow]) -> int:
    return sum(1 for row in rows if getattr(row, "status", None) == "failed")
