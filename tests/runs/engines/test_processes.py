"""The engine `processes`: the rows of `local`, whatever happens to its workers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from finecops.errors import ModelError, RunError, UsageError
from finecops.runs.engines.local import run_local
from finecops.runs.engines.places import places
from finecops.runs.engines.processes import run_processes
from finecops.runs.engines.tasks import TRIES
from finecops.runs.job import StageJob
from finecops.runs.runner import run_stage
from finecops.runs.specification import Workers
from tests.processes import lives, soon
from tests.runs.engines.toys import SAMPLES, toy_batches, toy_work

PROJECT = Path(__file__).resolve().parents[3]


def rows_of(engine: Any, **settings: Any) -> dict[str, str]:
    """What an engine gives, by sample id."""
    results = engine(toy_work(**settings), toy_batches())
    return {row.sample_id: row.model_dump_json() for result in results for row in result.rows}


EXPECTED = {row.sample_id: row.model_dump_json() for r in run_local(toy_work(), toy_batches()) for row in r.rows}


def test_rows_are_those_of_the_local_engine(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "finecops"):
        assert rows_of(run_processes, count=3) == EXPECTED
    # What all workers say is said once.
    assert [record.message for record in caplog.records if record.name == "finecops.toy"] == ["made"]


def test_a_batch_whose_worker_dies_is_done_by_another(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert rows_of(run_processes, dies_of=("3", "17"), times=2, notes=str(tmp_path)) == EXPECTED
    assert caplog.text.count("SIGKILL: the machine may have no memory left") == 2


@pytest.mark.engines
def test_a_sample_that_kills_every_worker_fails_alone(tmp_path: Path) -> None:
    found = rows_of(run_processes, count=1, dies_of=("17",), notes=str(tmp_path))
    assert found.keys() == EXPECTED.keys()
    failed = [id_ for id_, row in found.items() if '"status":"failed"' in row]
    assert failed == ["17"]
    assert f"the worker dies of it ({TRIES} times): signal SIGKILL" in found["17"]
    # Whole, then image by image, then sample by sample.
    assert len(list(tmp_path.iterdir())) <= 3 * TRIES


@pytest.mark.engines
def test_an_image_that_kills_its_worker_while_another_batch_is_computed_is_to_blame() -> None:
    # Two samples an image.
    samples = SAMPLES[:16]
    work = toy_work(count=1, dies_of_image="1.png", seconds=0.05)
    rows = [row for result in run_processes(work, toy_batches(2, samples)) for row in result.rows]
    assert len(rows) == len(samples)
    assert {row.sample_id for row in rows if row.status == "failed"} == {s.id for s in samples if s.image == "1.png"}


@pytest.mark.engines
def test_workers_that_only_die_end_the_run(tmp_path: Path) -> None:
    everything = tuple(sample.id for sample in SAMPLES)
    with pytest.raises(RunError, match="workers died one after the other; the last one: signal SIGKILL"):
        rows_of(run_processes, dies_of=everything, notes=str(tmp_path))


@pytest.mark.parametrize(("fault", "error", "message"), [
    ("model", ModelError, "no such weights"),
    ("bug", RuntimeError, "(?s)in a worker:.*KeyError: 'a bug'"),
])  # fmt: skip
def test_a_stage_that_cannot_be_made_is_said_as_here(fault: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        run_processes(toy_work(fault=fault), toy_batches())


RUN = """
import sys
from pathlib import Path
from finecops.runs.engines.processes import run_processes
from finecops.runs.job import StageJob
from finecops.runs.runner import run_stage
from tests.runs.engines.toys import SAMPLES, toy_batches, toy_work
work = toy_work(seconds=float(sys.argv[2]))
run_stage(StageJob(work, Path(sys.argv[1]), [s.id for s in SAMPLES], toy_batches()), run_processes)
"""


def children_of(process: int) -> list[str]:
    """The process ids of the children."""
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process)], capture_output=True, text=True)
    return found.stdout.split()


@pytest.mark.engines
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_run_ends_its_workers_and_goes_on(tmp_path: Path, how: signal.Signals) -> None:
    path = tmp_path / "toy.jsonl"
    started = subprocess.Popen([sys.executable, "-c", RUN, str(path), "0.3"], cwd=PROJECT, stderr=subprocess.DEVNULL)
    partial = path.with_suffix(".jsonl.partial")
    assert soon(lambda: partial.exists() and partial.stat().st_size > 0, 60)
    workers = children_of(started.pid)
    assert len(workers) == 2
    os.kill(started.pid, how)
    started.wait()
    # They notice it at once, not only when their batch is done.
    assert soon(lambda: not any(map(lives, workers)), 30)
    made = partial.read_bytes().count(b"\n")
    assert 0 < made < len(SAMPLES)
    work = toy_work()
    report = run_stage(StageJob(work, path, [s.id for s in SAMPLES], toy_batches()), run_processes)
    assert report.made_now == len(SAMPLES) - made
    assert path.read_text().splitlines() == [EXPECTED[s.id] for s in SAMPLES]


@pytest.mark.engines
def test_a_run_that_is_stopped_leaves_no_worker(tmp_path: Path) -> None:
    results = run_processes(toy_work(), toy_batches())
    next(results)
    workers = children_of(os.getpid())
    assert workers
    results.close()  # type: ignore[attr-defined]
    assert soon(lambda: not any(map(lives, workers)))


@pytest.mark.parametrize(
    ("workers", "device", "gpus", "visible"),
    [
        (Workers(), "auto", ["0", "1", "2"], ["0", "1", "2"]),
        (Workers(2), "cuda", ["0", "1", "2"], ["0", "1"]),
        (Workers(gpus_each=2), "auto", ["0", "1", "2", "3"], ["0,1", "2,3"]),
        (Workers(gpus_each=0.5), "auto", ["0", "1"], ["0", "0", "1", "1"]),
        # As a scheduler names them.
        (Workers(), "auto", ["GPU-8a", "GPU-8b"], ["GPU-8a", "GPU-8b"]),
        (Workers(2), "cpu", ["0"], ["", ""]),
        (Workers(2), "auto", [], [None, None]),
        (Workers(2, gpus_each=0), "auto", ["0"], ["", ""]),
    ],
)
def test_every_worker_sees_its_own_gpus(
    workers: Workers, device: str, gpus: list[str], visible: list[str | None]
) -> None:
    found = places(workers, device, gpus, cores=8)
    assert [environment.get("CUDA_VISIBLE_DEVICES") for environment in found] == visible


def test_workers_have_the_threads_of_this_process(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert places(Workers(), "auto", [], cores=8) == [{}] * 4
    assert not caplog.records
    assert len(places(Workers(8), "auto", [], cores=8)) == 8
    assert "OMP_NUM_THREADS=1 gives each its own" in caplog.text
    monkeypatch.delenv("OMP_NUM_THREADS")
    # As many threads as cores: one worker has them all.
    assert len(places(Workers(), "cpu", [], cores=8)) == 1


@pytest.mark.parametrize(
    ("workers", "gpus", "message"),
    [
        (Workers(3), ["0", "1"], "3 workers with 1 GPUs each do not fit: this machine has 2 .*0.5"),
        (Workers(1, gpus_each=1), [], "do not fit: this machine has 0"),
        (Workers(gpus_each=2), ["0"], "do not fit: this machine has 1"),
        (Workers(gpus_each=1.5), ["0", "1"], "a whole number, or a part"),
    ],
)
def test_workers_without_their_gpus_are_refused(workers: Workers, gpus: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        places(workers, "auto", gpus, cores=8)
