"""The charts of runs: each has the numbers of the evaluation, or says why it is not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from finecops.errors import UsageError
from finecops.evaluation.reading import RunData
from finecops.evaluation.runs import evaluate_run
from finecops.evaluation.settings import MetricSettings
from finecops.evaluation.sweep import sweep_run
from finecops.metrics.routing import Costs
from finecops.records import Candidates
from finecops.report.charts.chart import Chart, Charts
from finecops.report.charts.making import FigureSettings, make_figures
from finecops.report.charts.runs import run_charts
from finecops.report.charts.subject import ChartRun
from finecops.report.charts.sweep import cost_chart
from tests.builders_runs import RIGHT, WRONG, make_run, stage_entry, write_run
from tests.conftest import make_prediction, make_sample


def draw(*folders: Path, val: Path | None = None) -> Charts:
    settings = MetricSettings(metrics=("p1", "r1"), intervals=True)
    other = RunData(val) if val is not None else None
    return run_charts([ChartRun(f.name, RunData(f), evaluate_run(f, settings), other) for f in folders])


def named(drawn: Charts, name: str) -> Chart:
    return next(chart for chart in drawn.charts if chart.name == name)


def crs_run(folder: Path) -> Path:
    """Ten positives: two without a right proposal, one cut by top-k, one wrong choice, six right."""
    samples = [make_sample(f"p{i}", level=1 + i % 3) for i in range(10)]
    candidates, answers = [], []
    for i, sample in enumerate(samples):
        found = {0: (WRONG, WRONG), 1: (WRONG, WRONG), 2: (WRONG, (0.0, 0.0, 5.0, 5.0), RIGHT)}
        boxes = found.get(i, (RIGHT, WRONG))
        scores, kept = tuple(0.9 - 0.1 * j for j in range(len(boxes))), tuple(range(len(boxes)))
        candidates.append(Candidates(sample_id=sample.id, status="proposed", boxes=boxes, scores=scores, kept=kept))
        answers.append(make_prediction(sample.id, [RIGHT if i > 3 else WRONG], (0.5 + i / 100,)))
    stages = {
        "candidates": stage_entry("candidates"),
        "crs": stage_entry("answers", "crs", inputs={"candidates": "0"}, settings={"topk": 2}),
    }
    return write_run(folder, {"samples": samples, "candidates": candidates, "crs": answers}, stages)


def test_one_run_has_every_chart_that_its_rows_allow(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    drawn = draw(run, val=run)
    assert [chart.name for chart in drawn.charts] == [
        "precision-level",
        "recall-expressions",
        "iou-threshold",
        "roc-expressions",
        "risk-coverage",
        "calibration-before",
        "calibration-after",
        "routing-sweep",
        "routing-cost",
        "paper-5a",
    ]
    assert [str(one) for one in drawn.missing] == [
        "Recall@1 on negative images, by type: no negative image has a positive to be compared with",
        "Positives against negative images (ROC): there are no negative images",
        "Candidate recall@k, and precision@1 of the choice: no run has candidates: `finecops crs run` makes them",
        "Where CRS loses positives: no run has a selection among candidates: `finecops crs run` makes one",
        "Figure 5(a) by time: precision@1 against time: of no method is the time of all its stages known",
        "Figure 5(b): inference time of CRS and of MLLMs: no run has answers of CRS: `finecops crs run`",
    ]
    for chart in drawn.charts:
        assert all(any(point.y is not None for point in series.points) for series in chart.series), chart.name


def test_bars_are_the_evaluations_values_with_intervals(tmp_path: Path) -> None:
    chart = named(draw(make_run(tmp_path / "run")), "precision-level")
    assert (chart.x.names, chart.x.details) == (("all", "level 1", "level 2"), ("n = 20", "n = 10", "n = 10"))
    specialist, mllm, sfa = chart.series
    assert [point.y for point in specialist.points] == [60.0, 60.0, 60.0]
    assert all(point.low is not None and point.low < 60 < (point.high or 0) for point in specialist.points)
    assert (mllm.points[0].y, sfa.points[0].y) == (100.0, 80.0)


def test_curves_by_hand(tmp_path: Path) -> None:
    drawn = draw(make_run(tmp_path / "run"))
    at = {point.x: point.y for point in named(drawn, "iou-threshold").series[0].points}
    assert len(at) == 10
    assert at[0.5] == at[0.95] == 60.0
    # A positive and its negative have one score each, so the curve is the diagonal.
    roc = named(drawn, "roc-expressions").series[0]
    assert roc.name == "Specialist toy, AUROC 50.0 (n = 20 and 20)"
    assert all(point.x == pytest.approx(point.y) for point in roc.points)
    assert (roc.points[0].x, roc.points[-1].x) == (0, 100)
    # All 40 are answered with a box, 12 of them right.
    assert named(drawn, "risk-coverage").series[0].points[-1].y == pytest.approx(70.0)
    before = named(drawn, "calibration-before").series[0]
    assert sum(point.n or 0 for point in before.points) == 40


def test_calibration_on_the_run_itself_meets_the_diagonal(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    after = named(draw(run, val=run), "calibration-after").series[0]
    errors = [abs(point.x - (point.y or 0.0)) for point in after.points]
    assert max(errors) < 1e-6
    assert "ECE" in after.name


def test_the_sweep_has_its_bounds(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    found, drawn = sweep_run(run), draw(run)
    share, cost = named(drawn, "routing-sweep"), named(drawn, "routing-cost")
    names = ["396 rules", "Pareto front", "oracle", "specialist alone", "MLLM alone", "SFA as run"]
    assert [series.name for series in share.series] == [series.name for series in cost.series] == names
    assert [point.y for point in share.series[1].points] == [rule.precision_at_1 for rule in found.front]
    assert share.series[5].points[0][:2] == (50.0, 80.0)
    # Half of the samples cost the MLLM's 9, half the specialist's 2, all the router's 1.
    assert cost.series[5].points[0][:2] == (6.5, 80.0)
    assert (cost.series[3].points[0].x, cost.series[4].points[0].x) == (2.0, 9.0)
    lacking = draw(make_run(tmp_path / "less", without=("mllm",)))
    reasons = {one.name: one.reason for one in lacking.missing}
    assert all("with --both" in reasons[name] for name in ("routing-sweep", "routing-cost"))


def test_the_front_of_operations_is_that_of_operations(tmp_path: Path) -> None:
    found = sweep_run(make_run(tmp_path / "run"))
    # An MLLM of few operations: the more samples it answers, the less a rule costs.
    chart = cost_chart(found, Costs(router=1.0, specialist=9.0, mllm=2.0))
    points, front = ([(p.x, p.y or 0.0) for p in chart.series[i].points] for i in (0, 1))
    beaten = [p for p in points if any(x <= p[0] and y >= p[1] and (x, y) != p for x, y in points)]
    assert sorted(set(front)) == sorted(set(points) - set(beaten))


def test_the_sweep_of_another_iou_has_other_rights(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run")
    run = ChartRun("toy", RunData(folder), evaluate_run(folder), iou=1.0)
    assert not isinstance(run.sweep, str)
    # No box is above it.
    assert (run.sweep.specialist, run.sweep.oracle.precision_at_1) == (0.0, 0.0)
    assert sweep_run(run.run).specialist == 60.0


def test_losses_end_at_what_is_right(tmp_path: Path) -> None:
    drawn = draw(crs_run(tmp_path / "run"))
    chart = named(drawn, "crs-losses")
    left, lost = chart.series
    assert chart.x.names[:5] == ("positives", "not proposed", "removed by NMS", "cut by top-k", "wrong choice")
    assert [point.n for point in lost.points] == [2, 0, 1, 1, 0, 0, 0]
    assert [point.y for point in left.points] == [100.0, 60.0]
    # Each step begins where the one before ended.
    for first, second in zip(lost.points, lost.points[1:]):
        assert second.y == first.base
    recall = named(drawn, "candidate-recall")
    assert [(p.x, p.y) for p in recall.series[0].points][:2] == [(1, 70.0), (3, 80.0)]
    assert recall.series[-1].points[0][:2] == (2, 60.0)


def test_several_runs_are_side_by_side(tmp_path: Path) -> None:
    drawn = draw(make_run(tmp_path / "a"), make_run(tmp_path / "b", scale=0.5))
    chart = named(drawn, "precision-level")
    assert [series.name for series in chart.series][::3] == ["a: Specialist toy", "b: Specialist toy"]
    assert [series.colour for series in chart.series] == list(range(6))
    assert {"routing-sweep-1", "routing-sweep-2"} <= {one.name for one in drawn.charts}


def test_answers_without_scores_have_no_curves_and_say_so(tmp_path: Path) -> None:
    samples = [make_sample(f"p{i}") for i in range(3)]
    rows = [make_prediction(s.id, [RIGHT]) for s in samples]
    run = write_run(tmp_path / "run", {"samples": samples, "mllm": rows}, {"mllm": stage_entry("answers", "mllm")})
    reasons = {one.name: one.reason for one in draw(run).missing}
    assert reasons["risk-coverage"] == "3 of 3 answers have boxes without scores"


def test_no_run_is_calibrated_on_itself(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run")
    with pytest.raises(UsageError, match="is the evaluated run itself"):
        list(make_figures(FigureSettings(runs=(folder,), val=folder, as_="svg")))
    assert not (folder / "figures").exists()
