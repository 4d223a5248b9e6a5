"""`finecops bench build`: the speed and memory of building a benchmark from scene graphs, without images and models.

Each measure is a process of its own with its worker processes, timed behind the imports and the start of Python.
"""

from __future__ import annotations

import cProfile
import io
import json
import os
import pstats
import resource
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from finecops.bench.processes import run_process
from finecops.bench.synthetic_graphs import write_graph_file
from finecops.construction.chain.build import Plan, build
from finecops.construction.chain.settings import BuildSettings
from finecops.construction.lexicon import Lexicon
from finecops.construction.pool import ordered_map, usual_workers
from finecops.construction.truth.paths import TOO_MUCH, PathOptions
from finecops.construction.truth.stream import GraphEntry, entry_paths, graph_entries, iter_paths
from finecops.datasets.fields import FieldError

READING: Final = "reading"
PATHS: Final = "reading and paths"
WHOLE: Final = "the whole, to negative expressions"
MEASURES: Final = (READING, PATHS, WHOLE)
_POSITIVES: Final = (0.72, 0.34, 0.05)
"""Positives of each level per graph: those of FineCops-Ref's train split (54,015, 25,282 and 4,044 of 74,942)."""
_NEGATIVES: Final = 0.1
"""Negative expressions of each type and level per graph; it has 80,451."""
_GRAPHS: Final = "graphs"
_PROFILED: Final = 2000
"""Graphs of a profile, which makes all slower."""


@dataclass(frozen=True)
class BuildTime:
    """Time and memory of one measure.

    Attributes:
        what: a name of `MEASURES`.
        graphs: how many there were.
        seconds: from the first byte to the last row.
        cpu_seconds: of all processes: what other work of the machine hardly changes.
        own_mib: the highest memory of the first process, in MiB, with Python and the libraries.
        worker_mib: the highest of any worker; 0 without workers.
        workers: how many there were.
        found: of `PATHS`: "level 1: 0_hop" → paths, and reason → objects and images that were left out.
    """

    what: str
    graphs: int
    seconds: float
    cpu_seconds: float
    own_mib: float
    worker_mib: float
    workers: int
    found: dict[str, int] = field(default_factory=dict)

    @property
    def most_mib(self) -> float:
        """More than all processes together had: pages that they share count several times."""
        return self.own_mib + self.workers * self.worker_mib


def time_building(
    folder: Path, graphs: int, workers: int = 0, measures: Sequence[str] = MEASURES, path: Path | None = None
) -> list[BuildTime]:
    """Time the measures on graphs of GQA's shape, or on a file.

    Args:
        folder: for the files, which are deleted afterwards.
        graphs: how many are made; of `path`, how many are read (0: all).
        workers: processes; 0: one for each core.
        measures: names of `MEASURES`.
        path: a scene graph file.

    Raises:
        RunError: a process fails; or it makes another number of rows than there are graphs.
    """
    was_here = folder.is_dir()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with _graph_file(folder, graphs, path) as file:
            return [_time(what, file, graphs, workers or usual_workers(), folder) for what in measures]
    finally:
        if not was_here and not any(folder.iterdir()):
            folder.rmdir()


@contextmanager
def _graph_file(folder: Path, graphs: int, path: Path | None) -> Iterator[Path]:
    if path is not None:
        yield path
        return
    made = folder / f"synthetic-graphs-{graphs}.json"
    try:
        write_graph_file(made, graphs, _lexicon())
        yield made
    finally:
        made.unlink(missing_ok=True)


def _time(what: str, path: Path, graphs: int, workers: int, folder: Path) -> BuildTime:
    out = folder / "building"
    asked = json.dumps({"what": what, "path": str(path), "limit": graphs, "workers": workers, "out": str(out)})
    command = [sys.executable, "-c", "from finecops.bench.building import main; main()", asked]
    try:
        found = json.loads(run_process(command).output)
    finally:
        shutil.rmtree(out, ignore_errors=True)
    return BuildTime(what=what, workers=workers, **found)


