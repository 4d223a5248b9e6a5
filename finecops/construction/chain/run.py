"""The loop that makes the file of a stage: what is there stays, what is missing is appended, settings are compared.

Rows are appended to `<stage>.jsonl.partial` and flushed, in the order of the stage's input. The finished file is
renamed into place. A killed build goes on behind the last whole row, and ends in the same bytes.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from finecops.construction.chain.comparing import check_beside, compare
from finecops.construction.chain.folder import BuildFolder, StageRecord
from finecops.construction.chain.outcome import FAILED, Counts, outcome_of, plain_reason
from finecops.construction.chain.stage import OneByOne, Stage, Whole
from finecops.errors import FailuresError, RunError
from finecops.progress import progress
from finecops.records import Record
from finecops.runs.checksums import sha256_of
from finecops.runs.jsonl import append_rows, open_new, read_rows, repair_torn_end

log = logging.getLogger(__name__)

_MOST_REASONS: Final = 500
"""The most frequent ones are kept in `build.json`; all of them are in the rows."""
R = TypeVar("R", bound=Record)


def run_stage(folder: BuildFolder, stage: Stage[R]) -> bool:
    """Make a stage's file, or what is missing of it; returns whether anything was made. The caller holds the lock.

    Raises:
        RunError: the stage was made with other settings or files, its file was changed, or a stage that it reads is
            missing.
        FailuresError: many rows in a row failed for one reason; those before them are kept.
    """
    inputs = _inputs(folder, stage)
    record = folder.stages.get(stage.name)
    if record is not None and _is_stale(record, stage, inputs):
        log.info("%s: made again, with other settings or from other rows", stage.name)
        forget(folder, stage)
        record = None
    if record is not None:
        compare(stage, record, inputs)
        if record.state == "done" and _is_sound(folder, stage, record):
            return False
    # Before the first row: whoever goes on later compares with it.
    if record is None:
        folder.note(stage.name, StageRecord(state="begun", settings=dict(stage.settings), inputs=inputs))
    counts = _make(folder, stage)
    done = StageRecord(
        state="done",
        settings=dict(stage.settings),
        inputs=inputs,
        sha256=sha256_of(folder.file(stage.name)),
        beside={name: sha256_of(folder.path / name) for name in stage.beside},
        counts=dict(counts.status),
        # Of a hostile file, every row may have a reason of its own.
        reasons=dict(counts.reasons.most_common(_MOST_REASONS)),
        inner=dict(counts.inner.most_common(_MOST_REASONS)),
        columns=dict(counts.columns),
        notes=list(stage.make.notes) if isinstance(stage.make, Whole) else [],
    )
    folder.note(stage.name, done)
    return True


def forget(folder: BuildFolder, stage: Stage[Any]) -> None:
    """Remove a stage's file and what it wrote beside it, so that it is made anew."""
    # Noted first: a kill between the two leaves files that nobody takes for finished.
    folder.note(stage.name, None)
    for path in (
        folder.file(stage.name),
        folder.unfinished(stage.name),
        *(folder.path / name for name in stage.beside),
    ):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _inputs(folder: BuildFolder, stage: Stage[Any]) -> dict[str, str]:
    found = {name: sha256_of(path) for name, path in stage.files.items()}
    for name in stage.reads:
        record = folder.stages.get(name)
        if record is None or record.sha256 is None or not folder.is_done(name):
            raise RunError(f"{stage.name} reads {folder.file(name)}, which is not finished: --until {stage.name}")
        # What a proof rests on: graphs that were changed by hand prove nothing.
        check_beside(folder, name, record)
        found[name] = record.sha256
    return found


def _is_stale(record: StageRecord, stage: Stage[Any], inputs: Mapping[str, str]) -> bool:
    if any(record.inputs.get(name) != inputs[name] for name in stage.reads):
        return True
    return stage.remake and (record.settings != stage.settings or record.inputs != inputs)


def _is_sound(folder: BuildFolder, stage: Stage[Any], record: StageRecord) -> bool:
    """Whether the finished file is as it was written; without it, the stage is made anew."""
    path = folder.file(stage.name)
    if not path.is_file():
        return False
    if sha256_of(path) != record.sha256:
        raise RunError(f"{path} was changed since it was finished: --again {stage.name} makes it anew")
    check_beside(folder, stage.name, record)
    return True


