"""Each sample with the verdict of each method."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from finecops.evaluation.cases import Cases, file_method, run_cases
from finecops.evaluation.reading import RunData
from finecops.evaluation.runs import evaluate_run
from finecops.metrics.answers import AnswersBuilder, answers_of_predictions
from finecops.metrics.values import EVERYTHING
from finecops.records import Prediction, Sample
from finecops.runs.manifest import Share
from tests.builders_runs import RIGHT, WRONG, make_run, stage_entry
from tests.conftest import make_negative, make_prediction, make_sample

UNKNOWN = make_sample("u", truth="unknown", box=None, level=None)

# sample, answer (None: no row) → outcome, right, whether there is an IoU, score
VERDICTS: dict[str, tuple[Sample, Prediction | None, tuple[str, bool | None, bool, float | None]]] = {
    "a right box": (make_sample("p"), make_prediction("p", [RIGHT], (0.9,)), ("box", True, True, 0.9)),
    "a wrong box": (make_sample("p"), make_prediction("p", [WRONG], (0.9,)), ("box", False, True, 0.9)),
    "a box without a score": (make_sample("p"), make_prediction("p", [RIGHT]), ("box", True, True, None)),
    "a wrong rejection": (make_sample("p"), make_prediction("p"), ("reject", False, False, None)),
    # CRS: None won, and its candidates still rank.
    "a rejection with candidates": (
        make_sample("p"),
        make_prediction("p", [RIGHT], (0.4,), "reject"),
        ("reject", False, True, 0.4),
    ),
    "unparsed": (make_sample("p"), make_prediction("p", status="unparsed"), ("unparsed", False, False, None)),
    "corners in the wrong order": (
        make_sample("p"),
        make_prediction("p", [(50, 50, 10, 10)], (0.9,)),
        ("unparsed", False, False, None),
    ),
    "failed": (make_sample("p"), make_prediction("p", status="failed"), ("failed", False, False, None)),
    "no row": (make_sample("p"), None, ("missing", False, False, None)),
    "a box on a negative": (make_negative("n", "p"), make_prediction("n", [RIGHT], (0.9,)), ("box", False, False, 0.9)),
    "a right rejection": (make_negative("n", "p"), make_prediction("n"), ("reject", True, False, None)),
    "a failure is no rejection": (
        make_negative("n", "p"),
        make_prediction("n", status="failed"),
        ("failed", False, False, None),
    ),
    "an unknown truth": (UNKNOWN, make_prediction("u", [RIGHT], (0.9,)), ("box", None, False, 0.9)),
}


@pytest.mark.parametrize("name", VERDICTS)
def test_verdicts(name: str) -> None:
    sample, answer, wanted = VERDICTS[name]
    answers = answers_of_predictions([answer] if answer is not None else [])
    verdict = Cases([sample], [file_method("file", answers)])[sample.id].verdicts["file"]
    assert (verdict.outcome, verdict.right, verdict.iou is not None, verdict.score) == wanted
    assert (verdict.row is None) == (answer is None)


def test_the_cases_of_a_run_are_what_its_numbers_count(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", unknown=2)
    cases = run_cases(RunData(folder))
    assert len(cases) == 42
    for method in evaluate_run(folder).methods:
        of_all = next(v for v in method.values if v.metric == "precision@1" and v.subset == EVERYTHING)
        right = [case.verdicts[method.stage].right for case in cases if case.sample.positive]
        assert of_all.n == len(right)
        assert of_all.value == pytest.approx(100 * np.mean(right))
    assert cases.negatives_of["p3"] == ["n3"]
    assert cases["p3"].route is not None
    assert cases["p3"].target is None
    assert "p3" in cases
    assert "p99" not in cases


def test_a_method_that_was_asked_about_its_share_has_no_other_verdict(tmp_path: Path) -> None:
    entry = stage_entry("answers", "mllm", share=Share(router_level=2))
    cases = run_cases(RunData(make_run(tmp_path / "run", mllm=entry)))
    assert {"mllm" in case.verdicts for case in cases if case.route and case.route.level == 1} == {False}
    assert {"mllm" in case.verdicts for case in cases if case.route and case.route.level == 2} == {True}


def test_boxes_of_a_file_are_ranked_by_score() -> None:
    builder = AnswersBuilder("f.npy", ranked=False)
    builder.add("p", "box", [WRONG, RIGHT], [0.1, 0.9])
    method = file_method("f", builder.build())
    assert method.rows["p"].boxes == (RIGHT, WRONG)
    assert method.rows["p"].scores == (0.9, 0.1)
    assert Cases([make_sample("p")], [method])["p"].verdicts["f"].right is True
