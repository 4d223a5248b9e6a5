"""The local engine: one stage in this process, one batch after the other."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Generic

from finecops.image_memory import forget_computed
from finecops.runs.ahead import decoded_ahead
from finecops.runs.batches import Batch, rows_of_batch
from finecops.runs.beside import BesideStages, MadeBeside
from finecops.runs.engines.side_by_side import rows_side_by_side
from finecops.runs.specification import Row, Stage, Work, width_of


@dataclass(frozen=True)
class BatchResult(Generic[Row]):
    """The rows of one batch, and 10**9 operations per sample where they were counted (the first batch with torch)."""

    rows: list[Row]
    gflops_per_sample: float | None = None
    beside: tuple[MadeBeside, ...] = ()
    """What other stages made of the same batch."""


def run_local(work: Work[Row], batches: Sequence[Batch]) -> Iterator[BatchResult[Row]]:
    """Make the stage in this process and work through the batches in their order; of a stage that waits for a server,
    several are under way at the same time."""
    stage = work.make_stage()
    if width_of(stage) > 1:
        return (BatchResult(rows) for rows in rows_side_by_side(work, stage, batches))
    return _results(work, stage, batches)


def _results(work: Work[Row], stage: Stage[Row], batches: Sequence[Batch]) -> Iterator[BatchResult[Row]]:
    beside = BesideStages(work)
    for number, batch in enumerate(decoded_ahead(batches) if work.spec.reads_images else batches):
        # Every batch costs much the same.
        make = _counted if number == 0 and "torch" in sys.modules else _plain
        result = make(work, stage, batch)
        yield replace(result, beside=tuple(beside(batch, result.rows, make)))


def result_of(work: Work[Row], stage: Stage[Row], batch: Batch, counted: bool) -> BatchResult[Row]:
    """The rows of one batch; `counted`: with the operations that torch does for it."""
    make = _counted if counted and "torch" in sys.modules else _plain
    return make(work, stage, batch)


def _plain(work: Work[Row], stage: Stage[Row], batch: Batch) -> BatchResult[Row]:
    return BatchResult(rows_of_batch(batch, stage, work.spec.failure))


def _counted(work: Work[Row], stage: Stage[Row], batch: Batch) -> BatchResult[Row]:
    from finecops.runs.engines.operations import OperationCounter

    # What it costs alone: the stage before it may have asked the same model about the same images.
    forget_computed()
    with OperationCounter() as counter:
        rows = rows_of_batch(batch, stage, work.spec.failure)
    return BatchResult(rows, round(counter.total / 1e9 / len(rows), 6) if counter.total and rows else None)
