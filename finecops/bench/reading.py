"""`finecops bench data`: time and memory of reading a dataset, in a process of its own.

What is timed is the reading alone, from the file to the samples; the process has imported everything before.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from finecops.bench.processes import new_home, run_process
from finecops.bench.synthetic import Counts, write_annotations
from finecops.config.dataset_schema import DatasetConfig
from finecops.datasets.dataset import load_dataset_split
from finecops.errors import RunError
from finecops.progress import progress


@dataclass(frozen=True)
class ReadingTime:
    """Time and memory of reading one file."""

    samples: int
    file_mib: float
    seconds: float
    """The fastest reading."""
    cpu_seconds: float
    """What it took of a core; other work of the machine hardly changes it."""
    peak_mib: float
    """The highest memory of any of the processes, in MiB, with Python and the libraries."""
    resident_kb: float
    """How much more memory a process has after reading than before, in KB (1,024 bytes) per sample; the largest."""
    table_kb: float
    """Of it, what the columns of the samples take."""


def counts_of(samples: int) -> Counts:
    """That many samples, in the proportions of FineCops-Ref's test set.

    >>> counts_of(27926) == Counts()
    True
    """
    usual = Counts()
    texts, images = (round(samples * n / usual.rows) for n in (usual.negative_expressions, usual.negative_images))
    return Counts(samples - texts - images, texts, images)


def time_reading(folder: Path, sizes: Sequence[int], repeats: int = 3) -> list[ReadingTime]:
    """Write a file of each size and read it in processes of their own.

    Args:
        folder: where the files are written; they are deleted afterwards.
        sizes: numbers of samples, at least 10.
        repeats: readings of each, without its index; keeping one is a part of them.

    Raises:
        RunError: a process fails, or reads another number of samples than was written.
    """
    times, was_here = [], folder.is_dir()
    for samples in sizes:
        path = folder / f"synthetic-{samples}.json"
        try:
            write_annotations(path, counts_of(samples))
            times.append(_time_file(path, samples, repeats))
        finally:
            path.unlink(missing_ok=True)
    if not was_here:
        folder.rmdir()
    return times


def _time_file(path: Path, samples: int, repeats: int) -> ReadingTime:
    command = [sys.executable, "-c", "from finecops.bench.reading import main; main()", str(path)]
    turns = progress(range(repeats), what=f"{samples} samples", unit="run")
    ended = []
    for _ in turns:
        with new_home() as env:
            ended.append(run_process(command, env))
    found = [json.loads(process.output) for process in ended]
    if any(one["samples"] != samples for one in found):
        raise RunError(f"of {samples} samples in {path}, {found[0]['samples']} were read")
    return ReadingTime(
        samples=samples,
        file_mib=path.stat().st_size / 2**20,
        seconds=min(one["seconds"] for one in found),
        cpu_seconds=min(one["cpu_seconds"] for one in found),
        peak_mib=max(process.peak_mib for process in ended),
        resident_kb=max(one["resident_kb"] for one in found) / samples,
        table_kb=max(one["table_kb"] for one in found) / samples,
    )


def main() -> None:
    """Read the file that the command line names, and print what it took as JSON."""
    path = Path(sys.argv[1])
    config = DatasetConfig(name=path.stem, root=path.parent, image_folders=(".",), splits={}, preset="", get="")
    before, begun, cpu = resident_kb(), time.perf_counter(), time.process_time()
    dataset = load_dataset_split(config, "test", [path])
    found: dict[str, float] = {"seconds": time.perf_counter() - begun, "cpu_seconds": time.process_time() - cpu}
    gc.collect()
    found |= {"samples": len(dataset.samples), "resident_kb": resident_kb() - before}
    print(json.dumps(found | {"table_kb": getattr(dataset.samples, "nbytes", 0) / 1024}))


def resident_kb() -> int:
    """How much memory this process has now, in KB."""
    try:
        # Linux; the second number is the resident size, in pages.
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") // 1024
    except OSError:
        return int(subprocess.check_output(["ps", "-o", "rss=", "-p", str(os.getpid())]))
