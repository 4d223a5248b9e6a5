"""The loop that makes every stage's file: skip what is done, hand batches to an engine, time, finish.

A stage file is made in three steps: rows are appended to `<stage>.jsonl.partial` as they come; at the end all
rows are written in the samples' order and moved to `<stage>.jsonl` in one step. A killed run goes on where it
was. Batches are cut from all samples of the run, so a resumed run computes the same batches as an unbroken one and
its file is the same, byte for byte.
"""

from __future__ import annotations

import errno
import logging
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic

from filelock import FileLock, Timeout
from tqdm import tqdm

from finecops.errors import RunError, StopRunError
from finecops.records import StageRow
from finecops.runs.batches import Batch
from finecops.runs.engines import Engine
from finecops.runs.jsonl import append_rows, finish, read_rows, repair_torn_end
from finecops.runs.specification import Row, Work

log = logging.getLogger(__name__)
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True)
class StageReport:
    """What a stage did.

    Attributes:
        rows, failed: in its file.
        made_now: rows that this call made, in `seconds`, loading left out.
        gflops_per_sample: 10**9 operations a sample took in the first batch (multiply-adds count as two); None for a
            stage without a model in this process.
        notes: how many rows have which note, numbers in it replaced by N.
    """

    rows: int
    failed: int
    made_now: int
    seconds: float
    gflops_per_sample: float | None = None
    notes: Mapping[str, int] = field(default_factory=dict)

    @property
    def per_second(self) -> float | None:
        """Samples per second of this call, None if it made none."""
        return round(self.made_now / self.seconds, 2) if self.made_now and self.seconds > 0 else None


@dataclass(frozen=True)
class StageJob(Generic[Row]):
    """A stage's file to be made.

    Attributes:
        work: the stage, and the files it reads.
        path: its final file.
        order: ids of the samples that the file has a row for, in its order.
        batches: the batches of those samples.
        watch: is shown rows as they come, and may stop the run (`StopRunError`).
    """

    work: Work[Row]
    path: Path
    order: Sequence[str]
    batches: Sequence[Batch]
    watch: Callable[[Sequence[Row]], None] | None = None

    @property
    def unfinished(self) -> Path:
        """Where rows are kept until all are there."""
        return self.path.with_suffix(".jsonl.partial")


def run_stage(job: StageJob[Row], engine: Engine) -> StageReport:
    """Make a stage's file, or what is missing of it. A model is loaded only if there is something to do.

    Raises:
        RunError: another process writes this file, or it cannot be written.
        StopRunError: `watch` stopped it. The few rows made now are taken away, so that another try begins anew; rows
            of an earlier start are kept.
    """
    job.path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(job.path.with_suffix(".lock"), timeout=0):
            resumed = job.unfinished.exists() and job.unfinished.stat().st_size > 0
            try:
                return _run_locked(job, engine)
            except StopRunError:
                if not resumed:
                    job.unfinished.unlink(missing_ok=True)
                raise
    except Timeout:
        raise RunError(f"another process is writing {job.path}; wait for it or choose another --run") from None
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES):
            raise RunError(
                f"cannot write {job.path}: {error.strerror}. What was done is kept; fix it and start again"
            ) from error
        raise


def _run_locked(job: StageJob[Row], engine: Engine) -> StageReport:
    row_type = job.work.spec.row_type
    if job.path.exists():
        rows = list(read_rows(job.path, row_type))
        return StageReport(len(rows), _count_failed(rows), 0, 0.0)
    done: dict[str, Row] = {}
    if job.unfinished.exists():
        repair_torn_end(job.unfinished)
        done = {row.sample_id: row for row in read_rows(job.unfinished, row_type)}
        log.info("%s: going on after %d of %d samples", job.work.spec.name, len(done), len(job.order))
    resumed = len(done)
    # A batch that was begun is computed whole again: a row must not depend on where the process was killed.
    todo = [batch for batch in job.batches if any(s.id not in done for group in batch for s in group.samples)]
    started, gflops = time.perf_counter(), None
    if todo:
        results = engine(job.work, todo)
        started = time.perf_counter()
        bar = tqdm(total=len(job.order), initial=resumed, desc=job.work.spec.name, unit="sample", dynamic_ncols=True)
        failed = _count_failed(done.values())
        with bar, job.unfinished.open("a", encoding="utf-8") as file:
            for result in results:
                gflops = gflops or result.gflops_per_sample
                new = [row for row in result.rows if row.sample_id not in done]
                if job.watch is not None:
                    job.watch(new)
                append_rows(file, new)
                done |= {row.sample_id: row for row in new}
                failed += _count_failed(new)
                bar.update(len(new))
                bar.set_postfix(failed=failed, refresh=False)
    ordered = [done[id_] for id_ in job.order]
    finish(job.unfinished, job.path, ordered)
    seconds = time.perf_counter() - started
    return StageReport(
        rows=len(ordered),
        failed=_count_failed(ordered),
        made_now=len(done) - resumed,
        seconds=seconds,
        gflops_per_sample=gflops,
        notes=_count_notes(ordered),
    )


def _count_notes(rows: Iterable[StageRow]) -> dict[str, int]:
    notes = (getattr(row, "note", None) for row in rows)
    return dict(Counter(_NUMBER.sub("N", note) for note in notes if note))


def _count_failed(rows: Iterable[StageRow]) -> int:
    return sum(1 for row in rows if getattr(row, "status", None) == "failed")
