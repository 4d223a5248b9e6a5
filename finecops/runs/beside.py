"""Stages that do each batch right after another stage has done it: they ask the same model, which still has what it
computed of the batch's images.

What is made beside is kept in the stage's own unfinished file, and the stage goes on from there when its turn comes.
What was not made beside is made then: after a kill, for a batch with a failed row, with an engine that makes nothing
beside. The rows are the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

from finecops.errors import StopRunError
from finecops.image_memory import forget_computed
from finecops.records import Route, StageRow
from finecops.runs.batches import Batch, ids_of, share_of
from finecops.runs.failures import is_failed
from finecops.runs.jsonl import append_rows
from finecops.runs.row_file import read_partial
from finecops.runs.specification import Stage, StageContext, StageSpec, Work

if TYPE_CHECKING:
    from finecops.runs.engines.local import BatchResult
    from finecops.runs.job import StageJob
    from finecops.runs.runner import StageReport

Row = TypeVar("Row", bound=StageRow)
MakeRows = Callable[[Work[Any], Stage[Any], Batch], "BatchResult[Any]"]
"""How an engine makes the rows of a batch."""
ALONE = 16
"""In one batch of so many, stages beside another compute everything themselves, and are timed."""


@dataclass(frozen=True)
class MadeBeside:
    """What a stage made of one batch beside another."""

    name: str
    rows: list[Any]
    seconds: float
    alone: tuple[int, float] | None = None
    """So many rows, in so many seconds, in batches of which the model had to compute everything again."""
    gflops_per_sample: float | None = None
    """In the same way."""


@dataclass(frozen=True)
class AllBeside:
    """What a stage made of all batches by now: so many rows; the others as of one batch."""

    rows: int = 0
    seconds: float = 0.0
    alone: tuple[int, float] | None = None
    gflops_per_sample: float | None = None


@dataclass(frozen=True)
class _BesideContext(StageContext):
    """A context in which one input's rows are those of the batch in work."""

    live: str
    table: dict[str, StageRow]

    def rows(self, name: str, row_type: type[Row]) -> Mapping[str, Row]:
        """The rows of an input."""
        return self.table if name == self.live else super().rows(name, row_type)  # type: ignore[return-value]


class BesideStages:
    """The stages beside one stage, with their models."""

    def __init__(self, work: Work[Any]) -> None:
        self._rows: dict[str, StageRow] = {}
        self._batches = 0
        self._stages: list[tuple[Work[Any], StageContext, Stage[Any]]] = []
        for beside in work.beside:
            context = _BesideContext(beside.inputs, beside.spec.resources.device, work.spec.name, self._rows)
            self._stages.append((beside, context, beside.spec.make(beside.spec.settings, context)))

    def __call__(self, batch: Batch, rows: Sequence[StageRow], make: MakeRows) -> list[MadeBeside]:
        """What each of them makes of a batch whose rows in the first stage these are; nothing if one of those failed,
        since it is asked again, and may change.

        What a stage costs alone is measured where everything is computed again: operations in the first batch, where
        engines count them, and the time of the second and every sixteenth after it.
        """
        if not self._stages or any(is_failed(row) for row in rows):
            return []
        self._rows.clear()
        self._rows.update((row.sample_id, row) for row in rows)
        number, self._batches = self._batches, self._batches + 1
        made = []
        for beside, context, stage in self._stages:
            if number % ALONE == 1:
                forget_computed()
            started = time.perf_counter()
            results = [make(beside, stage, part) for part in _share(beside, context, batch)]
            found = [row for result in results for row in result.rows]
            seconds = time.perf_counter() - started
            alone = (len(found), seconds) if number % ALONE == 1 and found else None
            gflops = results[0].gflops_per_sample if results else None
            made.append(MadeBeside(beside.spec.name, found, seconds, alone, gflops))
        return made


