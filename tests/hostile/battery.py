"""Running hostile cases, each in a process of its own with limits on memory and time.

A case reads some input and says in a line what it saw; the case's pattern says what must be seen. A crash, a hang, a
memory blow-up or an exception that is none of finecops' own is never held, whatever the pattern says.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import os
import re
import resource
import select
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from finecops.errors import FinecopsError

SECONDS = 10
"""How much time of a processor a case may take."""
WAIT_SECONDS = 60
"""How long it may take on a busy machine, or while it waits."""
MEMORY_MIB = 1024
"""How much address space a case may add."""
RESIDENT_MIB = 250
"""How much memory a case may touch: every input of the battery is small."""


@dataclass(frozen=True)
class Case:
    """One input, how it is read, and what must be seen."""

    group: str
    """The class of input."""
    name: str
    run: Callable[[Path], str]
    """Makes the input in an empty folder, reads it, and says what it saw."""
    seen: str = "^DataError"
    """A regular expression for that, or for the error as `Kind: message`."""


@dataclass(frozen=True)
class Outcome:
    """What a case gave."""

    group: str
    name: str
    held: bool
    saw: str


def said(error: BaseException) -> str:
    """An error as a case sees it. Only finecops' own errors are named as they are."""
    chain, cause = [error], error.__cause__ or error.__context__
    while cause is not None and len(chain) < 20:
        chain.append(cause)
        cause = cause.__cause__ or cause.__context__
    # "Out of memory" behind a well-formed error is a blow-up that the limit of this process happened to stop.
    if any(isinstance(one, MemoryError) for one in chain):
        return f"OUT OF MEMORY: {error!r}"[:300]
    if isinstance(error, FinecopsError):
        return f"{type(error).__name__}: {error}"
    return f"TRACEBACK: {error!r}"[:300]


def _resident_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _in_child(case: Case, folder: Path, write: int) -> None:
    """Work in the forked process: limits, the case, its line."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MEMORY_MIB * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # The kernel ends a process that needs more with SIGXCPU.
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 1))
    before = _resident_mib()
    try:
        saw = case.run(folder)
    except BaseException as error:
        saw = said(error)
    grown = _resident_mib() - before
    if grown > RESIDENT_MIB:
        saw = f"OUT OF MEMORY: grew by {grown:.0f} MiB"
    os.write(write, saw.encode("utf-8", "backslashreplace")[:20_000])


def run_case(case: Case) -> Outcome:
    """Run a case in a fork of this process."""
    with tempfile.TemporaryDirectory() as name:
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.close(read)
                # A crash is counted by the parent; its long report here would only hide the table.
                faulthandler.disable()
                os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
                _in_child(case, Path(name), write)
            finally:
                os._exit(0)
        os.close(write)
        saw = _read_until(read, time.monotonic() + WAIT_SECONDS)
        if saw is None:
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        os.close(read)
    if saw is None:
        saw = f"HANG: more than {WAIT_SECONDS} seconds"
    elif os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU:
        saw = f"HANG: more than {SECONDS} seconds of a processor"
    elif os.WIFSIGNALED(status):
        saw = f"CRASH: {signal.Signals(os.WTERMSIG(status)).name}"
    bad = re.match("HANG|CRASH|OUT OF MEMORY|TRACEBACK", saw)
    return Outcome(case.group, case.name, not bad and re.search(case.seen, saw, re.DOTALL) is not None, saw[:500])


def _read_until(read: int, end: float) -> str | None:
    parts = []
    while (left := end - time.monotonic()) > 0:
        if not select.select([read], [], [], left)[0]:
            break
        part = os.read(read, 65536)
        if not part:
            return b"".join(parts).decode("utf-8", "replace")
        parts.append(part)
    return None


def all_cases() -> list[Case]:
    """Every case of every table."""
    from tests.hostile import annotations, pickles, pictures, predictions, replies

    return [*pickles.CASES, *pictures.CASES, *annotations.CASES, *predictions.CASES, *replies.CASES]


def chosen(groups: Iterable[str], step: int = 1) -> list[Case]:
    """Each `step`-th case of each of some groups."""
    cases = all_cases()
    return [case for name in groups for case in [case for case in cases if case.group == name][::step]]


def run_cases(cases: Iterable[Case]) -> list[Outcome]:
    """Run some cases, one after the other."""
    return [run_case(case) for case in cases]


def table(outcomes: Iterable[Outcome]) -> str:
    """How many cases were tried and held, per class of input."""
    counts: dict[str, list[int]] = {}
    for outcome in outcomes:
        tried_held = counts.setdefault(outcome.group, [0, 0])
        tried_held[0] += 1
        tried_held[1] += outcome.held
    counts["together"] = [sum(column) for column in zip(*counts.values())]
    width = max(map(len, counts))
    lines = [f"{'input':{width}}  tried  held"]
    return "\n".join(lines + [f"{name:{width}}  {tried:5}  {held:4}" for name, (tried, held) in counts.items()])


def main() -> int:
    """Run the groups that are named (all without a name); prints JSON lines."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("groups", nargs="*")
    parser.add_argument("--step", type=int, default=1, help="Run each STEP-th case of a group.")
    given = parser.parse_args()
    groups = dict.fromkeys(case.group for case in all_cases())
    if unknown := [name for name in given.groups if name not in groups]:
        parser.error(f"no such group: {', '.join(unknown)}; there are: {', '.join(groups)}")
    for case in chosen(given.groups or groups, given.step):
        print(json.dumps(asdict(run_case(case))), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
