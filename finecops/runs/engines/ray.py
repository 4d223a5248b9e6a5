"""The engine `ray`: workers on a Ray cluster, with Ray Data as the executor.

A row of Ray's dataset is a whole batch as JSON text, so Ray sees neither boxes nor pictures: workers open images from
storage that all nodes have at the same path. The texts are in Ray's object store, which writes to its disk what it
has no room for; the runner's process holds their numbers alone. Only the runner's process writes files, and resuming
is the runner's: Ray keeps no checkpoint. If a worker or its node dies, the batches without an answer are given to new
workers on what is left of the cluster.
"""

from __future__ import annotations

import logging
import os
import pickle
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

from finecops.config.home import VARIABLE, home
from finecops.errors import RunError, UsageError
from finecops.install import install_line
from finecops.runs.batches import Batch, ids_of
from finecops.runs.engines.cores import THREADS, cores_here
from finecops.runs.engines.local import BatchResult
from finecops.runs.engines.places import gpus_here
from finecops.runs.engines.wire import answer_from_text, batch_to_text, result_from
from finecops.runs.engines.worker import Repeater, StageWorker, level_here
from finecops.runs.specification import Row, Work, Workers
from finecops.text import shortly

log = logging.getLogger(__name__)

_TRIES: Final = 3
"""So often workers may die with no batch done in between."""
_AHEAD: Final = 2
"""Batches that a worker has at once."""
_MOST_BLOCKS: Final = 10_000
"""Blocks of Ray's dataset; each costs the driver some memory. Up to this many batches, each is a block of its own."""
_STORE_BYTES: Final = 256 * 2**20
"""Of Ray's object store, where Ray is started for the run: it holds rows as text alone."""


def run_ray(work: Work[Row], batches: Sequence[Batch]) -> Iterator[BatchResult[Row]]:
    """Connect to the cluster, or start Ray on this machine; it stays for the next stage and ends with this process.

    Models are loaded while the first batches wait, so the time of a stage has that in it.

    Raises:
        UsageError: Ray is not installed, or this machine alone has not enough GPUs for the workers.
        RunError: the cluster cannot be reached; or workers die and nothing is done.
    """
    # Read when Ray is imported.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_DATA_DISABLE_PROGRESS_BARS", "1")
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise UsageError(f"--engine ray needs Ray: {install_line('ray')} ({error})") from error
    _connect(ray, work.workers, len(batches))
    return _results(ray, work, batches)


def _connect(ray: Any, workers: Workers, most: int) -> None:
    """
    Raises:
        RunError: there is no cluster at the address.
    """
    # Ray Data's own messages are about plans and blocks.
    logging.getLogger("ray").setLevel(logging.WARNING)
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    if ray.is_initialized():
        return
    quiet: dict[str, object] = {"logging_level": logging.WARNING, "log_to_driver": False}
    if workers.address is None:
        # A worker takes one of Ray's processors, which are numbers and no cores; some stay for Ray Data's own tasks.
        cpus = max(cores_here(), min(workers.count or 1, most)) + 2
        own = {"num_cpus": cpus, "num_gpus": len(gpus_here()), "object_store_memory": _STORE_BYTES}
        quiet |= {"include_dashboard": False, **own}
    # Ray raises bare exceptions where its own processes do not come up.
    try:
        ray.init(address=workers.address or "local", **quiet)
    except Exception as error:
        ray.shutdown()
        named = f"--address {workers.address}: no cluster answers" if workers.address else "Ray did not start here"
        raise RunError(f"{named}: {_first_line(error)}") from error


