"""How many threads compute, and how they wait: what the machine gives, and what a user asks for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from finecops.runs.engines import cores
from finecops.runs.engines.cores import THREADS, WAITING, others_running, quota, threads_used, use_threads


@pytest.mark.parametrize(
    ("own", "files", "expected"),
    [
        ("0::/", {"cpu.max": "150000 100000"}, 1.5),
        ("0::/", {"cpu.max": "max 100000"}, None),
        # The group around it has less than the group itself.
        ("0::/outer/inner", {"outer/cpu.max": "200000 100000", "outer/inner/cpu.max": "400000 100000"}, 2.0),
        # In a container the group is mounted at the top, whatever it is called outside.
        ("0::/docker/0123", {"cpu.max": "50000 100000"}, 0.5),
        # Version 1 has a hierarchy for each controller, and -1 for no limit.
        (
            "3:cpu,cpuacct:/job\n2:memory:/x",
            {"cpu/job/cpu.cfs_quota_us": "300000", "cpu/job/cpu.cfs_period_us": "1"},
            3e5,
        ),
        ("3:cpu:/", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        ("what is this", {}, None),
    ],
)
def test_the_limit_of_control_groups(tmp_path: Path, own: str, files: dict[str, str], expected: float | None) -> None:
    (tmp_path / "own").write_text(own)
    for name, text in files.items():
        path = tmp_path / "groups" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert quota(tmp_path / "groups", tmp_path / "own") == expected
    assert quota(tmp_path / "groups", tmp_path / "nothing") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("100.5 90.0 80.0 5/312 77", 4),
        # What ran before left a load behind, and nothing runs now; or the other way round.
        ("100.5 90.0 80.0 1/312 77", None),
        ("0.01 0.0 0.0 9/312 77", None),
        ("", None),
    ],
)
def test_a_machine_is_busy_if_it_was_and_is(tmp_path: Path, text: str, expected: int | None) -> None:
    (tmp_path / "load").write_text(text)
    assert others_running(tmp_path / "load") == expected
    assert others_running(tmp_path / "none") is None


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """An environment that says nothing of threads, on four cores that nobody else uses; torch as it was, afterwards."""
    monkeypatch.delenv(THREADS, raising=False)
    for name in (WAITING, "GOMP_SPINCOUNT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(cores, "_affinity", lambda: 4)
    monkeypatch.setattr(cores, "quota", lambda: None)
    monkeypatch.setattr(cores, "others_running", lambda: None)
    # Both are put back at the end, whatever the test sets.
    monkeypatch.setenv(THREADS, "0")
    monkeypatch.delenv(THREADS)
    set_, before = torch.set_num_threads, torch.get_num_threads()
    monkeypatch.setattr(torch, "set_num_threads", lambda number: set_(number))
    yield monkeypatch
    set_(before)


def test_the_number_that_is_asked_for_holds_here_and_in_workers(place: pytest.MonkeyPatch) -> None:
    use_threads(1)
    assert (os.environ[THREADS], torch.get_num_threads(), threads_used()) == ("1", 1, 1)


def test_without_a_limit_libraries_choose(place: pytest.MonkeyPatch) -> None:
    use_threads()
    assert THREADS not in os.environ


def test_there_are_not_more_threads_than_a_container_may_use(place: pytest.MonkeyPatch) -> None:
    place.setattr(cores, "quota", lambda: 1.5)
    use_threads()
    assert os.environ[THREADS] == "2"
    # Who says a number knows better.
    place.setenv(THREADS, "3")
    use_threads()
    assert os.environ[THREADS] == "3"


def test_a_busy_machine_changes_how_threads_wait_and_not_how_many_there_are(
    place: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    place.setattr(cores, "others_running", lambda: 9)
    place.setattr(os, "cpu_count", lambda: 4)
    place.setattr(cores, "_torch_is_here", lambda: False)
    with caplog.at_level("INFO", "finecops"):
        use_threads()
    assert THREADS not in os.environ
    assert os.environ.pop(WAITING) == "PASSIVE"
    assert "9 other computations on 4 cores" in caplog.text
    # One thread waits for nobody.
    use_threads(1)
    assert WAITING not in os.environ
