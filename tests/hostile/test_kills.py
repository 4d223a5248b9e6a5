"""Kill it anywhere, start it again: every stage of every strategy ends in the bytes of an unbroken run.

`tests/construction/chain` stops builds, and `tests/runs/test_runner.py` kills a stage. The long part stops runs in this process after
chosen rows and between files, and kills processes with SIGKILL at random.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import finecops.runs.kept as kept_rows
import finecops.runs.runner as runner
from finecops.config.find import load_dataset
from finecops.datasets.dataset import Dataset, load_dataset_split
from finecops.runs.folder import open_run
from finecops.runs.jsonl import append_rows
from finecops.runs.run import RunOptions
from finecops.strategies.crs import crs, order_test
from finecops.strategies.options import Options
from finecops.strategies.parts import Parts
from finecops.strategies.sfa import sfa

PROJECT = Path(__file__).resolve().parents[2]
N = 12


class KilledError(BaseException):
    """Stands for SIGKILL: no handler of ordinary errors sees it."""


@pytest.fixture(scope="module")
def mini() -> Dataset:
    return load_dataset_split(load_dataset("finecops-mini"))


def run_everything(folder: Path, mini: Dataset) -> None:
    """SFA on both pathways, then CRS with None, then the order test: every kind of stage that there is."""
    asked = Parts(Options(device="cpu", both=True, slow="crs", candidates="router", orders=2, none=True))
    alone = Parts(Options(device="cpu", focus=False, none=True, orders=2))
    for name, specs in (("sfa", sfa(asked)), ("crs", [*crs(alone), order_test(alone)[1]])):
        run = open_run(folder / name, mini, N, RunOptions(max_failed=1.0))
        for spec in specs:
            run.do(spec)


def contents(folder: Path) -> dict[str, Any]:
    """All rows as bytes, and what run.json says but for times."""
    found: dict[str, Any] = {str(p.relative_to(folder)): p.read_bytes() for p in folder.glob("*/*.jsonl")}
    for path in folder.glob("*/run.json"):
        stages = json.loads(path.read_text())["stages"]
        timing = ("seconds", "timed_samples", "samples_per_second", "gflops_per_sample")
        found[str(path)[-12:]] = {
            name: {k: v for k, v in entry.items() if k not in timing} for name, entry in stages.items()
        }
    return found


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory, mini: Dataset) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("clean")
    run_everything(folder, mini)
    return contents(folder)


@pytest.mark.hostile
def test_a_run_that_is_killed_again_and_again_ends_in_the_same_files(
    tmp_path: Path, mini: Dataset, clean: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    left = 0

    def dying(file: Any, rows: Any) -> None:
        nonlocal left
        for row in rows:
            append_rows(file, [row])
            left -= 1
            if not left:
                raise KilledError

    monkeypatch.setattr(runner, "append_rows", dying)
    kills = 0
    # Killed after so many new rows each time; 5 is no divisor of a batch.
    while True:
        left = 5
        try:
            run_everything(tmp_path, mini)
        except KilledError:
            kills += 1
            assert kills < 100
            continue
        break
    assert kills > 10
    assert contents(tmp_path) == clean


@pytest.mark.parametrize(
    "step", [pytest.param(step, marks=pytest.mark.hostile) for step in ("replace_rows", "finish", "sound_rows")]
)
def test_a_run_that_is_killed_between_its_files_ends_in_the_same_files(
    tmp_path: Path, mini: Dataset, clean: dict[str, Any], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    place = runner if step == "finish" else kept_rows
    kept = getattr(place, step)
    for before in (True, False):
        left = 0

        def dying(*arguments: Any) -> Any:
            nonlocal left
            left -= 1
            if not left and before:
                raise KilledError
            result = kept(*arguments)
            if not left:
                raise KilledError
            return result

        monkeypatch.setattr(place, step, dying)
        for at in (1, 2, 4):
            left = at
            try:
                run_everything(tmp_path, mini)
            except KilledError:
                continue
        left = 0
        run_everything(tmp_path, mini)
        assert contents(tmp_path) == clean


COMMANDS = (
    ("sfa", "run", "--both", "-n", "60"),
    ("crs", "run", "--both", "--none", "-n", "60"),
    ("crs", "select", "--orders", "2", "-n", "60"),
)


@pytest.mark.hostile
@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: " ".join(c[:2]))
def test_processes_killed_at_random_times_end_in_the_same_files(tmp_path: Path, command: tuple[str, ...]) -> None:
    seed = int(os.environ.get("FINECOPS_SEED", time.time_ns() % 10**6))
    print(f"seed {seed} (FINECOPS_SEED repeats it)")
    rng = random.Random(seed)

    def start(folder: Path) -> subprocess.Popen[bytes]:
        line = [sys.executable, "-m", "finecops", *command, "--device", "cpu", "--run", str(folder)]
        return subprocess.Popen(line, cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    assert start(tmp_path / "whole" / "run").wait() == 0
    for _ in range(12):
        process = start(tmp_path / "broken" / "run")
        # The first seconds are spent on imports: the later half of them meets the stages.
        try:
            process.wait(rng.uniform(2.0, 8.0))
            break
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
    assert start(tmp_path / "broken" / "run").wait() == 0
    whole, broken = contents(tmp_path / "whole"), contents(tmp_path / "broken")
    assert broken == whole


def test_sigterm_ends_with_a_line_and_its_own_exit_code(tmp_path: Path) -> None:
    line = [sys.executable, "-m", "finecops", "sfa", "infer", "-n", "600", "--device", "cpu"]
    process = subprocess.Popen([*line, "--run", str(tmp_path / "run")], cwd=PROJECT, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while not (tmp_path / "run" / "targets.jsonl").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.terminate()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM, errors.decode()[-3000:]
    assert (
        errors.decode().rstrip().endswith("stopped; finished rows are kept, and the same command continues from there")
    )
    assert "Traceback" not in errors.decode()
