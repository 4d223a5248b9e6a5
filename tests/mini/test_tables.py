"""`scripts/mini_tables.sh`: the commands that it would run, and what it refuses."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest

from finecops.config.find import load_dataset
from tests.test_docs import check

PROJECT = Path(__file__).resolve().parents[2]


def script(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The script with some environment variables; finecops and python are those of this environment."""
    command = ["bash", "scripts/mini_tables.sh", *arguments]
    return subprocess.run(
        command, cwd=PROJECT, capture_output=True, text=True, env={**os.environ, **environment}, check=False
    )


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    """All commands of a dry run on two test splits, in words."""
    out = tmp_path_factory.mktemp("tables")
    done = script("--dry-run", OUT=str(out), TESTS="test val", PLAIN="train")
    assert (done.returncode, done.stderr) == (0, "")
    assert list(out.iterdir()) == []
    return [shlex.split(line) for line in done.stdout.splitlines()]


def options(command: list[str]) -> dict[str, str]:
    """What follows each option of a command; the last one of those that are repeated."""
    return {word: value for word, value in zip(command, [*command[1:], ""]) if word.startswith("--")}


def test_every_command_and_option_exists(commands: list[list[str]]) -> None:
    asked = [shlex.join(command) for command in commands if command[0] == "finecops"]
    assert {command: fault for command in asked if (fault := check(command))} == {}
    assert len(asked) == len(commands) - 1


def test_each_adapter_is_tuned_on_its_data_with_its_seed(commands: list[list[str]]) -> None:
    data = {Path(options(c)["--out"]).stem: options(c) for c in commands if c[:3] == ["finecops", "crs", "tune-data"]}
    tuned = {Path(options(c)["--out"]).name: (c, options(c)) for c in commands if c[:3] == ["finecops", "crs", "tune"]}
    three = [f"{name}-seed{seed}" for name in ("crs-10000", "none", "baseline") for seed in range(3)]
    sizes = [f"crs-{size}-seed0" for size in (2000, 4000, 6000, 8000, 12000)]
    assert list(data) == list(tuned) == [*three, *sizes, "plain-10000-seed0"]
    for name, (command, asked) in tuned.items():
        assert Path(command[3]).stem == name
        assert asked["--seed"] == data[name]["--seed"] == name[-1]
    assert {name for name, asked in data.items() if "--negatives" in asked} == set(three[3:])
    assert {name for name, asked in data.items() if asked.get("--style") == "baseline"} == set(three[6:])
    assert (data["plain-10000-seed0"]["--split"], data["none-seed0"].get("--fewest")) == ("train", None)
    # No sample and no image of any test split is tuned on.
    files = load_dataset("finecops-mini").splits
    assert data["crs-10000-seed0"]["--against"].endswith(files["val"][-1])


