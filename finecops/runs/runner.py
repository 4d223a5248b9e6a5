"""The loop that makes every stage's file: keep what is sound, hand batches to an engine, time, finish.

A stage file is made in three steps: rows are appended to `<stage>.jsonl.partial` as they come; at the end all
rows are written in the samples' order and moved to `<stage>.jsonl` in one step. A killed run goes on where it
was. A finished file of which rows must be made again (they failed, their input changed, the file was cut) becomes a
partial file with the rows that stay.

Batches are cut from all samples of the run, and a batch of which one row is made again is computed whole: so a
resumed, repaired or sharded run computes the same batches as an unbroken one and its file is the same, byte for byte.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from finecops.errors import StopRunError
from finecops.progress import clock, progress
from finecops.runs.batches import batches_with
from finecops.runs.beside import AllBeside, BesideFiles
from finecops.runs.engines import Engine
from finecops.runs.failures import CircuitBreaker
from finecops.runs.job import StageJob
from finecops.runs.jsonl import append_rows
from finecops.runs.kept import locked, rows_that_stay
from finecops.runs.row_file import RowFile, finish
from finecops.runs.specification import Row

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StageReport:
    """What a stage did.

    Attributes:
        rows, failed: in its file.
        made_now: rows that this call made, in `seconds`, loading left out.
        gflops_per_sample: 10**9 operations a sample took in the first batch (multiply-adds count as two); None for a
            stage without a model in this process.
        notes: how many rows have which note, numbers in it replaced by N.
        reasons: how many rows failed for which reason, in the same way.
        beside: what this call made of other stages, by their names.
    """

    rows: int
    failed: int
    made_now: int
    seconds: float
    gflops_per_sample: float | None = None
    notes: Mapping[str, int] = field(default_factory=dict)
    reasons: Mapping[str, int] = field(default_factory=dict)
    beside: Mapping[str, AllBeside] = field(default_factory=dict)

    @property
    def pace(self) -> str:
        """The time for a line of the log: of how many rows, where not all were made or timed now."""
        if not self.seconds:
            return "not timed"
        some = "" if self.made_now == self.rows else f"{self.made_now} of them in "
        return f"{some}{self.seconds:.1f} s, {self.per_second} samples/s"

    @property
    def per_second(self) -> float | None:
        """Samples per second of this call, None if it made none."""
        return round(self.made_now / self.seconds, 2) if self.made_now and self.seconds > 0 else None


def run_stage(job: StageJob[Row], engine: Engine) -> StageReport:
    """Make a stage's file, or what is missing of it. A model is loaded only if there is something to do.

    Raises:
        RunError: another process writes this file, or it cannot be written.
        FailuresError: many answers in a row failed for one reason. Rows are kept.
        StopRunError: `watch` stopped it. The few rows made now are taken away, so that another try begins anew; rows
            of an earlier start are kept.
    """
    job.path.parent.mkdir(parents=True, exist_ok=True)
    with locked(job.path):
        kept = rows_that_stay(job)
        if kept.finished:
            return _report(kept.rows, 0, 0.0, None)
        resumed = job.unfinished.exists() and job.unfinished.stat().st_size > 0
        try:
            return _make_missing(job, kept.rows, engine)
        except StopRunError:
            if not resumed:
                job.unfinished.unlink(missing_ok=True)
            raise


def _make_missing(job: StageJob[Row], done: RowFile[Row], engine: Engine) -> StageReport:
    resumed = len(done)
    # A batch that was begun is computed whole again: a row must not depend on where the process was killed.
    todo = batches_with(job.batches, lambda id_: id_ not in done)
    started, gflops, others = time.perf_counter(), None, 0.0
    beside = BesideFiles(job.beside, locked)
    breaker = CircuitBreaker(job.work.spec.name, len(job.order))
    if todo:
        results = engine(job.work, todo)
        started = time.perf_counter()
        names = " and ".join(work.spec.name for work in (job.work, *job.work.beside))
        title = f"{names} ({job.place})" if job.place else names
        bar = progress(what=title, unit="sample", total=len(job.order), initial=resumed)
        with _closed(results), bar, beside, job.unfinished.open("a", encoding="utf-8") as file:
            for result in results:
                gflops = gflops or result.gflops_per_sample
                new = [row for row in result.rows if row.sample_id not in done]
                if job.watch is not None:
                    job.watch(new)
                append_rows(file, new)
                done.read()
                failed = len(done.tally.failed)
                if not job.given:
                    breaker(new, len(done) - failed)
                others += beside.add(result.beside)
                seconds = (time.perf_counter() - started) / max(1, len(done) - resumed) * (len(job.order) - len(done))
                bar.set_postfix_str(_time_left(job, seconds, failed), refresh=False)
                bar.update(len(new))
    finish(job.unfinished, job.path, done, job.order)
    seconds = 0.0 if job.given else time.perf_counter() - started - others
    report = _report(done, len(done) - resumed, seconds, gflops)
    return replace(report, beside=beside.made)


@contextmanager
def _closed(results: Iterator[Any]) -> Iterator[None]:
    """What an engine began is ended, whatever happens to its rows."""
    try:
        yield
    finally:
        # A generator; an engine of another program may give any iterator.
        if hasattr(results, "close"):
            results.close()


def _time_left(job: StageJob[Any], seconds: float, failed: int) -> str:
    """What a bar says at its end: failures, and when the run ends, or the stage if more is not known."""
    after = job.seconds_after
    if not job.place or after is not None:
        end = f"ends {clock(seconds + (after or 0.0))}"
    else:
        end = f"stage ends {clock(seconds)}"
    return f"{end}, {failed} failed" if failed else end


def _report(rows: RowFile[Any], made_now: int, seconds: float, gflops: float | None) -> StageReport:
    return StageReport(
        rows=len(rows),
        failed=len(rows.tally.failed),
        made_now=made_now,
        seconds=seconds,
        gflops_per_sample=gflops,
        notes=dict(rows.tally.notes),
        reasons=rows.tally.reasons,
    )
