"""Failed rows: their causes, which are asked again, and the circuit breaker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from finecops.errors import DataError, FailuresError, ModelError, TextLengthError
from finecops.runs.checksums import checksums_of, sound_rows
from finecops.runs.engines.local import run_local
from finecops.runs.failures import CircuitBreaker, data_checksum, to_ask_again, with_cause
from finecops.runs.runner import run_stage
from tests.conftest import make_prediction, make_sample
from tests.runs.test_runner import SAMPLES, Recorder, toy_job, toy_spec


def failure(id_: str, reason: str, **more: Any) -> Any:
    return make_prediction(id_, status="failed").model_copy(update={"reason": reason, **more})


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (DataError("image a.png is missing"), "data"),
        (TextLengthError("the text has 300 tokens"), "data"),
        (ModelError("the server is down"), None),
        (MemoryError("out of memory"), None),
    ],
)
def test_only_a_samples_own_data_is_its_own_cause(error: Exception, cause: str | None, tmp_path: Path) -> None:
    row = with_cause(failure("1", str(error)), error, tmp_path / "a.png", make_sample("1"))
    assert row.cause == cause
    assert (row.data_sha256 is None) == (cause is None)


def test_other_data_has_another_checksum(tmp_path: Path) -> None:
    image, sample = tmp_path / "a.png", make_sample("1")
    seen = {data_checksum(image, sample)}
    for content in (b"one", b"two"):
        image.write_bytes(content)
        seen.add(data_checksum(image, sample))
    seen.add(data_checksum(image, make_sample("1", expression="the blue car")))
    assert len(seen) == 4
    image.write_bytes(b"two")
    assert data_checksum(image, sample) in seen


@pytest.mark.parametrize(
    ("retry", "asked"),
    [("changed", {"server", "changed"}), ("all", {"server", "changed", "same", "input"}), ("none", set())],
)
def test_which_failed_rows_are_asked_again(retry: Any, asked: set[str], tmp_path: Path) -> None:
    samples = [make_sample(i) for i in ("fine", "server", "same", "changed", "input")]
    same = data_checksum(tmp_path / "x.png", samples[2])
    rows = {
        "fine": make_prediction("fine", [(0.0, 0.0, 1.0, 1.0)]),
        "server": failure("server", "down"),
        "same": failure("same", "broken", cause="data", data_sha256=same),
        "changed": failure("changed", "broken", cause="data", data_sha256="0"),
        "input": failure("input", "no candidates", cause="input"),
    }
    assert to_ask_again(rows, samples, lambda sample: tmp_path / "x.png", retry) == asked


def down(n: int, **more: Any) -> list[Any]:
    return [failure(f"s{i}", f"s{i}: connection to 10.0.0.{i} refused", **more) for i in range(n)]


@pytest.mark.parametrize(
    ("rows", "stops"),
    [
        (down(64), True),
        (down(63), False),
        ([*down(40), make_prediction("x"), *down(40)], False),  # an answer in between
        (down(200, cause="data"), False),  # broken images say nothing about the server
        ([row for pair in zip(down(64), down(64, cause="data"), strict=True) for row in pair], True),
        ([failure(str(i), "down" if i % 2 else "busy") for i in range(200)], False),
    ],
)
def test_many_like_failures_in_a_row_stop_a_stage(rows: list[Any], stops: bool) -> None:
    breaker = CircuitBreaker("mllm", 500)
    if not stops:
        breaker(rows, 7)
        return
    with pytest.raises(FailuresError, match=r"mllm: 64 answers in a row failed: .*7 of 500 samples are done"):
        breaker(rows, 7)


def test_a_stopped_stage_keeps_its_good_rows_and_goes_on(tmp_path: Path) -> None:
    samples = [make_sample(str(i), image=f"{i // 10}.png") for i in range(200)]
    stage = Recorder(frozenset(str(i) for i in range(100, 200)))
    with pytest.raises(FailuresError, match="100 of 200 samples are done and kept"):
        run_stage(toy_job(tmp_path, toy_spec(stage, 10), samples), run_local)
    assert not (tmp_path / "toy.jsonl").exists()
    stage.bad, stage.calls = frozenset(), []
    from dataclasses import replace

    job = replace(
        toy_job(tmp_path, toy_spec(stage, 10), samples),
        ask_again=lambda rows: {id_ for id_, row in rows.items() if getattr(row, "status", "") == "failed"},
    )
    assert run_stage(job, run_local).failed == 0
    assert len(stage.calls) == 10  # only the batches that failed
    whole = run_stage(toy_job(tmp_path / "whole", toy_spec(stage, 10), samples), run_local)
    assert whole.rows == 200
    assert (tmp_path / "toy.jsonl").read_bytes() == (tmp_path / "whole" / "toy.jsonl").read_bytes()


@pytest.mark.parametrize("rows", [0, 1, 15, 16, 17, 160, 1999])
def test_a_file_is_sound_up_to_where_it_was_changed(tmp_path: Path, rows: int) -> None:
    path = tmp_path / "a.jsonl"
    lines = [f'{{"id": {i}}}\n'.encode() for i in range(rows)]
    path.write_bytes(b"".join(lines))
    checksums = checksums_of(path, rows)
    assert len(checksums.blocks) <= 101
    assert sound_rows(path, checksums) is None
    if rows:
        path.write_bytes(b"".join(lines[:-1]))
        sound = sound_rows(path, checksums)
        assert sound is not None
        assert rows - checksums.rows_per_block <= sound < rows
    path.write_bytes(b"".join([*lines, b"{}\n"]))
    assert sound_rows(path, checksums) is not None


def test_samples_have_their_own_names_in_reasons() -> None:
    from finecops.runs.failures import most_frequent, reason_counts

    down = "http://localhost:8000/v1: Error code: 400"
    rows = [failure(i, f"{i} is 33 px wide") for i in ("a", "3")] + [failure("c", down)]
    # A reason that is the same in all its rows stays as it is: its numbers say something.
    assert most_frequent(reason_counts(rows)) == f"2 × ID is N px wide; 1 × {down}"
    assert len(SAMPLES) == 20
