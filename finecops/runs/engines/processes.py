"""The engine `processes`: workers on this machine, each a new Python process that sees its own GPUs alone.

Only the runner's process writes files. A worker that dies is replaced and its batches are given out again. Workers end
with the runner's process, however that ends.
"""

from __future__ import annotations

import logging
import pickle
from collections.abc import Iterator, Sequence
from multiprocessing.connection import wait
from typing import Final, Generic

from finecops.errors import RunError
from finecops.runs.batches import Batch
from finecops.runs.engines.child import Child
from finecops.runs.engines.cores import cores_here
from finecops.runs.engines.local import BatchResult
from finecops.runs.engines.places import gpus_here, places
from finecops.runs.engines.tasks import Tasks, after_a_death
from finecops.runs.engines.wire import Answer, answer_from_text, batch_to_text, result_from
from finecops.runs.engines.worker import Repeater, level_here
from finecops.runs.specification import Row, Work

log = logging.getLogger(__name__)

_AHEAD: Final = 2
"""Batches that a worker has at once: it need not wait for the next one."""
_DEATHS_IN_A_ROW: Final = 10
"""So many workers may die, beside one death of each, before a batch is done."""


def run_processes(work: Work[Row], batches: Sequence[Batch]) -> Iterator[BatchResult[Row]]:
    """Start the workers, wait until all have made the stage, and give out batches as workers are free.

    Raises:
        UsageError: there are not as many GPUs as the workers need.
        RunError: workers die and nothing is done.
    """
    wanted = places(work.workers, work.spec.resources.device, gpus_here(), cores_here())
    pool = _Pool(work, [Child(environment) for environment in wanted[: len(batches)]])
    try:
        pool.start()
    except BaseException:
        pool.stop(at_once=True)
        raise
    return pool.results(batches)


class _Pool(Generic[Row]):
    def __init__(self, work: Work[Row], children: list[Child]) -> None:
        self._work, self._children = work, children
        # It leaves this process for others of the same user, through a pipe that nobody else holds.
        self._begin = pickle.dumps((work, level_here()))
        self._repeat, self._deaths = Repeater(), 0

    def start(self) -> None:
        """Start all children, and wait for each to be ready."""
        for child in self._children:
            child.start(self._begin)
        for child in self._children:
            text = child.receive()
            if text is None:
                raise RunError(f"{self._name}: a worker ended while it loaded its models: {child.cause_of_death()}")
            self._heard(text)
            child.is_ready = True
        log.info("%s: %d workers are ready", self._name, len(self._children))

    def results(self, batches: Sequence[Batch]) -> Iterator[BatchResult[Row]]:
        """The rows of each batch, as they come."""
        todo = Tasks(batches)
        at_once = True
        try:
            while todo or any(child.tasks for child in self._children):
                self._give_out(todo)
                for child in self._answering():
                    yield from self._next(child, todo)
            at_once = False
        finally:
            self.stop(at_once)

    def stop(self, at_once: bool) -> None:
        """End all children; if not at once, they may finish what they must."""
        for child in self._children:
            child.stop(at_once)
        for child in self._children:
            child.wait()

    @property
    def _name(self) -> str:
        return self._work.spec.name

    def _give_out(self, todo: Tasks) -> None:
        # A second batch only while there are enough for all: at the end none waits behind another.
        for ahead in range(1, _AHEAD + 1):
            for child in self._children:
                apart = bool(child.tasks) and (todo.next_is_alone or any(task.alone for task in child.tasks))
                if len(child.tasks) < ahead and len(todo) > (ahead - 1) * len(self._children) and not apart:
                    child.give(todo.take(), batch_to_text)

    def _answering(self) -> list[Child]:
        ready = wait([child.connection for child in self._children])
        return [child for child in self._children if child.connection in ready]

    def _next(self, child: Child, todo: Tasks) -> Iterator[BatchResult[Row]]:
        text = child.receive()
        if text is None:
            yield from self._replace(child, todo)
            return
        answer = self._heard(text)
        child.is_ready = True
        if answer.rows:
            child.tasks.popleft()
            self._deaths = 0
            yield result_from(answer, self._work.spec.row_type)

    def _heard(self, text: str) -> Answer:
        answer = answer_from_text(text)
        self._repeat(answer.said)
        if answer.fault is not None:
            raise answer.fault.as_error()
        return answer

    def _replace(self, child: Child, todo: Tasks) -> Iterator[BatchResult[Row]]:
        cause = child.cause_of_death()
        self._deaths += 1
        if self._deaths > _DEATHS_IN_A_ROW + len(self._children):
            raise RunError(f"{self._name}: {self._deaths} workers died one after the other; the last one: {cause}")
        log.warning("%s: a worker died (%s); another one takes its place", self._name, cause)
        lost = list(child.tasks)
        child.tasks.clear()
        again, failed = after_a_death(lost, cause, self._work.spec.failure) if child.is_ready else (lost, [])
        todo.put_back(again)
        child.start(self._begin)
        if failed:
            yield BatchResult(failed)
