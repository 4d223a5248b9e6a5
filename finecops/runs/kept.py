"""What is there of a stage's file: the rows that stay, and the batches that are left.

A batch of which one row is made again is computed whole.
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Iterable, Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic

from filelock import FileLock, Timeout

from finecops.errors import RunError
from finecops.runs.batches import Batch, batches_with, ids_in
from finecops.runs.checksums import sound_rows
from finecops.runs.job import StageJob
from finecops.runs.jsonl import MADE_AGAIN
from finecops.runs.row_file import RowFaultError, RowFile, read_partial, replace_rows
from finecops.runs.specification import Row

log = logging.getLogger(__name__)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Held while a stage's file is read and made.

    Raises:
        RunError: another process holds it, or the disk does not take it.
    """
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


def batches_left(job: StageJob[Any]) -> Sequence[Batch]:
    """The batches that `run_stage` would work through now. No row is made or goes.

    Raises:
        RunError: another process writes this file, or it cannot be read.
    """
    with locked(job.path):
        stay = _judged(job).stay
    return batches_with(job.batches, lambda id_: id_ not in stay)


@dataclass(frozen=True)
class Kept(Generic[Row]):
    """Rows that stay, and whether they are the finished file."""

    rows: RowFile[Row]
    finished: bool


@dataclass(frozen=True)
class _Judged(Generic[Row]):
    """Rows that are there, whether they are a whole and sound final file, and the ids of those that stay."""

    rows: RowFile[Row]
    whole: bool
    stay: Set[str]


def _judged(job: StageJob[Row]) -> _Judged[Row]:
    there, whole = _rows_there(job)
    redo = {id_ for id_ in job.again | job.ask_again(there) if id_ in there}
    # What is not in the file was never made, or is of a sample that came into this share: its batch is computed whole.
    if whole:
        redo |= {id_ for id_ in job.order if id_ not in there}
    dropped = set(ids_in(batches_with(job.batches, redo.__contains__))) if redo else redo
    # A dictionary: in the file's order.
    stay = dict.fromkeys(id_ for id_ in job.order if id_ in there and id_ not in dropped)
    return _Judged(there, whole, stay.keys())


def rows_that_stay(job: StageJob[Row]) -> Kept[Row]:
    """The rows of the final or the partial file that need not be made again; the files are left ready to go on."""
    judged = _judged(job)
    there, whole, stay = judged.rows, judged.whole, judged.stay
    if whole and len(stay) == len(there) == len(job.order) and all(a == b for a, b in zip(stay, there)):
        return Kept(there, True)
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
    return Kept(rows, False)


def _moved(job: StageJob[Row], rows: RowFile[Row], ids: Iterable[str]) -> RowFile[Row]:
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
