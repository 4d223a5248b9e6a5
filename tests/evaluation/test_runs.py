"""Evaluating run folders that were written by hand: no model runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from finecops.errors import DataError, RunError
from finecops.evaluation.calibrations import Calibrations
from finecops.evaluation.comparison import compare
from finecops.evaluation.reading import RunData
from finecops.evaluation.results import Evaluation, MethodResult, read_evaluation
from finecops.evaluation.runs import evaluate_run, evaluate_run_as_reference, evaluate_runs
from finecops.evaluation.settings import CompareSettings, EvalSettings, MetricSettings
from finecops.evaluation.sweep import sweep_run
from finecops.metrics.values import Subset
from finecops.records import Candidates, Prediction, Target
from finecops.report.details import summary
from finecops.runs.jsonl import append_rows
from finecops.runs.manifest import Share
from tests.builders_runs import RIGHT, WRONG, change_entry, make_run, stage_entry, write_run
from tests.conftest import make_negative, make_prediction, make_sample

AUROC = MetricSettings(metrics=("auroc", "ece"))


def method_of(evaluation: Evaluation, stage: str) -> MethodResult:
    (method,) = [m for m in evaluation.methods if m.stage == stage]
    return method


def value_of(method: MethodResult, metric: str, **of: Any) -> Any:
    (value,) = [v for v in method.values if v.metric == metric and v.subset == Subset(**of) and not v.calibrated]
    return value.value


def test_calibration_is_fitted_on_val_and_saved_with_the_run(tmp_path: Path) -> None:
    val, test = make_run(tmp_path / "val"), make_run(tmp_path / "test")
    values = method_of(evaluate_run(test, AUROC, val), "sfa").values
    assert {v.metric for v in values if v.calibrated} >= {"auroc", "ece", "operating_positive_accuracy"}
    saved = Calibrations.model_validate_json((test / "calibration.json").read_bytes()).methods
    assert set(saved["sfa"].scores) == {"specialist", "mllm"}
    assert json.loads((test / "calibration.json").read_text())["fitted_on"] == str(val)


def test_val_must_have_the_same_methods(tmp_path: Path) -> None:
    val, test = make_run(tmp_path / "val", without=["sfa"]), make_run(tmp_path / "test")
    with pytest.raises(DataError, match="no answers of the sfa"):
        evaluate_run(test, AUROC, val)


def test_a_run_by_the_scripts_arithmetic(tmp_path: Path) -> None:
    result = evaluate_run_as_reference(make_run(tmp_path / "run", unknown=2))
    # The scripts' NMS makes one of two neighbours, so every sample is level 1 and the specialist answers all.
    assert result.reference_sfa is not None
    assert result.reference_sfa.model_dump() == {
        "single": 60.0,
        "multiple": None,
        "all": 60.0,
        "n_single": 20,
        "n_multiple": 0,
    }
    values = method_of(result, "mllm").values
    assert {v.value for v in values if v.metric == "precision@1" and v.level in (1, 2)} == {100.0}
    assert {v.arithmetic for v in values} == {"reference"}


def test_a_sweep_says_what_a_rule_costs(tmp_path: Path) -> None:
    found = sweep_run(make_run(tmp_path / "run"))
    for result in found.rules:
        share = result.to_mllm / 100
        assert result.gflops == pytest.approx(1 + 9 * share + 2 * (1 - share))
    assert found.oracle.precision_at_1 >= max(result.precision_at_1 for result in found.rules)


@pytest.mark.parametrize("without", ["routes", "specialist", "mllm"])
def test_a_sweep_needs_both_pathways(without: str, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="--both"):
        sweep_run(make_run(tmp_path / "run", without=[without]))


def test_a_run_without_predictions_says_what_makes_them(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", without=["specialist", "mllm", "sfa"])
    with pytest.raises(RunError, match="repeat the command that started it"):
        evaluate_run(folder)


def test_methods_stand_in_their_order_and_under_the_manifests_labels(tmp_path: Path) -> None:
    crs = {name: stage_entry("answers", "crs", label=f"CRS {name}", model="toy") for name in ("zeta", "alpha")}
    folder = make_run(tmp_path / "run", **crs)
    for name in crs:
        (folder / f"{name}.jsonl").write_bytes((folder / "mllm.jsonl").read_bytes())
    result = evaluate_run(folder, AUROC)
    assert [m.stage for m in result.methods] == ["specialist", "mllm", "sfa", "alpha", "zeta"]
    assert [m.title for m in result.methods][-2:] == ["CRS alpha", "CRS zeta"]


def test_a_file_that_the_manifest_does_not_call_done_is_no_answer(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run")
    change_entry(folder, "mllm", state="begun")
    (folder / "crs-top5-stray.jsonl").write_bytes((folder / "mllm.jsonl").read_bytes())
    assert [m.stage for m in evaluate_run(folder, AUROC).methods] == ["specialist", "sfa"]


def test_a_run_without_routes_is_not_told_to_run_both_again(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="has no routes: only a run of `finecops sfa run --both`"):
        sweep_run(make_run(tmp_path / "run", without=["routes"]))


def test_a_pathway_is_evaluated_on_its_share(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run")
    change_entry(folder, "mllm", share=Share(router_level=2))
    method = method_of(evaluate_run(folder, AUROC), "mllm")
    assert method.title == "MLLM toy (router level 2 only)"
    assert sum(method.outcomes.together.values()) == 20


def test_the_crs_ledger_reads_its_own_candidates(tmp_path: Path) -> None:
    samples = [make_sample(str(i)) for i in range(4)] + [make_negative("n", "0")]
    near = (12.0, 12.0, 50.0, 50.0)

    def row(id_: str, *boxes: Any, kept: tuple[int, ...]) -> Candidates:
        scores = tuple(0.9 - i / 10 for i in range(len(boxes)))
        return Candidates(sample_id=id_, status="proposed", boxes=boxes, scores=scores, kept=kept)

    far = (0.0, 60.0, 20.0, 90.0)
    proposals = [
        row("0", RIGHT, WRONG, kept=(0, 1)),
        row("1", WRONG, kept=(0,)),
        row("2", WRONG, far, near, kept=(0, 1, 2)),
        row("3", RIGHT, WRONG, kept=(0, 1)),
        row("n", WRONG, kept=(0,)),
    ]
    answers = [make_prediction(s.id, [RIGHT if s.id == "0" else WRONG], (0.5,)) for s in samples]
    entry = stage_entry("answers", "crs", inputs={"proposals": "0"}, settings={"topk": 2})
    folder = write_run(
        tmp_path / "run",
        {"samples": samples, "proposals": proposals, "choice": answers},
        {"proposals": stage_entry("candidates"), "choice": entry},
    )
    result = evaluate_run(folder, MetricSettings(metrics=("p1",)))
    ledger = result.methods[0].ledger
    assert ledger is not None
    assert {k: v for k, v in ledger.items() if v} == {
        "correct": 1,
        "not_proposed": 1,
        "cut_by_top_k": 1,
        "wrong_choice": 1,
    }
    assert result.candidates is not None
    assert (result.candidates["1"], result.candidates["3"], result.candidates["n"]) == (50.0, 75.0, 4)


def test_unknown_truth_is_counted_and_changes_no_number(tmp_path: Path) -> None:
    plain, more = (evaluate_run(make_run(tmp_path / str(n), unknown=n)) for n in (0, 6))
    assert (plain.unknown, more.unknown, more.dataset.samples) == (0, 6, 46)
    for a, b in zip(plain.methods, more.methods, strict=True):
        assert a.values == b.values
        assert a.outcomes == b.outcomes
    assert more.ledger == plain.ledger


def test_results_go_to_metrics_json_and_come_back(tmp_path: Path) -> None:
    val, folder = make_run(tmp_path / "val"), make_run(tmp_path / "run")
    settings = EvalSettings(runs=(folder,), val=val, intervals=True, paper=True, paper_row="Qwen2-VL-7B")
    (evaluation,) = evaluate_runs(settings)
    assert Evaluation.model_validate_json(evaluation.model_dump_json()) == evaluation
    assert read_evaluation(folder).methods[0].values == evaluation.methods[0].values
    properties = Evaluation.model_json_schema()["properties"]
    assert properties["version"]["const"] == 1
    (folder / "metrics.json").write_text('{"version": 7}')
    with pytest.raises(RunError, match="finecops eval"):
        read_evaluation(folder)


def test_the_iou_reaches_every_number(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run")
    exact = [make_prediction(f"p{i}", [(10.0, 10.0, 50.0, 42.0)], (0.5,)) for i in range(20)]  # IoU 0.8
    with (folder / "mllm.jsonl").open("w") as file:
        append_rows(file, exact)
    change_entry(folder, "mllm", checksums=None)
    loose, strict = (evaluate_run(folder, MetricSettings(metrics=("p1",), iou=iou)) for iou in (0.5, 0.9))
    assert value_of(method_of(loose, "mllm"), "precision@1") == 100
    assert value_of(method_of(strict, "mllm"), "precision@1") == 0
    assert loose.ledger is not None
    assert strict.ledger is not None
    assert (loose.ledger.routed_right_answered_right, strict.ledger.routed_right_answered_right) == (16, 6)
    found = [compare(CompareSettings(runs=(folder,), iou=iou)).rows for iou in (0.5, 0.9)]
    assert [rows[3].method for rows in found] == ["SFA − mllm"] * 2
    assert [rows[3].first for rows in found] == [100.0, 0.0]


def test_comparing_a_run_with_itself_finds_nothing(tmp_path: Path) -> None:
    folder, other = make_run(tmp_path / "a"), make_run(tmp_path / "b")
    found = compare(CompareSettings(runs=(folder, other)))
    assert {row.difference for row in found.rows} == {0.0}
    assert [row.method for row in found.rows if row.level is None] == ["specialist", "mllm", "sfa"]
    found = compare(CompareSettings(runs=(folder,)))
    assert [row.method for row in found.rows if row.level is None] == ["SFA − specialist", "SFA − mllm"]


@pytest.mark.parametrize(
    ("without", "message"),
    [
        (["sfa"], r"no answers of SFA or CRS .* name them: \S+/run:specialist \S+/run:mllm$"),
        (["sfa", "mllm"], "no answers of SFA or CRS .* with --both$"),
        (["specialist", "mllm"], "no pathway to compare with"),
    ],
)
def test_what_cannot_be_compared_says_why(without: list[str], message: str, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=message):
        compare(CompareSettings(runs=(make_run(tmp_path / "run", without=without),)))


def test_runs_without_a_shared_method_say_what_each_has(tmp_path: Path) -> None:
    folders = (
        make_run(tmp_path / "a", without=["sfa", "mllm"]),
        make_run(tmp_path / "b", without=["sfa", "specialist"]),
    )
    with pytest.raises(RunError, match=r"RUN:METHOD names one of each \(\S+/a/ has specialist; \S+/b/ has mllm\)"):
        compare(CompareSettings(runs=folders))


def test_a_pathway_is_not_compared_with_itself(tmp_path: Path) -> None:
    """Where a pathway answered its own share only, SFA's answers there are its answers."""
    folder = make_run(tmp_path / "run")
    run = RunData(folder)
    sfa = run.rows("sfa", Prediction)
    share = [row for row in sfa.values() if row.source == "specialist"]
    with (folder / "specialist.jsonl").open("w") as file:
        append_rows(file, share)
    change_entry(folder, "specialist", checksums=None)
    methods = {row.method for row in compare(CompareSettings(runs=(folder,))).rows}
    assert methods == {"SFA − mllm"}


def test_a_run_of_another_version_is_refused_with_a_remedy(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run")
    (folder / "run.json").write_text("{}")
    with pytest.raises(RunError, match="version 1; this finecops reads version 2"):
        evaluate_run(folder)


def test_doubtful_targets_are_counted_and_scored_apart(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", targets=stage_entry("targets"))
    plain = {"phrase": "red car", "span": (4, 11), "extractor": "rules"}
    # Of the negatives no score is asked: nothing is right there but a rejection.
    doubtful = {f"p{i}" for i in range(10)} | {"n0"}
    ids = [f"{kind}{i}" for kind in "pn" for i in range(20)]
    with (folder / "targets.jsonl").open("w") as file:
        append_rows(file, [Target(sample_id=i, status="doubtful" if i in doubtful else "found", **plain) for i in ids])
    result = evaluate_run(folder, AUROC)
    assert result.targets is not None
    assert (result.targets["found"], result.targets["doubtful"]) == (29, 11)
    assert result.doubtful is not None
    assert result.doubtful["MLLM toy"] == {"n": 10, "right": 10}
    assert result.doubtful["Specialist toy"]["n"] == 10
    (line,) = [note for note in summary(result).notes if "doubtful target, right" in note]
    assert "MLLM toy 10 of 10" in line
