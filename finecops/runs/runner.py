"""The loop that makes every stage's file: keep what is sound, hand batches to an engine, time, finish.

A stage file is made in three steps: rows are appended to `<stage>.jsonl.partial` as they come; at the end all
rows are written in the samples' order and moved to `<stage>.jsonl` in one step. A killed run goes on where it
was. A finished file of which rows must be made again (they failed, their input changed, the file was cut) becomes a
partial file with the rows that stay.

Batches are cut from all samples of the run, and a batch of which one row is made again is computed whole: so a
resumed, repaired or sharded run computes the same batches as an unbroken one and its file is the same, byte for byte.
"""

from __future__ import annotations

import errno
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Generic

from filelock import FileLock, Timeout

from finecops.errors import RunError, StopRunError
from finecops.progress import clock, progress
from finecops.records import StageRow
from finecops.runs.batches import Batch, batches_with, ids_in
from finecops.runs.beside import AllBeside, BesideFiles
from finecops.runs.checksums import FileChecksums, sound_rows
from finecops.runs.engines import Engine
from finecops.runs.failures import CircuitBreaker
from finecops.runs.jsonl import MADE_AGAIN, append_rows
from finecops.runs.row_file import RowFaultError, RowFile, finish, read_partial, replace_rows
from finecops.runs.specification import Row, Work

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
        some = "" if self.made_now == self.rows else f"{self.made_now} of them in "
        return f"{some}{self.seconds:.1f} s, {self.per_second} samples/s"

    @property
    def per_second(self) -> float | None:
        """Samples per second of this call, None if it made none."""
        return round(self.made_now / self.seconds, 2) if self.made_now and self.seconds > 0 else None


def _none(rows: Mapping[str, StageRow]) -> set[str]:
    return set()


def _nothing(dropped: Sequence[str] | None) -> None:
    return None


@dataclass(frozen=True)
class StageJob(Generic[Row]):
    """A stage's file to be made.

    Attributes:
        work: the stage, and the files it reads.
        path: its final file.
        order: ids of the samples that the file has a row for, in its order.
        batches: the batches of those samples.
        checksums: of the final file as it was finished; None if it was not.
        again: ids whose input has changed since their rows were made.
        ask_again: from the rows that are there to the ids of failed ones that are asked again.
        begin: called before rows that are there are made again, with the ids of those that go; None: not known which.
        watch: is shown rows as they come, and may stop the run (`StopRunError`).
        place: which of the run's stages it is, in words ("2 of 4"); empty: the only one.
        seconds_after: how long the run's stages after it will take; None: not known.
        beside: the stages that do each batch after it.
    """

    work: Work[Row]
    path: Path
    order: Sequence[str]
    batches: Sequence[Batch]
    checksums: FileChecksums | None = None
    again: frozenset[str] = frozenset()
    ask_again: Callable[[Mapping[str, StageRow]], set[str]] = _none
    begin: Callable[[Sequence[str] | None], None] = _nothing
    watch: Callable[[Sequence[Row]], None] | None = None
    place: str = ""
    seconds_after: float | None = None
    beside: tuple[StageJob[Any], ...] = ()

    @property
    def unfinished(self) -> Path:
        """Where rows are kept until all are there."""
        return self.path.with_suffix(".jsonl.partial")


def run_stage(job: StageJob[Row], engine: Engine) -> StageReport:
    """Make a stage's file, or what is missing of it. A model is loaded only if there is something to do.

    Raises:
        RunError: another process writes this file, or it cannot be written.
        FailuresError: many answers in a row failed for one reason. Rows are kept.
        StopRunError: `watch` stopped it. The few rows made now are taken away, so that another try begins anew; rows
            of an earlier start are kept.
    """
    job.path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(job.path):
        kept = _rows_that_stay(job)
        if kept.finished:
            return _report(kept.rows, 0, 0.0, None)
        resumed = job.unfinished.exists() and job.unfinished.stat().st_size > 0
        try:
            return _make_missing(job, kept.rows, engine)
        except StopRunError:
            if not resumed:
                job.unfinished.unlink(missing_ok=True)
            raise


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    try:
        with FileLock(path.with_suffix(".lock"), timeout=0):
            yield
    except Timeout:
        raise RunError(f"another process is writing {path}; wait for it or choose another --run") from None
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EFBIG):
            raise RunError(
                f"cannot write {path}: {error.strerror}. What was done is kept; make room and start again"
            ) from error
        raise


