"""Batches side by side: the finished file has the same bytes as with one batch after the other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from finecops.records import Prediction, Sample
from finecops.runs.batches import make_batches
from finecops.runs.engines.local import run_local
from finecops.runs.jsonl import read_rows
from finecops.runs.runner import StageReport, run_stage
from finecops.runs.specification import ImageGroup
from tests.conftest import make_sample
from tests.runs.test_runner import Recorder, toy_job, toy_spec

SAMPLES = [make_sample(str(i), image=f"{i // 2 % 12}.png") for i in range(48)]


class Waiting:
    """A stage that wants several batches at the same time; rows show which batch made them."""

    def __init__(self, width: int | Callable[[], int], bad: frozenset[str] = frozenset()) -> None:
        self.width = width if callable(width) else lambda: width
        self.inner = Recorder(bad)
        self.lock = threading.Lock()
        self.under_way = self.most = 0
        self.hold: Callable[[list[str]], None] = lambda ids: None

    def __call__(self, groups: Sequence[ImageGroup]) -> list[Prediction]:
        with self.lock:
            self.under_way += 1
            self.most = max(self.most, self.under_way)
        try:
            self.hold([sample.id for group in groups for sample in group.samples])
            return self.inner(groups)
        finally:
            with self.lock:
                self.under_way -= 1


def make(folder: Path, stage: object, samples: Sequence[Sample] = SAMPLES) -> StageReport:
    return run_stage(toy_job(folder, toy_spec(stage, batch_size=4), samples), run_local)


@pytest.mark.parametrize("width", [2, 5, 100])
def test_the_file_is_the_same_whatever_the_width(tmp_path: Path, width: int) -> None:
    bad = frozenset({"5", "30"})
    make(tmp_path / "plain", Recorder(bad))
    stage = Waiting(width, bad)
    report = make(tmp_path / "wide", stage)
    assert (tmp_path / "wide" / "toy.jsonl").read_bytes() == (tmp_path / "plain" / "toy.jsonl").read_bytes()
    assert (report.failed, report.made_now) == (2, len(SAMPLES))
    assert stage.most <= width


def test_the_last_batches_are_written_while_the_first_one_waits(tmp_path: Path) -> None:
    partial = tmp_path / "toy.jsonl.partial"
    batches = len(toy_job(tmp_path, toy_spec(None, batch_size=4), SAMPLES).batches)
    others = threading.Semaphore(0)

    def hold(ids: list[str]) -> None:
        if "0" not in ids:
            others.release()
            return
        for _ in range(batches - 1):
            assert others.acquire(timeout=30)
        # All but those that may be between the stage and the file.
        written.append(partial.read_bytes().count(b"\n"))

    written: list[int] = []
    stage = Waiting(2)
    stage.hold = hold
    make(tmp_path, stage)
    assert written[0] >= len(SAMPLES) - 3 * 4


def test_a_width_that_changes_is_kept_to(tmp_path: Path) -> None:
    widths = iter([1, 1, 4, 4, 4, 4, 2] + [1] * 100)
    stage = Waiting(lambda: next(widths, 1))
    make(tmp_path, stage)
    assert stage.most <= 4
    assert [row.sample_id for row in read_rows(tmp_path / "toy.jsonl", Prediction)] == [s.id for s in SAMPLES]


@pytest.mark.parametrize("at", [0, 1, 20, 47])
def test_stopped_anywhere_it_goes_on_to_the_same_file(tmp_path: Path, at: int) -> None:
    make(tmp_path / "plain", Recorder())
    stage = Waiting(5)

    def stop(ids: list[str]) -> None:
        if str(at) in ids:
            raise KeyboardInterrupt

    stage.hold = stop
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path / "stopped", stage)
    kept = (tmp_path / "stopped" / "toy.jsonl.partial").read_bytes()
    again = Waiting(5)
    make(tmp_path / "stopped", again)
    assert (tmp_path / "stopped" / "toy.jsonl").read_bytes() == (tmp_path / "plain" / "toy.jsonl").read_bytes()
    # What was written is not asked again.
    asked = {id_ for ids in again.inner.calls for id_ in ids}
    assert len(asked) == len(SAMPLES) - kept.count(b"\n")


def test_batches_may_have_one_image_each() -> None:
    batches = make_batches(SAMPLES, lambda sample: Path(sample.image), 3, images=1)
    assert [len(batch) for batch in batches] == [1] * 24
    assert {len(group.samples) for batch in batches for group in batch} == {1, 3}
