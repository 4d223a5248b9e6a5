"""The runner: order, failures, resuming at any byte, locks, a full disk."""

from __future__ import annotations

import errno
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

import finecops.runs.runner
from finecops.errors import DataError, RunError
from finecops.records import Prediction, Sample
from finecops.runs.batches import make_batches, share_of
from finecops.runs.engines.local import run_local
from finecops.runs.job import StageJob
from finecops.runs.jsonl import read_rows, repair_torn_end
from finecops.runs.runner import StageReport, run_stage
from finecops.runs.specification import ImageGroup, Resources, StageSettings, StageSpec, Work
from finecops.stages.rows import failed_prediction
from tests.conftest import make_prediction, make_sample

SAMPLES = [make_sample(str(i), image=f"{i % 4}.png") for i in range(20)]


def toy_spec(stage: Any, batch_size: int = 6) -> StageSpec[Prediction]:
    """A stage that is there already."""
    return StageSpec(
        name="toy",
        row_type=Prediction,
        role="answers",
        label="Toy",
        settings=StageSettings(),
        make=lambda settings, context: stage() if isinstance(stage, type) else stage,
        failure=partial(failed_prediction, source="toy"),
        resources=Resources(batch_size),
    )


def run(folder: Path, stage: Any, samples: Sequence[Sample] = SAMPLES, batch_size: int = 6) -> StageReport:
    """Make `toy.jsonl` in a folder."""
    return run_stage(toy_job(folder, toy_spec(stage, batch_size), samples), run_local)


def toy_job(folder: Path, spec: StageSpec[Prediction], samples: Sequence[Sample] = SAMPLES) -> StageJob[Prediction]:
    batches = make_batches(samples, lambda sample: Path(sample.image), spec.resources.batch_size)
    return StageJob(Work(spec, {}), folder / "toy.jsonl", [s.id for s in samples], batches)


class Recorder:
    """Answers with the batch's make-up, so that a row shows which batch made it; fails for the samples it was given."""

    def __init__(self, bad: frozenset[str] = frozenset(), error: Exception | None = None) -> None:
        self.bad, self.error = bad, error or ValueError("no good")
        self.calls: list[list[str]] = []

    def __call__(self, groups: Sequence[ImageGroup]) -> list[Prediction]:
        ids = [s.id for g in groups for s in g.samples]
        self.calls.append(ids)
        if self.bad & set(ids):
            raise self.error
        return [make_prediction(i, [(0.0, 0.0, 1.0, float(len(ids)))]) for i in ids]


def test_batches_keep_images_together_and_respect_the_size() -> None:
    batches = make_batches(SAMPLES, lambda s: Path(s.image), 6)
    assert [[len(g.samples) for g in batch] for batch in batches] == [[5], [5], [5], [5]]
    merged = make_batches(SAMPLES, lambda s: Path(s.image), 10)
    assert [[len(g.samples) for g in batch] for batch in merged] == [[5, 5], [5, 5]]
    split = make_batches(SAMPLES, lambda s: Path(s.image), 2)
    assert max(sum(len(g.samples) for g in batch) for batch in split) == 2
    assert sorted(s.id for batch in split for g in batch for s in g.samples) == sorted(s.id for s in SAMPLES)


def test_a_share_leaves_the_batches_of_other_samples_as_they_are() -> None:
    whole = make_batches(SAMPLES, lambda s: Path(s.image), 10)
    without = share_of(whole, frozenset(s.id for s in SAMPLES) - {"0"})
    assert [[s.id for g in batch for s in g.samples] for batch in without][1:] == [
        [s.id for g in batch for s in g.samples] for batch in whole
    ][1:]
    assert [s.id for g in without[0] for s in g.samples] == [s.id for g in whole[0] for s in g.samples if s.id != "0"]
    # A batch and an image of which nothing is left go.
    assert share_of(whole, frozenset({"3"}))[0][0].samples[0].id == "3"
    assert len(share_of(whole, frozenset({"3"}))) == 1


