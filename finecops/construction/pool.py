"""A function over many things, in worker processes, with the results in the order of the things."""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import chain, islice
from multiprocessing import get_context, parent_process
from typing import Any, Final, TypeVar

from finecops.errors import RunError

J = TypeVar("J")
R = TypeVar("R")

FEWEST: Final = 400
"""So many things are worth worker processes: each takes a second or two to start."""
_CHUNK: Final = 32
"""Things that travel to a worker together."""
_AHEAD: Final = 4
"""Chunks per worker that wait or are worked on: more only takes memory."""


def usual_workers() -> int:
    """As many workers as this process may use cores."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def ordered_map(
    do: Callable[[J], R], things: Iterable[J], workers: int = 1, fewest: int = FEWEST, chunk: int = _CHUNK
) -> Iterator[R]:
    """The results of a function, in the order of the things, which are taken a bounded number ahead.

    Args:
        do: the function. With several workers it is pickled, once for each of them, with all that it holds (a lexicon,
            a filter): so it is a function of a module, a `partial` of one, or an object of such a class.
        things: what it is called with.
        workers: processes. 1: this one.
        fewest: with fewer things than this, no process is started.
        chunk: things that travel together.

    Raises:
        RunError: the system ended a worker.
    """
    waiting = iter(things)
    first = list(islice(waiting, fewest)) if workers > 1 else []
    if workers <= 1 or len(first) < fewest:
        yield from map(do, chain(first, waiting))
        return
    # Spawned, not forked: a forked process would share threads' locks and SQLite's connections.
    executor = ProcessPoolExecutor(workers, get_context("spawn"), initializer=_begin, initargs=(do,))
    pending: deque[Future[list[R]]] = deque()
    try:
        for some in _chunks(chain(first, waiting), chunk):
            pending.append(executor.submit(_do_all, some))
            if len(pending) >= workers * _AHEAD:
                yield from pending.popleft().result()
        while pending:
            yield from pending.popleft().result()
    except BrokenProcessPool as error:
        raise RunError(
            "the system ended a worker process, perhaps for lack of memory; start again with fewer --workers"
        ) from error
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


_work: list[Callable[[Any], Any]] = []
"""Of a worker process: the function that it was started for."""


def _begin(do: Callable[[Any], Any]) -> None:
    # The parent stops the workers; each would print a traceback of its own.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A parent that is killed stops nobody: its workers would wait for work for ever, each with its memory.
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _work[:] = [do]


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _do_all(things: list[Any]) -> list[Any]:
    return list(map(_work[0], things))


def _chunks(things: Iterator[J], size: int) -> Iterator[list[J]]:
    while some := list(islice(things, size)):
        yield some
