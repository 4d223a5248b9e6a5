"""Processes that tests start, and the processor time of this one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


def lives(process: str) -> bool:
    """Whether a process is there, and no zombie."""
    try:
        return Path(f"/proc/{int(process)}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def soon(condition: Callable[[], bool], seconds: float = 30.0) -> bool:
    """Whether something becomes true in time; a busy machine needs much of it."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """What is done in this thread takes less processor time than that, however busy the machine is."""
    start = time.thread_time()
    yield
    assert time.thread_time() - start < seconds