def test_rows_come_in_the_samples_order(tmp_path: Path) -> None:
    report = run(tmp_path, Recorder())
    assert [row.sample_id for row in read_rows(tmp_path / "toy.jsonl", Prediction)] == [s.id for s in SAMPLES]
    assert (report.rows, report.failed, report.made_now) == (20, 0, 20)
    assert not (tmp_path / "toy.jsonl.partial").exists()


def test_a_done_stage_is_not_run_again(tmp_path: Path) -> None:
    run(tmp_path, Recorder())

    class Never(Recorder):
        def __init__(self) -> None:
            raise AssertionError("the stage was loaded")

    assert run(tmp_path, Never).made_now == 0


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("no good"), "ValueError: no good"),
        (DataError("image x.png is missing"), "image x.png is missing"),
        (KeyError("k"), "KeyError: 'k'"),
    ],
)
def test_a_sample_that_raises_fails_alone(tmp_path: Path, error: Exception, reason: str) -> None:
    report = run(tmp_path, Recorder(frozenset({"3", "14"}), error))
    rows = {row.sample_id: row for row in read_rows(tmp_path / "toy.jsonl", Prediction)}
    assert {i for i, row in rows.items() if row.status == "failed"} == {"3", "14"}
    assert rows["3"].reason == reason
    assert report.failed == 2


def test_notes_are_counted_without_their_numbers(tmp_path: Path) -> None:
    def stage(groups: Sequence[ImageGroup]) -> list[Prediction]:
        notes = {"0": "cut from 24 to 16 tokens", "1": "cut from 30 to 16 tokens", "2": "no focus"}
        rows = [make_prediction(s.id) for g in groups for s in g.samples]
        return [row.model_copy(update={"note": notes.get(row.sample_id)}) for row in rows]

    report = run(tmp_path, stage)
    assert report.notes == {"cut from N to N tokens": 2, "no focus": 1}


@pytest.mark.parametrize("every", [17, pytest.param(1, marks=pytest.mark.slow)])
def test_a_file_cut_at_any_byte_is_completed_to_the_same_bytes(tmp_path: Path, every: int) -> None:
    run(tmp_path / "whole", Recorder(frozenset({"5"})))
    whole = (tmp_path / "whole" / "toy.jsonl").read_bytes()
    interrupted = tmp_path / "rows"
    stage = Recorder(frozenset({"5"}))
    kept = finecops.runs.runner.finish
    try:
        finecops.runs.runner.finish = lambda *args: None  # leaves the partial file, in the order of the batches
        run(interrupted, stage)
    finally:
        finecops.runs.runner.finish = kept
    partial = (interrupted / "toy.jsonl.partial").read_bytes()
    ends = [i + after for i, byte in enumerate(partial) if byte == ord("\n") for after in (0, 1)]
    for cut in sorted({0, len(partial), *ends, *range(0, len(partial), every)}):
        folder = tmp_path / "cut"
        folder.mkdir(exist_ok=True)
        (folder / "toy.jsonl").unlink(missing_ok=True)
        (folder / "toy.jsonl.partial").write_bytes(partial[:cut])
        run(folder, Recorder(frozenset({"5"})))
        assert (folder / "toy.jsonl").read_bytes() == whole, cut


def test_resuming_does_not_repeat_finished_batches(tmp_path: Path) -> None:
    run(tmp_path / "whole", Recorder())
    rows = (tmp_path / "whole" / "toy.jsonl").read_text().splitlines(keepends=True)
    first = [row for row in rows if f'"sample_id":"{0}"' in row or any(f'"sample_id":"{i}"' in row for i in (4, 8))]
    folder = tmp_path / "again"
    folder.mkdir()
    (folder / "toy.jsonl.partial").write_text("".join(first))
    stage = Recorder()
    run(folder, stage)
    assert stage.calls[0] == ["0", "4", "8", "12", "16"]  # begun, not finished: the same batch once more
    assert (folder / "toy.jsonl").read_text() == "".join(rows)


