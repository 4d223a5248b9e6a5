"""Several batches at the same time, each in a thread, for a stage that mostly waits for a server."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from queue import SimpleQueue

from finecops.runs.batches import Batch, rows_of_batch
from finecops.runs.specification import Row, Stage, Work, width_of


def rows_side_by_side(work: Work[Row], stage: Stage[Row], batches: Sequence[Batch]) -> Iterator[list[Row]]:
    """The rows of every batch, as soon as they are there.

    Batches are begun in their order. No row waits for those of an earlier batch: what is answered is written at once,
    and a process that is killed loses no more than what was on its way. The runner puts the finished file in order.
    """
    done: SimpleQueue[list[Row] | BaseException] = SimpleQueue()

    def work_through(batch: Batch) -> None:
        try:
            done.put(rows_of_batch(batch, stage, work.spec.failure))
        # What is no failure of a sample ends the stage, as it would without threads.
        except BaseException as error:
            done.put(error)

    def next_rows() -> list[Row]:
        found = done.get()
        if isinstance(found, BaseException):
            raise found
        return found

    under_way = 0
    for batch in batches:
        # The width may grow or shrink in the meantime.
        while under_way >= max(1, width_of(stage)):
            yield next_rows()
            under_way -= 1
        # A process that is stopped waits for none of them.
        threading.Thread(target=work_through, args=(batch,), daemon=True).start()
        under_way += 1
    for _ in range(under_way):
        yield next_rows()