def _make(folder: BuildFolder, stage: Stage[R]) -> Counts:
    final, partial = folder.file(stage.name), folder.unfinished(stage.name)
    if final.is_file() and isinstance(stage.make, OneByOne):
        # Renamed and not yet noted as done: the process was killed in between.
        os.replace(final, partial)
    counts = Counts()
    if isinstance(stage.make, Whole):
        with open_new(partial) as file:
            for row in stage.make.rows():
                counts.add(row)
                append_rows(file, [row])
            counts.inner.update(stage.make.inner)
            os.fsync(file.fileno())
    else:
        _one_by_one(stage.make, stage, partial, counts)
    os.replace(partial, final)
    if stage.tidy is not None:
        stage.tidy()
    return counts


def _one_by_one(make: OneByOne[R], stage: Stage[R], partial: Path, counts: Counts) -> None:
    things = iter(make.things())
    columns = _Columns(make, counts)
    resumed = _replay(make, stage, partial, things, columns)
    # Where columns are filled, the end is known by what is kept, not by how many are tried.
    goal = sum(make.quotas.values()) if make.quotas else make.total()
    bar = progress(what=stage.name, unit=make.unit, total=goal, initial=columns.kept if make.quotas else resumed)
    held = _Failures(stage.name, make.most_in_a_row)
    with bar, partial.open("a", encoding="utf-8") as file:
        for row in _new_rows(make, things, columns):
            append_rows(file, held.pass_on(row))
            bar.set_postfix_str(str(counts), refresh=False)
            bar.update(columns.kept - bar.n if make.quotas else 1)
        append_rows(file, held.rest())
        os.fsync(file.fileno())


class _Columns:
    """Which columns are full."""

    def __init__(self, make: OneByOne[Any], counts: Counts) -> None:
        self.make, self.counts = make, counts

    def is_full(self, thing: Any) -> bool:
        column = self.make.column(thing)
        quota = self.make.quotas.get(column) if column is not None else None
        return quota is not None and self.counts.columns[column or ""] >= quota

    def add(self, thing: Any, row: Record) -> None:
        self.counts.add(row, self.make.column(thing))

    @property
    def kept(self) -> int:
        """How many rows the columns have."""
        return sum(self.counts.columns.values())


def _replay(make: OneByOne[R], stage: Stage[R], partial: Path, things: Iterator[Any], columns: _Columns) -> int:
    """Go past the things that have a row; returns how many.

    Raises:
        RunError: the rows are not those of these things.
    """
    if partial.is_symlink():
        raise RunError(f"{partial} is a link, and rows would be written to where it leads: remove it")
    if not partial.exists():
        partial.touch()
        return 0
    repair_torn_end(partial)
    number = 0
    for number, row in enumerate(read_rows(partial, stage.row_type), start=1):
        # Full columns are passed over as they were when the rows were made.
        thing = next((one for one in things if not columns.is_full(one)), None)
        if thing is None or make.key(thing) != make.key_of_row(row):
            raise RunError(
                f"{partial}:{number}: not the row that belongs here: --again {stage.name} makes the file anew"
            )
        columns.add(thing, row)
    if number:
        log.info("%s: going on after %d rows", stage.name, number)
    return number


def _new_rows(make: OneByOne[R], things: Iterator[Any], columns: _Columns) -> Iterator[R]:
    """The rows of the things that are left, until all columns are full."""
    asked: deque[Any] = deque()

    def ahead() -> Iterator[Any]:
        for thing in things:
            if not columns.is_full(thing):
                asked.append(thing)
                yield thing

    for row in make.results(ahead()):
        thing = asked.popleft()
        if make.key(thing) != make.key_of_row(row):
            raise RuntimeError(f"the row of {make.key(thing)} has the key {make.key_of_row(row)}")
        # Taken ahead, and its column has become full since.
        if columns.is_full(thing):
            continue
        columns.add(thing, row)
        yield row


class _Failures:
    """Holds rows back while they fail for one reason: where a server is down, they shall be asked again."""

    def __init__(self, stage: str, most: int) -> None:
        self.stage, self.most = stage, most
        self._held: list[Record] = []
        self._reason = ""

    def pass_on(self, row: Record) -> list[Record]:
        """The rows that may be written now.

        Raises:
            FailuresError: too many failed in a row.
        """
        outcome = outcome_of(row)
        reason = plain_reason(outcome.reason or "") if outcome.status == FAILED else ""
        if not self.most or not reason:
            return [*self.rest(), row]
        ready = self.rest() if reason != self._reason else []
        self._reason = reason
        self._held.append(row)
        if len(self._held) >= self.most:
            raise FailuresError(
                f"{self.stage}: {len(self._held)} in a row failed: {outcome.reason}. The rows before them are kept; "
                "the same command goes on from there"
            )
        return ready

    def rest(self) -> list[Record]:
        """What is held back."""
        ready, self._held, self._reason = self._held, [], ""
        return ready
