"""`finecops bench large`: what commands take on a benchmark of a million samples, each as a process of its own.

A run is begun and stopped after its first rows; all of its rows but one are written for it, and it goes on; it is
started again when nothing is left to do; it is evaluated. Then a file of predictions is evaluated.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from finecops.bench.large_data import write_benchmark, write_rows
from finecops.bench.processes import Ended, run_process
from finecops.bench.reading import counts_of
from finecops.bench.synthetic import write_texts
from finecops.config.home import VARIABLE

log = logging.getLogger(__name__)

COLD: Final = "to the first row, nothing read before"
AGAIN: Final = "to the first row, the benchmark read before"
RESUMED: Final = "going on, one row missing"
DONE: Final = "again, nothing left to do"
EVALUATED: Final = "finecops eval RUN"
FILE: Final = "finecops eval of a file"
_STAGE = "specialist"


@dataclass(frozen=True)
class LargeTime:
    """What a command took."""

    what: str
    samples: int
    """Of the benchmark, or rows of the file."""
    seconds: float
    """To the first row, or to the end."""
    cpu_seconds: float
    """Of the whole process, also what it did after its first row until it was stopped."""
    peak_mib: float


def time_large(folder: Path, samples: int, rows: Sequence[int], seed: int = 0) -> Iterator[LargeTime]:
    """Time every command, one after the other.

    Args:
        folder: a new folder, for everything that is written; it is deleted afterwards.
        samples: of the benchmark; 0: none is made.
        rows: sizes of the evaluated files.
        seed: of everything that is drawn.

    Raises:
        RunError: a process fails.
        FileExistsError: the folder is there.
    """
    folder = folder.absolute()
    folder.mkdir(parents=True)
    try:
        if samples:
            yield from _time_run(folder, samples, seed)
        for size in rows:
            yield _time_file(folder / f"rows-{size}", size, seed)
            shutil.rmtree(folder / f"rows-{size}")
    finally:
        shutil.rmtree(folder)


def _time_run(folder: Path, samples: int, seed: int) -> Iterator[LargeTime]:
    counts, run = counts_of(samples), folder / "run"
    config = write_benchmark(folder / "data", counts, seed)
    # No index is written of folders that were changed within the last two seconds.
    time.sleep(3)
    # Nothing was read before, whatever the user's folder knows.
    env = {**os.environ, VARIABLE: str(folder / "home")}
    begin = [sys.executable, "-m", "finecops", "infer", _STAGE, "--dataset", str(config), "--device", "cpu"]
    for what, place in ((COLD, folder / "first"), (AGAIN, run)):
        unfinished = place / f"{_STAGE}.jsonl.partial"
        ended = run_process([*begin, "--run", str(place)], env, until=partial(_has_row, unfinished))
        yield _time(what, samples, ended)
    shutil.rmtree(folder / "first")
    write_rows(run / f"{_STAGE}.jsonl.partial", counts, 1, seed)
    for what in (RESUMED, DONE):
        yield _time(what, samples, run_process([*begin, "--run", str(run)], env))
    yield _time(EVALUATED, samples, run_process([sys.executable, "-m", "finecops", "eval", str(run)], env))


def _time_file(folder: Path, rows: int, seed: int) -> LargeTime:
    files = write_texts(folder, counts_of(rows), seed)
    command = [sys.executable, "-m", "finecops", "eval", "--annotations", str(files.annotations)]
    command += ["--predictions", str(files.texts), "--format", "refexp-text", "--box-format", "norm1000_list"]
    env = {**os.environ, VARIABLE: str(folder / "home")}
    return _time(FILE, rows, run_process(command, env))


def _has_row(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


def _time(what: str, samples: int, ended: Ended) -> LargeTime:
    # Each takes minutes.
    log.info("%s: %.1f s, %.1f of the processor, %.0f MiB", what, ended.seconds, ended.cpu_seconds, ended.peak_mib)
    return LargeTime(what, samples, ended.seconds, ended.cpu_seconds, ended.peak_mib)
