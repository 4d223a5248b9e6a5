"""Several routers on the same samples: their names, their stages, and what SFA is worth with each."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from finecops.errors import RunError, UsageError
from finecops.evaluation.paper_ablations import paper_rejection, paper_routers, paper_top_k, paper_tuning_data
from finecops.evaluation.routers import compare_routers
from finecops.report.routers import routers_document
from finecops.report.writers import WRITERS
from finecops.strategies.routers import named_router, run_routers
from tests.builders_runs import make_run, stage_entry
from tests.cli.invoke import run as invoke


@pytest.mark.parametrize(
    ("text", "model", "settings"),
    [
        ("owlv2", "owlv2", {}),
        ("mm-gdino-l@org/weights", "mm-gdino-l@org/weights", {}),
        ("own.yaml:score=0.3", "own.yaml", {"score_threshold": 0.3}),
        ("a:score=0.3:nms=0.5:zero=1", "a", {"score_threshold": 0.3, "router_nms_iou": 0.5, "zero_is": 1}),
        ("a@C:/weights:zero=2", "a@C:/weights", {"zero_is": 2}),
    ],
)
def test_a_router_has_thresholds_behind_its_name(text: str, model: str, settings: dict[str, float]) -> None:
    found = named_router(text)
    assert (found.text, found.model, found.settings) == (text, model, settings)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a:score=-1", "score=-1 is no number from 0 to 1"),
        ("a:nmss=0.5", "unknown threshold 'nmss'; there are: score, nms, zero"),
        ("a:score=1.5", "score=1.5 is no number from 0 to 1"),
        ("a:nms=0.1.2", "nms=0.1.2 is no number from 0 to 1"),
        ("a:zero=3", "zero=3 is no level; there are 1 and 2"),
        ("a:nms=0.1:nms=0.2", "nms is there twice"),
    ],
)
def test_a_wrong_threshold_is_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        named_router(text)


def test_two_routers_of_one_name_are_refused() -> None:
    with pytest.raises(UsageError, match="two of these routers have one name"):
        run_routers([named_router("mini-gdino"), named_router("mini-gdino")], {})


def test_precision_is_that_of_the_pathways_with_these_levels(tmp_path: Path) -> None:
    routes = stage_entry("routes", seconds=2.0, timed_samples=40, gflops_per_sample=3.0)
    folder = make_run(tmp_path / "run", routes=routes)
    found = compare_routers(folder, {"routes": ("toy", "MDETR")}, folder)
    (router,) = found.routers
    # Every second positive goes to the MLLM, which is always right; of the others the specialist has 6 of 10.
    assert (router.precision_at_1, router.n) == (80.0, 20)
    assert (found.specialist, found.mllm, found.oracle) == (60.0, 100.0, 100.0)
    assert (router.milliseconds, router.gflops, router.summary.to_mllm) == (50.0, 3.0, 20)
    assert router.summary.level_accuracy == 100.0
    text = WRITERS["text"](routers_document(found, paper=True))
    first, second = (line.split() for line in text.splitlines()[3:5])
    assert first == ["toy", "100.00", "100.00", "50.00", "80.00", "50.0", "3"]
    # The paper's row of the same model is next to it.
    assert second == ["paper:", "MDETR", "61.64", "63.34", "–", "72.72", "26.0", "–"]
    assert all(len(line) <= 80 or line.endswith(".") for line in text.splitlines())
    data = json.loads(WRITERS["json"](routers_document(found)))
    assert data["routers"][0]["precision_at_1"] == 80.0


def test_without_both_pathways_there_is_no_precision(tmp_path: Path) -> None:
    folder, other = make_run(tmp_path / "run"), make_run(tmp_path / "less", without=("mllm",))
    alone = compare_routers(folder, {"routes": ("toy", None)}, None, "It needs `finecops sfa run --both`.")
    assert alone.routers[0].precision_at_1 is None
    assert "It needs `finecops sfa run --both`." in WRITERS["text"](routers_document(alone))
    with pytest.raises(RunError, match="lacks both pathways"):
        compare_routers(folder, {"routes": ("toy", None)}, other)


def test_a_run_of_real_routers_is_kept(tmp_path: Path) -> None:
    run = str(tmp_path / "routers")
    words = ("sfa", "routers", "mini-gdino", "mini-gdino:score=0.9", "--limit", "6", "--run", run, "--csv")
    code, first = invoke(*words)
    assert code == 0
    before = {path.name: path.read_bytes() for path in Path(run).glob("routes-*.jsonl")}
    assert sorted(before) == ["routes-mini-gdino-score=0.9.jsonl", "routes-mini-gdino.jsonl"]
    again = invoke(*words)[1]
    assert {name: (Path(run) / name).read_bytes() for name in before} == before
    # A time that was measured stands: nothing ran again.
    rows = [[line for line in text.splitlines() if line.startswith("mini-gdino")] for text in (first, again)]
    assert rows[0] == rows[1]
    code, message = invoke("sfa", "routers", "mini-gdino", "--limit", "6", "--run", run, "--answers", str(tmp_path))
    assert (code, "is no run" in message) == (1, True)


def test_tables_of_the_paper() -> None:
    assert [one.name for one in paper_routers()] == ["OV-DINO", "ProxyDet", "YOLO-World", "MDETR", "MM-GDINO-L"]
    assert paper_routers()[-1].precision_at_1["finecops_ref"] == 74.06
    assert len(paper_rejection()) == 8
    assert [one.label for one in paper_top_k()] == ["-", "Top-3", "Top-5", "Top-8", "Top-10"]
    assert (paper_tuning_data()[-1].label, paper_tuning_data()[-1].source) == ("10k", "FineCops-Ref")
