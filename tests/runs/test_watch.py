"""The first answers of a run are watched."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from finecops.config.box_pattern import BoxPattern
from finecops.errors import StopRunError
from finecops.records import Prediction
from finecops.runs.engines.local import run_local
from finecops.runs.runner import run_stage
from finecops.runs.watch import Watch
from tests.conftest import make_sample
from tests.runs.test_runner import toy_job, toy_spec

SAMPLES = [make_sample(str(i)) for i in range(40)]
GOOD = {"status": "box", "boxes": ((10.0, 10.0, 50.0, 50.0),)}
TINY = {"status": "box", "boxes": ((1.0, 1.0, 2.0, 2.0),)}
UNREAD = {"status": "unparsed", "reason": "the answer has no box", "reply": "I see a car."}
OUTSIDE = {"status": "unparsed", "reason": "[1, 2, 1500, 9] has a coordinate above 1000", "reply": "(1,2),(1500,9)"}
FAILED = {"status": "failed", "reason": "connection refused"}
REJECT = {"status": "reject"}


def rows(kinds: list[dict[str, Any]]) -> list[Prediction]:
    return [Prediction(sample_id=s.id, source="mllm", **kinds[i % len(kinds)]) for i, s in enumerate(SAMPLES)]


@pytest.mark.parametrize(
    ("kinds", "message"),
    [
        ([UNREAD, UNREAD, GOOD], "cannot be parsed: the answers are not in the format norm1000_paren.*I see a car"),
        ([OUTSIDE], "another coordinate convention"),
        ([FAILED], "32 of the first 32 answers failed; most often: connection refused"),
        ([TINY, TINY, GOOD], "cover less than 0.04%"),
    ],
)
def test_what_goes_wrong_from_the_start_is_stopped(kinds: list[dict[str, Any]], message: str) -> None:
    watch = Watch("m", "norm1000_paren", SAMPLES)
    found = rows(kinds)
    watch(found[:31])  # too few to say
    with pytest.raises(StopRunError, match=message):
        watch(found[31:32])


def test_a_declared_format_is_watched_too() -> None:
    declared = BoxPattern(text="({x1},{y1}),({x2},{y2})", coordinates="norm1000")
    with pytest.raises(StopRunError, match=r"do not fit the format \(\{x1\},.*\) in norm1000: another coordinate"):
        Watch("m", declared, SAMPLES)(rows([OUTSIDE]))


@pytest.mark.parametrize("kinds", [[GOOD], [REJECT], [UNREAD, GOOD, GOOD], [FAILED, GOOD], [TINY, GOOD, GOOD]])
def test_what_may_happen_is_not_stopped(kinds: list[dict[str, Any]]) -> None:
    watch = Watch("m", "norm1000_paren", SAMPLES)
    watch(rows(kinds))
    watch(rows([UNREAD]))  # only the first ones are watched


@pytest.mark.parametrize(("mass", "warned"), [(0.02, True), (0.97, False)])
def test_letters_that_the_model_would_not_write_are_a_warning(
    mass: float, warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    Watch("m", "of a letter", SAMPLES)(rows([{**GOOD, "mass": mass}]))
    assert ("the letters of the options have 2.0%" in caplog.text) == warned


class Unreadable:
    """A stage whose answers nobody can read."""

    def __call__(self, groups: Any) -> list[Prediction]:
        return [Prediction(sample_id=s.id, source="mllm", **UNREAD) for g in groups for s in g.samples]


def stop(folder: Path) -> None:
    job = replace(toy_job(folder, toy_spec(Unreadable(), 8), SAMPLES), watch=Watch("m", "norm1000_paren", SAMPLES))
    with pytest.raises(StopRunError):
        run_stage(job, run_local)


def test_a_stopped_stage_leaves_nothing_behind(tmp_path: Path) -> None:
    stop(tmp_path)
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ".lock"] == []


def test_a_stop_keeps_rows_of_an_earlier_start(tmp_path: Path) -> None:
    kept = "".join(row.model_dump_json() + "\n" for row in rows([GOOD])[:4])
    partial = tmp_path / "toy.jsonl.partial"
    partial.write_text(kept)
    stop(tmp_path)
    assert partial.read_text().startswith(kept)