def test_two_processes_cannot_write_one_file(tmp_path: Path) -> None:
    with FileLock(tmp_path / "toy.lock"), pytest.raises(RunError, match="another process is writing"):
        run(tmp_path, Recorder())


def test_a_full_disk_is_said_and_nothing_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    append = finecops.runs.runner.append_rows
    written: list[int] = []

    def full_after_two(file: object, rows: Sequence[Prediction]) -> None:
        if len(written) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(len(rows))
        append(file, rows)  # type: ignore[arg-type]

    monkeypatch.setattr(finecops.runs.runner, "append_rows", full_after_two)
    with pytest.raises(RunError, match="No space left on device"):
        run(tmp_path, Recorder())
    monkeypatch.setattr(finecops.runs.runner, "append_rows", append)
    report = run(tmp_path, Recorder())
    assert (report.rows, report.made_now) == (20, 20 - sum(written))


@pytest.mark.parametrize("content", [b"", b"abc", b'{"a":1}\n', b'{"a":1}\n{"b"', b"\n\n", b"x" * 200_000 + b"\ny"])
def test_a_torn_end_is_cut_to_whole_lines(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(content)
    repair_torn_end(path)
    assert path.read_bytes() == content[: content.rfind(b"\n") + 1]


@pytest.mark.parametrize("there", [True, False])
def test_rows_are_never_written_through_a_link(tmp_path: Path, there: bool) -> None:
    other, folder = tmp_path / "other", tmp_path / "run"
    folder.mkdir()
    if there:
        other.write_text("kept")
    (folder / "toy.jsonl.partial").symlink_to(other)
    with pytest.raises(RunError, match="partial is a link"):
        run(folder, Recorder())
    assert not there or other.read_text() == "kept"
    assert other.exists() == there


def test_a_broken_end_of_a_partial_file_is_made_again(tmp_path: Path) -> None:
    run(tmp_path, Recorder())
    whole = (tmp_path / "toy.jsonl").read_bytes()
    broken = b"".join(whole.splitlines(True)[:3]) + b"\xff\xfe\n"
    (tmp_path / "toy.jsonl").unlink()
    (tmp_path / "toy.jsonl.partial").write_bytes(broken)
    run(tmp_path, Recorder())
    assert (tmp_path / "toy.jsonl").read_bytes() == whole


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"sample_id":"1","status":"box"}', "source: Field required"),
        ('{"sample_id":"1","status":"box","source":"s","colour":"red"}', "colour: Extra inputs"),
        ('{"sample_id":"1","status":"maybe","source":"s"}', "status: Input should be"),
        ("nonsense", "Invalid JSON"),
    ],
)
def test_a_bad_row_is_named_by_file_and_line(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(make_prediction("0").model_dump_json() + "\n" + line + "\n")
    with pytest.raises(RunError, match=f"rows.jsonl:2: .*{message}"):
        list(read_rows(path, Prediction))


KILLED = """
import sys, time
sys.path.insert(0, ".")
from pathlib import Path
from tests.runs.test_runner import Recorder, run
class Slow(Recorder):
    def __call__(self, groups):
        time.sleep(0.05)
        return super().__call__(groups)
run(Path(sys.argv[1]), Slow(), batch_size=2)
"""


def test_killed_processes_end_in_the_same_file(tmp_path: Path) -> None:
    run(tmp_path / "whole", Recorder(), batch_size=2)
    partial = tmp_path / "killed" / "toy.jsonl.partial"
    for kill_at in (1, 5, 9):
        process = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path / "killed")], stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            if partial.exists() and partial.read_bytes().count(b"\n") >= kill_at:
                break
            time.sleep(0.005)
        process.kill()
        process.wait()
        assert partial.exists(), "it was not killed in the middle"
    run(tmp_path / "killed", Recorder(), batch_size=2)
    assert (tmp_path / "killed" / "toy.jsonl").read_bytes() == (tmp_path / "whole" / "toy.jsonl").read_bytes()