def _share(work: Work[Any], context: StageContext, batch: Batch) -> Sequence[Batch]:
    """The part of a batch that a stage is for: one batch, or none."""
    level = work.spec.share.router_level
    if level is None:
        return [batch]
    (routes,) = (before.name for before in work.spec.inputs if before.role == "routes")
    rows = context.rows(routes, Route)
    return share_of([batch], frozenset(id_ for id_ in ids_of(batch) if rows[id_].level == level))


class BesideFiles(AbstractContextManager["BesideFiles"]):
    """The unfinished files of stages beside another, open to take rows."""

    def __init__(self, jobs: Sequence[StageJob[Any]], lock: Any) -> None:
        self._jobs = {job.work.spec.name: job for job in jobs}
        self._lock = lock
        self._stack = ExitStack()
        self._files: dict[str, TextIO] = {}
        self._there: dict[str, Collection[str]] = {}
        self.made: dict[str, AllBeside] = {}
        """What was made of each stage by now."""

    def __enter__(self) -> BesideFiles:
        for name, job in self._jobs.items():
            self._stack.enter_context(self._lock(job.path))
            path: Path = job.unfinished
            self._there[name] = read_partial(path, job.work.spec.row_type) if path.exists() else ()
            self._files[name] = self._stack.enter_context(path.open("a", encoding="utf-8"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the files. Where the run was stopped by what was made, another try begins anew."""
        for name, file in self._files.items():
            file.close()
            path = self._jobs[name].unfinished
            stopped = kind is not None and issubclass(kind, StopRunError) and not self._there[name]
            if stopped or path.stat().st_size == 0:
                path.unlink()
        self._stack.close()

    def add(self, made: Sequence[MadeBeside]) -> float:
        """Write rows; the seconds that they took.

        Raises:
            StopRunError: the first answers of such a stage show that something is wrong with its model.
        """
        for part in made:
            there = self._there[part.name]
            # Of a batch that was begun before, the stage itself makes what is missing.
            if any(row.sample_id in there for row in part.rows):
                continue
            watch = self._jobs[part.name].watch
            if watch is not None:
                watch(part.rows)
            append_rows(self._files[part.name], part.rows)
            before = self.made.get(part.name, AllBeside())
            self.made[part.name] = AllBeside(
                rows=before.rows + len(part.rows),
                seconds=before.seconds + part.seconds,
                alone=_sum(before.alone, part.alone),
                gflops_per_sample=before.gflops_per_sample or part.gflops_per_sample,
            )
        return sum(part.seconds for part in made)


def live_input(fingerprint: str) -> str:
    """What `run.json` says of an input whose rows were read while they were made, in place of its file's SHA-256."""
    return f"beside {fingerprint}"


def stages_beside(
    spec: StageSpec[Any], plan: Sequence[StageSpec[Any]], is_done: Callable[[StageSpec[Any]], bool]
) -> list[StageSpec[Any]]:
    """The planned stages that can do each batch after this one: they ask the same model about the same batches, and
    read nothing but its rows and what is done."""
    if spec.model is None:
        return []
    return [
        later
        for later in plan
        if later.name != spec.name
        and (later.model, later.resources) == (spec.model, spec.resources)
        and all(before.name == spec.name or is_done(before) for before in later.inputs)
        and not is_done(later)
    ]


def with_beside(report: StageReport, made: AllBeside | None) -> StageReport:
    """The report of a stage, with what was made of it beside another: the time of what it made alone."""
    if made is None:
        return report
    rows, seconds = made.alone or (made.rows, made.seconds)
    return replace(
        report,
        made_now=report.made_now + rows,
        seconds=report.seconds + seconds,
        gflops_per_sample=made.gflops_per_sample or report.gflops_per_sample,
    )


def _sum(one: tuple[int, float] | None, other: tuple[int, float] | None) -> tuple[int, float] | None:
    return (one[0] + other[0], one[1] + other[1]) if one and other else one or other
