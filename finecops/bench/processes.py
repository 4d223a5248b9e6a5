"""Running a process, with its time and memory."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass

from finecops.errors import RunError


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


def run_process(command: Sequence[str]) -> Ended:
    """Run a process to its end.

    Raises:
        RunError: its exit code is not 0.
    """
    # Files, not pipes: a full pipe would stop the process.
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as messages:
        begun = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=messages)
        # wait4 gives the memory of this one process; getrusage only the largest of all children so far.
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        messages.seek(0)
        output.seek(0)
        if process.returncode:
            raise RunError(f"{' '.join(command)} failed: {messages.read().decode(errors='replace').strip()[-400:]}")
        printed = output.read().decode(errors="replace")
    peak = used.ru_maxrss / (1024 if sys.platform != "darwin" else 1024 * 1024)
    return Ended(seconds, peak, printed, cpu_seconds=used.ru_utime + used.ru_stime)