def _results(ray: Any, work: Work[Row], batches: Sequence[Batch]) -> Iterator[BatchResult[Row]]:
    # Numbers of batches without an answer, in the order in which they are tried.
    left = dict.fromkeys(range(len(batches)))
    repeat, stuck = Repeater(), 0
    while left:
        before = len(left)
        # With one that kills its worker, Ray gives up what is under way elsewhere: so they are tried apart from it.
        tried = list(islice(left, len(left) if not stuck else max(1, len(left) // 2)))
        count, each = _size(ray, work, len(tried))
        try:
            for number, text in _answers(ray, work, batches, tried, count, each):
                answer = answer_from_text(text)
                repeat(answer.said)
                if answer.fault is not None:
                    raise answer.fault.as_error()
                del left[number]
                yield result_from(answer, work.spec.row_type)
        except ray.exceptions.RayError as error:
            stuck = 0 if len(left) < before else stuck + 1
            if stuck >= _TRIES:
                raise RunError(
                    f"{work.spec.name}: workers died {_TRIES} times with no batch done in between; left are "
                    f"{len(left)} batches, the first with {shortly(', '.join(ids_of(batches[next(iter(left))])))}. "
                    f"--engine processes finds out which sample is to blame. The last death: {_first_line(error)}"
                ) from error
            log.warning(
                "%s: a worker died; %d batches are given to new workers: %s",
                work.spec.name,
                len(left),
                _first_line(error),
            )
            left = _suspects_last(left, min(len(tried), _AHEAD * count))
        else:
            stuck = 0


def _suspects_last(left: Iterable[int], begun: int) -> dict[int, None]:
    """The batches with those at the end that may have been begun: one of them may kill workers."""
    numbers = list(left)
    return dict.fromkeys(numbers[begun:] + numbers[:begun])


def _size(ray: Any, work: Work[Any], most: int) -> tuple[int, float]:
    """How many workers there are, and the GPUs of each.

    Raises:
        UsageError: this machine alone has fewer GPUs than they need.
    """
    there, asked = ray.cluster_resources(), work.workers
    gpus = 0.0 if work.spec.resources.device == "cpu" else float(there.get("GPU", 0))
    each = asked.gpus_each if asked.gpus_each is not None else 1.0 if gpus else 0.0
    room = int(gpus / each + 1e-9) if each else max(1, int(there.get("CPU", 1)) - 2)
    count = min(asked.count or max(1, room), most)
    if each and count > room:
        said = f"{count} workers with {each:g} GPUs each do not fit: there are {gpus:g}"
        if asked.address is None or not room:
            raise UsageError(said)
        log.warning("%s, so that some wait until the cluster grows", said)
    return count, each


def _answers(
    ray: Any, work: Work[Any], batches: Sequence[Batch], tried: Sequence[int], count: int, each: float
) -> Iterator[tuple[int, str]]:
    """The number and the answer of each batch that is tried, as they come."""
    begin = {
        "work": pickle.dumps(work),
        "level": level_here(),
        "threads": _threads(),
        "folder": os.getcwd(),
        "paths": [str(Path(path).absolute()) for path in sys.path],
        "environment": {VARIABLE: str(home().absolute())},
    }
    answered = ray.data.from_arrow_refs(_blocks(ray, batches, tried)).map_batches(
        _Actor,
        fn_constructor_kwargs=begin,
        batch_size=1,
        batch_format="pyarrow",
        # A pool of a fixed size: one that grows stays at one worker on some clusters.
        compute=ray.data.ActorPoolStrategy(size=count, max_tasks_in_flight_per_actor=_AHEAD),
        num_cpus=1,
        num_gpus=each or None,
        # Ray would wait for ever for the place of a node that is gone.
        max_restarts=0,
    )
    for table in answered.iter_batches(batch_size=None, batch_format="pyarrow"):
        yield from zip(table["number"].to_pylist(), table["answer"].to_pylist(), strict=True)


def _blocks(ray: Any, batches: Sequence[Batch], tried: Sequence[int]) -> list[Any]:
    """Tables of batches in the object store, as references: one is made at a time."""
    import pyarrow

    size = -(-len(tried) // _MOST_BLOCKS)
    references = []
    for first in range(0, len(tried), size):
        numbers = tried[first : first + size]
        texts = [batch_to_text(batches[number], counted=number == 0) for number in numbers]
        table = pyarrow.table({"number": numbers, "batch": pyarrow.array(texts, pyarrow.large_string())})
        references.append(ray.put(table))
    return references


def _threads() -> int:
    """As many threads as a stage in this process has: the last digits of a sum depend on their number."""
    named = os.environ.get(THREADS, "")
    if named.isdecimal():
        return int(named)
    import torch

    return torch.get_num_threads()


def _first_line(error: BaseException) -> str:
    return shortly(next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__))


class _Actor:
    """A worker as Ray makes it on a node."""

    def __init__(
        self, work: bytes, level: int, threads: int, folder: str, paths: list[str], environment: dict[str, str]
    ) -> None:
        for name, value in environment.items():
            os.environ.setdefault(name, value)
        # Relative paths of configurations are meant from where the command was started.
        if Path(folder).is_dir():
            os.chdir(folder)
        sys.path.extend(path for path in paths if path not in sys.path and Path(path).exists())
        self._worker = StageWorker(pickle.loads(work), level, threads)

    def __call__(self, table: Any) -> Any:
        import pyarrow

        answers = [self._worker(text) for text in table["batch"].to_pylist()]
        return pyarrow.table({"number": table["number"], "answer": pyarrow.array(answers, pyarrow.large_string())})
