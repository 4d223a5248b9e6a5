"""The local engine: one stage in this process, one batch after the other."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Generic

from finecops.image_memory import forget_computed
from finecops.runs.batches import Batch, rows_of_batch
from finecops.runs.beside import BesideStages, MadeBeside
from finecops.runs.specification import Row, Stage, Work


@dataclass(frozen=True)
class BatchResult(Generic[Row]):
    """The rows of one batch, and 10**9 operations per sample where they were counted (the first batch with torch)."""

    rows: list[Row]
    gflops_per_sample: float | None = None
    beside: tuple[MadeBeside, ...] = ()
    """What other stages made of the same batch."""


def run_local(work: Work[Row], batches: Sequence[Batch]) -> Iterator[BatchResult[Row]]:
    """Make the stage in this process and work through the batches in their order."""
    return _results(work, work.make_stage(), batches)


def _results(work: Work[Row], stage: Stage[Row], batches: Sequence[Batch]) -> Iterator[BatchResult[Row]]:
    beside = BesideStages(work)
    for number, batch in enumerate(batches):
        # Every batch costs much the same.
        make = _counted if number == 0 and "torch" in sys.modules else _plain
        result = make(work, stage, batch)
        yield replace(result, beside=tuple(beside(batch, result.rows, make)))


def _plain(work: Work[Row], stage: Stage[Row], batch: Batch) -> BatchResult[Row]:
    return BatchResult(rows_of_batch(batch, stage, work.spec.failure))


def _counted(work: Work[Row], stage: Stage[Row], batch: Batch) -> BatchResult[Row]:
    from finecops.runs.engines.operations import OperationCounter

    # What it costs alone: the stage before it may have asked the same model about the same images.
    forget_computed()
    with OperationCounter() as counter:
        rows = rows_of_batch(batch, stage, work.spec.failure)
    return BatchResult(rows, round(counter.total / 1e9 / len(rows), 6) if counter.total and rows else None)
