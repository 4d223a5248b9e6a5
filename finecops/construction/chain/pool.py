"""A function over many things, in worker processes, with the results in the order of the things."""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import chain, islice
from multiprocessing import get_context
from typing import Final, TypeVar

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


def ordered_map(do: Callable[[J], R], things: Iterable[J], workers: int = 1, fewest: int = FEWEST) -> Iterator[R]:
    """The results of a function, in the order of the things, which are taken a bounded number ahead.

    Args:
        do: the function; with several workers it is pickled, so it is a function of a module, or a `partial` of one.
        things: what it is called with.
        workers: processes. 1: this one.
        fewest: with fewer things than this, no process is started.
    """
    waiting = iter(things)
    first = list(islice(waiting, fewest)) if workers > 1 else []
    if workers <= 1 or len(first) < fewest:
        yield from map(do, chain(first, waiting))
        return
    # Spawned, not forked: a forked process would share threads' locks and SQLite's connections.
    executor = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_ignore_ctrl_c)
    pending: deque[Future[list[R]]] = deque()
    try:
        for some in _chunks(chain(first, waiting)):
            pending.append(executor.submit(_do_all, do, some))
            if len(pending) >= workers * _AHEAD:
                yield from pending.popleft().result()
        while pending:
            yield from pending.popleft().result()
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _do_all(do: Callable[[J], R], things: list[J]) -> list[R]:
    return [do(thing) for thing in things]


def _ignore_ctrl_c() -> None:
    # The parent stops the workers; each would print a traceback of its own.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _chunks(things: Iterator[J]) -> Iterator[list[J]]:
    while some := list(islice(things, _CHUNK)):
        yield some
