"""Running a process, with its time and memory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from finecops.config.home import VARIABLE
from finecops.errors import RunError

_STEP = 0.02
"""Seconds between two looks at what a process did."""


@dataclass(frozen=True)
class Ended:
    """A process that ended well."""

    seconds: float
    peak_mib: float
    """The highest memory, in MiB."""
    output: str
    """What it printed on standard output."""
    cpu_seconds: float
    """Of this process alone: what other work of the machine does not change."""


@contextmanager
def new_home() -> Iterator[dict[str, str]]:
    """An environment in which the user's folder is empty: nothing is known of what was read before."""
    with tempfile.TemporaryDirectory() as folder:
        yield {**os.environ, VARIABLE: folder}


def run_process(
    command: Sequence[str], env: Mapping[str, str] | None = None, until: Callable[[], bool] | None = None
) -> Ended:
    """Run a process to its end.

    Args:
        command: the program and its arguments.
        env: its environment; None: this process's own.
        until: asked again and again; once it is so, the seconds end and the process is stopped (SIGTERM).

    Raises:
        RunError: its exit code is not 0, or it ended too early.
    """
    # Files, not pipes: a full pipe would stop the process.
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as messages:
        begun = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=messages, env=env)
        reached, ended, status, used = None, 0, 0, None
        while until is not None and reached is None and not ended:
            time.sleep(_STEP)
            ended, status, used = os.wait4(process.pid, os.WNOHANG)
            if not ended and until():
                reached = time.perf_counter() - begun
                process.send_signal(signal.SIGTERM)
        if not ended:
            # wait4 gives the memory of this one process; getrusage only the largest of all children so far.
            _, status, used = os.wait4(process.pid, 0)
        seconds = reached if reached is not None else time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        messages.seek(0)
        output.seek(0)
        stopped = reached is not None and process.returncode in (-signal.SIGTERM, 128 + signal.SIGTERM)
        if not stopped and (process.returncode or until is not None):
            raise RunError(f"{' '.join(command)} failed: {messages.read().decode(errors='replace').strip()[-400:]}")
        printed = output.read().decode(errors="replace")
    assert used is not None
    peak = used.ru_maxrss / (1024 if sys.platform != "darwin" else 1024 * 1024)
    return Ended(seconds, peak, printed, cpu_seconds=used.ru_utime + used.ru_stime)
