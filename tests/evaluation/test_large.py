"""Large runs and files: tables and places of rows instead of objects, and the same numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from finecops.bench.synthetic import Counts, write_texts
from finecops.bench.synthetic_run import write_synthetic_run
from finecops.datasets import id_rows
from finecops.datasets.table import SampleTable
from finecops.evaluation import reading
from finecops.evaluation.evaluate import evaluate
from finecops.evaluation.files import score_file
from finecops.evaluation.reading import RunData
from finecops.evaluation.runs import evaluate_run
from finecops.evaluation.settings import MetricSettings, ScoreSettings
from finecops.metrics import answers, arrays, flat
from finecops.metrics.answers import AnswersBuilder, ranked_boxes
from finecops.metrics.arrays import evaluate_arrays
from finecops.records import Prediction
from finecops.runs import jsonl
from finecops.runs.row_file import RowFile
from tests.conftest import make_negative, make_prediction, make_sample

COUNTS = Counts(30, 24, 20)


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is large, and looked at in small parts."""
    monkeypatch.setattr(reading, "LARGE_BYTES", 1)
    monkeypatch.setattr(jsonl, "LARGE_BYTES", 1)
    monkeypatch.setattr(jsonl, "_tables", {})
    monkeypatch.setattr(id_rows, "LARGE", 0)
    for module in (answers, arrays):
        monkeypatch.setattr(module, "_BLOCK", 7)
    monkeypatch.setattr(flat, "_WAITING", 3)


def test_a_run_has_the_same_numbers(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    folder = write_synthetic_run(tmp_path, COUNTS)
    wanted = evaluate_run(folder, write=False)
    request.getfixturevalue("large")
    run = RunData(folder)
    assert isinstance(run.samples, SampleTable)
    assert isinstance(run.rows("mllm", Prediction), RowFile)
    assert evaluate_run(run, write=False) == wanted
    assert len(wanted.methods) == 4


@pytest.mark.parametrize("shuffled", [False, True])
def test_a_file_has_the_same_numbers(tmp_path: Path, shuffled: bool, request: pytest.FixtureRequest) -> None:
    files = write_texts(tmp_path, COUNTS)
    if shuffled:
        lines = files.texts.read_text().splitlines(keepends=True)
        files.texts.write_text("".join(sorted(lines, key=hash)))
    given: dict[str, Any] = {"annotations": (files.annotations,), "predictions": files.texts}
    settings = ScoreSettings(**given, format="refexp-text", box_format="norm1000_list")
    wanted = score_file(settings)
    request.getfixturevalue("large")
    assert score_file(settings) == wanted
    assert len(wanted[0].methods[0].values) > 20


def test_arrays_are_as_wide_as_the_answers() -> None:
    samples = [make_sample("1"), make_negative("2", "1"), make_sample("3")]
    box = samples[0].box
    assert box is not None
    rows = {"1": make_prediction("1", [box], (0.9,)), "2": make_prediction("2", [box], (0.5,))}
    assert evaluate_arrays(samples, rows).iou.shape == (3, 1)
    rows["3"] = make_prediction("3", [box] * 12, tuple(1 - i / 20 for i in range(12)))
    assert evaluate_arrays(samples, rows).iou.shape == (3, 10)
    assert evaluate_arrays(samples, rows, ranks=20).scores.shape == (3, 12)
    assert evaluate_arrays(samples, {}).iou.shape == (3, 1)


@pytest.mark.parametrize("status", ["unparsed", "failed", "missing"])
def test_a_lost_negative_takes_all_ranks_however_wide_the_arrays_are(status: str) -> None:
    samples = [make_sample("1"), make_negative("2", "1")]
    box = samples[0].box
    assert box is not None
    rows = {"1": make_prediction("1", [box], (0.9,))}
    if status != "missing":
        rows["2"] = Prediction(sample_id="2", status=status, source="toy")  # type: ignore[arg-type]
    found = evaluate(samples, rows, settings=MetricSettings(metrics=("r1", "r5", "r20"))).values
    assert {value.value for value in found} == {0.0}


def test_boxes_of_some_rows_are_those_of_all(large: None) -> None:
    rng, builder = np.random.default_rng(0), AnswersBuilder("toy", ranked=False)
    for i in range(40):
        count = int(rng.integers(0, 5))
        boxes = np.tile([0.0, 0.0, 1.0, 1.0], (count, 1)) + i
        mixed = boxes if i % 2 else [tuple(box) for box in boxes.tolist()]
        builder.add(str(i), "box" if count else "reject", mixed, rng.integers(0, 3, count) / 4, None, f"m{i % 3}", i)
    found = builder.build()
    assert list(found.ids) == [str(i) for i in range(40)]
    assert list(found.source) == [f"m{i % 3}" for i in range(40)]
    whole = ranked_boxes(found, 2)
    parts = [ranked_boxes(found, 2, slice(first, first + 7)) for first in range(0, 40, 7)]
    for column in range(3):
        assert np.concatenate([part[column] for part in parts]).tolist() == whole[column].tolist()
    assert found.boxes[:, 0].tolist() == np.repeat(np.arange(40.0), np.diff(found.start)).tolist()