def test_each_run_is_made_on_both_splits_and_stands_in_the_tables(commands: list[list[str]]) -> None:
    runs = [options(command) for command in commands if "--run" in command]
    assert [c["--split"] for c in runs] == ["test"] * (len(runs) // 2) + ["val"] * (len(runs) // 2)
    tables, aims = ([word for word in command if "/runs/" in word] for command in commands[-2:])
    assert set(tables) == {asked["--run"] for asked in runs}
    assert set(aims) == {asked["--run"] for asked in runs if asked["--split"] == "test"}
    in_test = [asked for asked in runs if asked["--split"] == "test"]
    assert [asked["--topk"] for asked in in_test if "--topk" in asked] == ["3", "8", "10"]
    # Stages of a run are named after the adapter's folder, but the MLLM alone is not.
    baselines = [asked for asked in in_test if "/baseline-" in asked.get("--adapter", "")]
    assert [Path(asked["--run"]).name for asked in baselines] == [f"baseline-seed{seed}" for seed in range(3)]


@pytest.fixture
def stand_in(tmp_path: Path) -> dict[str, str]:
    """An environment in which `finecops` makes the files of a tuning, or fails where the name has `broken` in it."""
    program = tmp_path / "bin" / "finecops"
    program.parent.mkdir()
    program.write_text(
        "#!/usr/bin/env bash\n"
        'while [ $# -gt 0 ]; do [ "$1" = --out ] && out=$2; shift; done\n'
        'case $out in *broken*) echo "it is broken"; exit 1 ;; *.jsonl) touch "$out" ;;\n'
        '*) mkdir -p "$out"; touch "$out/finecops.json" ;; esac\n'
    )
    program.chmod(0o755)
    small = {"SEEDS": "0", "SIZES": "", "TESTS": "val", "PLAIN": "", "OUT": str(tmp_path / "out")}
    return small | {"PATH": f"{program.parent}:{os.environ['PATH']}"}


def test_what_is_there_is_not_made_again(stand_in: dict[str, str]) -> None:
    first = script("data", "adapters", **stand_in)
    kinds = [line.split()[:2] for line in first.stdout.splitlines()]
    assert kinds == [["make", "tuning"]] * 3 + [["make", "adapter"]] * 3
    assert "no tuning without relations" in first.stderr
    again = script("data", "adapters", **stand_in)
    assert (again.returncode, {line.split()[0] for line in again.stdout.splitlines()}) == (0, {"done"})


def test_what_other_options_made_is_refused(stand_in: dict[str, str]) -> None:
    assert script("data", **stand_in).returncode == 0
    other = script("data", **stand_in, NEGATIVES="5")
    assert (other.returncode, "none-seed0 was made with other options" in other.stderr) == (1, True)


def test_a_step_that_fails_ends_it_and_is_not_taken_for_done(stand_in: dict[str, str]) -> None:
    for _ in range(2):
        done = script("data", **(stand_in | {"ROWS": "broken"}))
        assert (done.returncode, done.stdout.count("make"), done.stdout.count("done")) == (1, 1, 0)
        assert "it is broken" in done.stderr
        assert "failed: finecops crs tune-data" in done.stderr


def test_an_unknown_step_is_refused() -> None:
    done = script("bake")
    assert (done.returncode, done.stdout) == (2, "")
    assert "unknown step bake; there are: data, adapters, runs, tables" in done.stderr


STUB = """#!/usr/bin/env bash
while [ $# -gt 0 ]; do [ "$1" = --out ] && out=$2; shift; done
echo "begin ${OMP_NUM_THREADS-}" >>"$CALLS"
sleep 0.2
echo end >>"$CALLS"
case $out in *none-seed1) echo "no such model" >&2; exit 1 ;; esac
mkdir -p "$out" && echo >"$out/finecops.json"
"""


@pytest.mark.parametrize(("jobs", "most"), [("1", 1), ("3", 3)])
def test_adapters_are_tuned_at_the_same_time_if_asked(tmp_path: Path, jobs: str, most: int) -> None:
    stub, calls = tmp_path / "bin" / "finecops", tmp_path / "calls"
    stub.parent.mkdir()
    stub.write_text(STUB)
    stub.chmod(0o755)
    out = tmp_path / "tables"
    asked = {
        "OUT": str(out),
        "TESTS": "test",
        "PLAIN": "",
        "SIZES": "",
        "SEEDS": "0 1",
        "JOBS": jobs,
        "OMP_NUM_THREADS": "7",
    }
    done = script("adapters", PATH=f"{stub.parent}:{os.environ['PATH']}", CALLS=str(calls), **asked)
    assert done.returncode == 1
    assert "no such model" in done.stderr
    at_a_time, peak = 0, 0
    for line in calls.read_text().splitlines():
        at_a_time += 1 if line.startswith("begin") else -1
        peak = max(peak, at_a_time)
    assert peak == most
    assert ("begin 1" in calls.read_text()) == (most > 1)
    # Those beside the one that failed are kept; alone, none follows it.
    made = {path.parent.name for path in out.glob("adapters/*/finecops.json")}
    assert made == {f"{name}-seed{seed}" for name in ("crs-10000", "none", "baseline") for seed in range(2)} - {
        "none-seed1",
        *(() if most > 1 else ("baseline-seed0", "baseline-seed1")),
    }
