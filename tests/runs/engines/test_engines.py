"""Every engine, with the small models: the row files of a run have the same SHA-256, and so have joined shards."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.engines
PROJECT = Path(__file__).resolve().parents[3]
N = "40"
STAGES = ("targets", "routes", "specialist", "mllm", "sfa")


def finecops(*arguments: str) -> None:
    """A command in a process of its own; every process of it computes with one thread."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", "from finecops.cli.app import main; main()", *arguments]
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


def checksums(folder: Path) -> dict[str, str]:
    return {name: hashlib.sha256((folder / f"{name}.jsonl").read_bytes()).hexdigest() for name in STAGES}


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("local") / "run"
    finecops("sfa", "infer", "-n", N, "--run", str(folder))
    return checksums(folder)


@pytest.mark.parametrize("engine", ["processes", "ray"])
def test_engines_make_the_same_files(tmp_path: Path, local: dict[str, str], engine: str) -> None:
    run = str(tmp_path / "run")
    finecops("sfa", "infer", "-n", N, "--run", run, "--engine", engine, "--workers", "2")
    assert checksums(tmp_path / "run") == local


def test_joined_shards_are_the_same_files(tmp_path: Path, local: dict[str, str]) -> None:
    for part in ("2/2", "1/2"):
        finecops("sfa", "infer", "-n", N, "--run", str(tmp_path / "run"), "--shard", part)
    finecops("merge", str(tmp_path / "run"))
    assert checksums(tmp_path / "run") == local