@dataclass(frozen=True)
class _Kept(Generic[Row]):
    """Rows that stay, and whether they are the finished file."""

    rows: RowFile[Row]
    finished: bool


def _rows_that_stay(job: StageJob[Row]) -> _Kept[Row]:
    """The rows of the final or the partial file that need not be made again; the files are left ready to go on."""
    there, whole = _rows_there(job)
    redo = {id_ for id_ in job.again | job.ask_again(there) if id_ in there}
    # What is not in the file was never made, or is of a sample that came into this share: its batch is computed whole.
    if whole:
        redo |= {id_ for id_ in job.order if id_ not in there}
    dropped = set(ids_in(batches_with(job.batches, redo.__contains__))) if redo else redo
    stay = [id_ for id_ in job.order if id_ in there and id_ not in dropped]
    if whole and len(stay) == len(there) == len(job.order) and all(a == b for a, b in zip(stay, there)):
        return _Kept(there, True)
    rows = there
    if job.path.exists():
        staying = set(stay)
        gone = [id_ for id_ in there if id_ not in staying]
        log.info("%s: %d rows are made again, %d stay", job.work.spec.name, len(job.order) - len(stay), len(stay))
        rows = _moved(job, there, stay)
        # Only now is the file known to be under repair: a kill before this leaves it as it was.
        job.begin(gone if whole else None)
        job.path.unlink()
    elif len(stay) < len(there):
        rows = _moved(job, there, stay)
        staying = set(stay)
        job.begin([id_ for id_ in there if id_ not in staying])
    if rows:
        log.info("%s: going on after %d of %d samples", job.work.spec.name, len(rows), len(job.order))
    return _Kept(rows, False)


def _moved(job: StageJob[Row], rows: RowFile[Row], ids: Sequence[str]) -> RowFile[Row]:
    """Some rows, in the partial file."""
    replace_rows(job.unfinished, rows, ids)
    moved = RowFile(job.unfinished, job.work.spec.row_type)
    moved.read()
    return moved


def _rows_there(job: StageJob[Row]) -> tuple[RowFile[Row], bool]:
    """Rows that were made before, and whether they are a whole and sound final file."""
    row_type, name = job.work.spec.row_type, job.work.spec.name
    if job.path.exists():
        rows, sound = RowFile(job.path, row_type), None
        if job.checksums is not None:
            sound = sound_rows(job.path, job.checksums)
            if sound is not None:
                log.warning("%s was changed after row %d since it was finished: making the rest again", job.path, sound)
        # Without checksums: renamed and not yet noted as done, since the process was killed in between.
        try:
            rows.read(most=sound)
        except RowFaultError as fault:
            raise RunError(f"{job.path}:{fault.number}: {fault}. {MADE_AGAIN}") from fault
        return rows, sound is None
    if job.unfinished.is_symlink():
        raise RunError(f"{job.unfinished} is a link, and rows would be written to where it leads: remove it")
    if not job.unfinished.exists():
        return RowFile(job.unfinished, row_type), False
    found = read_partial(job.unfinished, row_type)
    log.debug("%s: %d rows in %s", name, len(found), job.unfinished)
    return found, False


def _make_missing(job: StageJob[Row], done: RowFile[Row], engine: Engine) -> StageReport:
    resumed = len(done)
    # A batch that was begun is computed whole again: a row must not depend on where the process was killed.
    todo = batches_with(job.batches, lambda id_: id_ not in done)
    started, gflops, others = time.perf_counter(), None, 0.0
    beside = BesideFiles(job.beside, _locked)
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
                breaker(new, len(done) - failed)
                others += beside.add(result.beside)
                seconds = (time.perf_counter() - started) / max(1, len(done) - resumed) * (len(job.order) - len(done))
                bar.set_postfix_str(_time_left(job, seconds, failed), refresh=False)
                bar.update(len(new))
    finish(job.unfinished, job.path, done, job.order)
    report = _report(done, len(done) - resumed, time.perf_counter() - started - others, gflops)
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