def main() -> None:
    """Take the measure that the command line asks for, and print what it took as JSON."""
    asked = json.loads(sys.argv[1])
    work, path, workers = _WORK[asked["what"]], Path(asked["path"]), asked["workers"]
    lexicon, out = _lexicon(), Path(asked["out"])
    out.mkdir(parents=True, exist_ok=True)
    begun, cpu = time.perf_counter(), _cpu_seconds()
    counts = work(path, asked["limit"], workers, lexicon, out)
    seconds, cpu = time.perf_counter() - begun, _cpu_seconds() - cpu
    # The workers have ended by now, and the system knows the largest of them.
    own, others = (_peak_mib(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    found = {"graphs": counts.pop(_GRAPHS), "seconds": seconds, "cpu_seconds": cpu, "own_mib": own}
    print(json.dumps({**found, "worker_mib": others, "found": counts}))


def _lexicon() -> Lexicon:
    from finecops.construction.words import gqa_lexicon

    return gqa_lexicon()


def _read(path: Path, limit: int, workers: int, lexicon: Lexicon, out: Path) -> Counter[str]:
    return Counter({_GRAPHS: sum(1 for _ in ordered_map(_parse, graph_entries(path, limit), workers))})


def _parse(entry: GraphEntry) -> int:
    try:
        return len(entry.graph().objects)
    except (FieldError, ValueError):
        return 0


def _find(path: Path, limit: int, workers: int, lexicon: Lexicon, out: Path) -> Counter[str]:
    counts = Counter({_GRAPHS: 0})
    with (out / "paths.jsonl").open("w", encoding="utf-8") as file:
        for row in iter_paths(path, lexicon, workers=workers, limit=limit):
            file.write(f"{row.model_dump_json()}\n")
            counts[_GRAPHS] += 1
            counts.update(f"level {path.level}: {path.said.tuple_type}" for path in row.paths)
            counts.update(row.dropped)
            counts.update([f"image: {row.reason}"] if row.reason and TOO_MUCH not in row.dropped else [])
    return counts


def _build(path: Path, limit: int, workers: int, lexicon: Lexicon, out: Path) -> Counter[str]:
    graphs = limit or sum(1 for _ in graph_entries(path))
    settings = BuildSettings(
        scene_graphs=path,
        out=out / "built",
        workers=workers,
        limit=limit,
        positives=tuple(max(1, round(share * graphs)) for share in _POSITIVES),
        expressions=max(1, round(_NEGATIVES * graphs)),
    )
    build(settings, Plan(until="negatives", given=("scene_graphs", "out", "limit", "positives", "expressions")))
    with (out / "built" / "build" / "test" / "paths.jsonl").open("rb") as file:
        return Counter({_GRAPHS: sum(1 for _ in file)})


_WORK: Final[dict[str, Callable[[Path, int, int, Lexicon, Path], Counter[str]]]] = {
    READING: _read,
    PATHS: _find,
    WHOLE: _build,
}


def _cpu_seconds() -> float:
    """Of this process and of its workers that have ended."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def _peak_mib(who: int) -> float:
    return resource.getrusage(who).ru_maxrss / (1024 if sys.platform != "darwin" else 1024 * 1024)


def found_rows(times: Sequence[BuildTime]) -> Iterator[tuple[str, list[list[str]]]]:
    """Two tables of what was found: paths by level and type, and what was left out; each as title and lines."""
    for one in times:
        paths = {name: n for name, n in sorted(one.found.items()) if name.startswith("level ")}
        dropped = {name: n for name, n in one.found.items() if name not in paths}
        by_count = sorted(dropped.items(), key=lambda item: -item[1])
        for title, counts in (("Paths", list(paths.items())), ("Left out", by_count)):
            if counts:
                yield title, [[name, f"{n}", f"{1000 * n / one.graphs:.1f}"] for name, n in counts]


def profile_paths(folder: Path, graphs: int, path: Path | None = None, lines: int = 25) -> str:
    """Where the time of reading and paths goes: functions by their own time, in this process alone.

    Args:
        folder, path: as in `time_building`.
        graphs: at most `_PROFILED` of them are looked at: a profile makes all several times slower.
        lines: functions.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lexicon, options = _lexicon(), PathOptions()
    count = min(graphs or _PROFILED, _PROFILED)
    with _graph_file(folder, count, path) as file:
        profile = cProfile.Profile()
        profile.enable()
        for entry in graph_entries(file, count):
            entry_paths(entry, lexicon, options).model_dump_json()
        profile.disable()
    text = io.StringIO()
    stats: Any = pstats.Stats(profile, stream=text).strip_dirs()
    stats.sort_stats("tottime").print_stats(lines)
    return text.getvalue().strip()
