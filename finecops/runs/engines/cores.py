"""On how many cores this process computes, and how its threads wait for each other."""

from __future__ import annotations

import logging
import math
import os
import sys
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import Final

from finecops.text import counted

log = logging.getLogger(__name__)

THREADS: Final = "OMP_NUM_THREADS"
"""The variable that says with how many threads a library computes."""
WAITING: Final = "OMP_WAIT_POLICY"
_SPINNING: Final = "GOMP_SPINCOUNT"
"""The variables that say how a thread waits for the others: asleep, or by asking again and again."""


def cores_here() -> int:
    """The cores that this process may use: those of its affinity, at most as many as its control group may use."""
    cores, limit = _affinity(), quota()
    return cores if limit is None else max(1, min(cores, math.ceil(limit)))


def threads_here(cores: int) -> int:
    """How many threads a computation has, in this process and in each worker."""
    named = os.environ.get(THREADS, "")
    return int(named) if named.isdecimal() and int(named) else cores


def threads_used() -> int:
    """How many threads a computation has in this process now: torch's number, once it is there."""
    if _torch_is_here():
        import torch

        return torch.get_num_threads()
    return threads_here(cores_here())


def use_threads(asked: int | None = None) -> None:
    """Let libraries compute with so many threads, here and in processes that this one starts.

    With None, what the environment says holds. If it says nothing, there are not more threads than the control group
    may use cores (`docker run --cpus`); libraries would take all cores of the machine. The number does not depend on
    how busy the machine is, since the last digits of a sum depend on it. How threads wait for each other does, which
    changes no digit: on a busy machine they sleep.

    To be called before torch is imported; later it still sets the number.
    """
    if asked is None and THREADS not in os.environ and cores_here() < _affinity():
        asked = cores_here()
    if asked is not None:
        os.environ[THREADS] = str(asked)
        if _torch_is_here():
            import torch

            torch.set_num_threads(asked)
    # More threads than cores are free: some of them will wait for others that do not run.
    threads, busy = threads_here(cores_here()), others_running()
    if busy is None or threads < 2 or threads + busy <= (os.cpu_count() or 1):
        return
    # The library reads them when it is loaded. Whoever set one of them knows better.
    if not _torch_is_here() and WAITING not in os.environ and _SPINNING not in os.environ:
        os.environ[WAITING] = "PASSIVE"
    log.info(
        "this machine is busy: %s on %d cores. On a CPU, --threads 1 may be faster than %d (last "
        "digits of scores may differ)",
        *(counted(busy, "other computation"), os.cpu_count() or 1, threads),
    )


def others_running(load: Path = Path("/proc/loadavg")) -> int | None:
    """How many threads of others compute at this moment, on a machine that was busy for a minute; None: no matter."""
    try:
        minute, _, _, running, *_ = load.read_text().split()
        now, minutes_load = int(running.partition("/")[0]) - 1, float(minute)
    except (OSError, ValueError):
        return None
    # The command before this one leaves a load behind, and something small always runs: both must say so.
    return now if now > 0 and minutes_load > (os.cpu_count() or 1) / 2 else None


def quota(groups: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> float | None:
    """How many cores' time the control groups of this process may use; None: there is no limit.

    Args:
        groups: where control groups are mounted.
        own: the file that names those of this process.
    """
    return min(_quotas(groups, own), default=None)


def _quotas(groups: Path, own: Path) -> Iterator[float]:
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return
    for number, controllers, name in (line.split(":", 2) for line in lines if line.count(":") >= 2):
        second = number == "0" and not controllers
        if not second and "cpu" not in controllers.split(","):
            continue
        top = groups if second else groups / "cpu"
        files = ("cpu.max",) if second else ("cpu.cfs_quota_us", "cpu.cfs_period_us")
        # From the top, which is the group itself in a container, down to the group.
        for folder in accumulate(name.strip("/").split("/"), lambda above, part: above / part, initial=top):
            numbers = _numbers(folder, files)
            if len(numbers) == 2 and min(numbers) > 0:
                yield numbers[0] / numbers[1]


def _numbers(folder: Path, files: tuple[str, ...]) -> list[int]:
    """The whole numbers in some files; `max` and `-1`, which mean no limit, are none."""
    try:
        words = " ".join((folder / file).read_text() for file in files).split()
    except OSError:
        return []
    return [int(word) for word in words if word.isdecimal()]


def _torch_is_here() -> bool:
    return "torch" in sys.modules


def _affinity() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
