"""Evaluating run folders that were written by hand: no model runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from finecops.errors import DataError, RunError
from finecops.evaluation.runs import evaluate_run, evaluate_run_as_reference, route_sweep
from finecops.metrics.calibration import load_calibrations
from finecops.records import Route
from finecops.runs.jsonl import append_rows, write_json_atomically
from tests.conftest import make_negative, make_prediction, make_sample

RIGHT, WRONG = (10.0, 10.0, 50.0, 50.0), (60.0, 60.0, 90.0, 90.0)
NEIGHBOURS = ((50.0, 50.0, 56.0, 56.0), (56.0, 50.0, 62.0, 56.0))


def make_run(folder: Path, scale: float = 1.0, **stages: Any) -> Path:
    """A run of 20 positives and their negatives with both pathways; `scale` bends the specialist's scores."""
    folder.mkdir()
    samples = [make_sample(f"p{i}", level=1 + i % 2) for i in range(20)]
    samples += [make_negative(f"n{i}", f"p{i}") for i in range(20)]
    routes, specialist, mllm = [], [], []
    for i, sample in enumerate(samples):
        two = i % 2 == 1
        boxes, scores = (NEIGHBOURS, (0.9, 0.8)) if two else ((RIGHT,), (0.9,))
        routes.append(
            Route(
                sample_id=sample.id,
                status="routed",
                level=2 if two else 1,
                boxes=boxes,
                scores=scores,
                all_boxes=boxes,
                all_scores=scores,
            )
        )
        score = (20 - i % 20) / 20
        box = RIGHT if i % 20 < 12 else WRONG
        specialist.append(
            make_prediction(sample.id, [box], (score * scale,)).model_copy(update={"source": "specialist"})
        )
        mllm.append(make_prediction(sample.id, [RIGHT], (0.5 + score / 2,)).model_copy(update={"source": "mllm"}))
    rows = {"samples": samples, "routes": routes, "specialist": specialist, "mllm": mllm}
    rows["sfa"] = [mllm[i] if r.level == 2 else specialist[i] for i, r in enumerate(routes)]
    for name, content in rows.items():
        with (folder / f"{name}.jsonl").open("w") as file:
            append_rows(file, content)
    about = {"name": "toy", "split": "test", "limit": 0, "samples": len(samples)}
    cost = {name: {"gflops_per_sample": value} for name, value in (("routes", 1.0), ("specialist", 2.0), ("mllm", 9.0))}
    write_json_atomically(folder / "run.json", {"dataset": about, "stages": cost | stages})
    return folder


def test_calibration_is_fitted_on_val_and_saved_with_the_run(tmp_path: Path) -> None:
    val, test = make_run(tmp_path / "val"), make_run(tmp_path / "test")
    result = evaluate_run(test, ("auroc", "ece"), val=val)
    rows = result["methods"]["sfa"]["rows"]
    assert {row["metric"] for row in rows if row.get("calibrated")} >= {"auroc", "ece", "operating_positive_accuracy"}
    saved = load_calibrations(test / "calibration.json")
    assert set(saved["sfa"].scores) == {"specialist", "mllm"}
    assert json.loads((test / "calibration.json").read_text())["fitted_on"] == str(val)


def test_val_must_have_the_same_methods(tmp_path: Path) -> None:
    val, test = make_run(tmp_path / "val"), make_run(tmp_path / "test")
    (val / "sfa.jsonl").unlink()
    with pytest.raises(DataError, match="no answers of the sfa"):
        evaluate_run(test, ("auroc",), val=val)


def test_a_run_by_the_scripts_arithmetic(tmp_path: Path) -> None:
    result = evaluate_run_as_reference(make_run(tmp_path / "run"))
    # The scripts' NMS makes one of two neighbours, so every sample is level 1 and the specialist answers all.
    assert result["reference_sfa"] == {"single": 60.0, "multiple": None, "all": 60.0, "n_single": 20, "n_multiple": 0}
    rows = result["methods"]["mllm"]["rows"]
    assert {row["value"] for row in rows if row["metric"] == "precision@1" and row["level"] in (1, 2)} == {100.0}
    assert {row["arithmetic"] for row in rows} == {"reference"}


def test_the_sweep_tells_what_a_rule_costs(tmp_path: Path) -> None:
    found = route_sweep(make_run(tmp_path / "run"))
    for result in found["rules"]:
        share = result["to_mllm"] / 100
        assert result["gflops"] == pytest.approx(1 + 9 * share + 2 * (1 - share))
    best = max(result["precision_at_1"] for result in found["rules"])
    assert found["oracle"]["precision_at_1"] >= best


def test_a_run_without_predictions_says_what_makes_them(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run")
    for name in ("specialist", "mllm", "sfa"):
        (folder / f"{name}.jsonl").unlink()
    with pytest.raises(RunError, match="finecops sfa run"):
        evaluate_run(folder)
