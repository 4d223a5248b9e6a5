"""Disks that are full, read-only or limited: one line, exit code 1, nothing lost; numbers come without a disk."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from finecops.cli.app import main
from finecops.evaluation import results
from finecops.evaluation.runs import evaluate_run
from tests.builders_runs import make_run

PROJECT = Path(__file__).resolve().parents[2]


def finecops(*arguments: str, file_bytes: int | None = None) -> subprocess.CompletedProcess[str]:
    """A command as a process of its own, whose files may not grow beyond a limit."""

    def limit() -> None:
        if file_bytes is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))

    command = [sys.executable, "-m", "finecops", *arguments]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, preexec_fn=limit)


@pytest.mark.parametrize("file_bytes", [pytest.param(n, marks=pytest.mark.hostile) for n in (100, 40_000)])
def test_a_file_size_limit_is_said_in_one_line_and_costs_nothing(tmp_path: Path, file_bytes: int) -> None:
    extract = ("sfa", "extract", "-n", "300", "--run")
    broken = finecops(*extract, str(tmp_path / "run"), file_bytes=file_bytes)
    assert broken.returncode == 1
    assert "Traceback" not in broken.stderr
    assert "File too large" in broken.stderr.splitlines()[-1]
    # With room again the same command goes on, to the same bytes.
    if not (tmp_path / "run" / "run.json").exists():
        shutil.rmtree(tmp_path / "run")
    assert finecops(*extract, str(tmp_path / "run")).returncode == 0
    assert finecops(*extract, str(tmp_path / "whole")).returncode == 0
    assert (tmp_path / "run" / "targets.jsonl").read_bytes() == (tmp_path / "whole" / "targets.jsonl").read_bytes()


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.ENOSPC])
def test_a_finished_run_is_evaluated_on_a_disk_that_takes_nothing(
    tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder = make_run(tmp_path / "run")

    def refuse(path: Path, content: Any) -> None:
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(results, "write_json_atomically", refuse)
    assert evaluate_run(folder).methods
    assert f"metrics.json was not written: {os.strerror(number)}" in caplog.text


@pytest.mark.parametrize(
    "arguments",
    [
        ("eval", "{tmp}/nothing"),
        ("score", "--annotations", "{tmp}", "--predictions", "{tmp}", "--format", "refexp-text"),
        ("sfa", "extract", "--dataset", "{tmp}/none.yaml"),
        ("sfa", "extract", "--dataset", "{tmp}"),
        ("crs", "tune", "{tmp}/nothing.jsonl", "--out", "{tmp}/out"),
        ("data", "build", "gqa", "--scene-graphs", "{tmp}/none.json", "--images", "{tmp}", "--out", "{tmp}/out"),
        ("models", "check", "{tmp}/none.yaml"),
        ("sfa", "extract", "-n", "2", "--run", "/proc/nowhere/run"),
        ("sfa", "extract", "-n", "2", "--run", "/dev/null/run"),
        ("data", "check", "--dataset", "/etc/hostname"),
    ],
    ids=lambda a: " ".join(a[:2]),
)
def test_paths_that_lead_nowhere_are_one_line(
    tmp_path: Path, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["finecops", *(argument.format(tmp=tmp_path) for argument in arguments)])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code in (1, 2)
    assert "Traceback" not in capsys.readouterr().err
