"""`export coco`: what pycocotools reads and counts is what this project wrote and counts."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from finecops.errors import DataError
from finecops.exchange.exporting.coco import export_coco
from finecops.exchange.exporting.coco_check import CocoFigures, coco_figures
from finecops.exchange.exporting.methods import ExportedMethod
from finecops.metrics.answers import answers_of_predictions
from finecops.records import Prediction, Sample
from tests.builders_runs import RIGHT, WRONG
from tests.conftest import make_negative, make_prediction, make_sample

HALF = (10.0, 10.0, 50.0, 30.0)
"""IoU with the true box (10, 10, 50, 50): exactly a half."""


def method(samples: list[Sample], rows: list[Prediction], name: str = "mllm") -> ExportedMethod:
    return ExportedMethod(name, "MLLM toy", samples, answers_of_predictions(rows))


def loaded(truth: Path, results: Path) -> tuple[COCO, COCO]:
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(truth))
        return coco, coco.loadRes(str(results))


def evaluated(truth: Path, results: Path) -> Any:
    """pycocotools with its own settings."""
    coco, found = loaded(truth, results)
    evaluation = COCOeval(coco, found, "bbox")
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation


def figures(truth: Path, results: Path, ids: list[int] | None = None) -> CocoFigures:
    found = coco_figures(truth, results, ids)
    assert found is not None
    return found


# Ids of samples are texts: none of them can be an id of COCO.
SAMPLES = [make_sample(f"p{i}", expression=f"thing {i}") for i in range(4)] + [make_negative("n0", "p0")]
ROWS = [
    make_prediction("p0", [RIGHT, WRONG], (0.9, 0.1)),
    make_prediction("p1", [WRONG, RIGHT], (0.8, 0.7)),
    make_prediction("p2"),
    make_prediction("n0", [RIGHT], (0.3,)),
]


def test_pycocotools_reads_truth_and_results_in_one_space_of_ids(tmp_path: Path) -> None:
    written = export_coco(tmp_path / "out", SAMPLES, [method(SAMPLES, ROWS)], {"run": "toy"})
    assert (written.positives, written.negatives, written.unknown) == (4, 1, 0)
    coco, found = loaded(written.truth, written.methods["mllm"].file)
    assert [coco.imgs[i]["sample_id"] for i in sorted(coco.imgs)] == ["p0", "p1", "p2", "p3", "n0"]
    negative = coco.imgs[5]
    assert (negative["truth"], negative["negative"]["positive_id"]) == ("absent", "p0")
    assert coco.getAnnIds(imgIds=[5]) == []
    assert [coco.anns[a]["bbox"] for a in coco.getAnnIds(imgIds=[1])] == [[10, 10, 40, 40]]
    boxes = [(a["image_id"], a["score"], a["bbox"]) for a in found.anns.values()]
    assert boxes[0] == (1, 0.9, [10, 10, 40, 40])
    assert [image for image, _, _ in boxes] == [1, 1, 2, 2, 5]


def test_average_recall_of_the_first_box_is_our_precision_at_1(tmp_path: Path) -> None:
    written = export_coco(tmp_path / "out", SAMPLES, [method(SAMPLES, ROWS)], {})
    evaluation = evaluated(written.truth, written.methods["mllm"].file)
    # One of four: p1's second box is right, p2 was rejected, p3 has no row.
    assert figures(written.truth, written.methods["mllm"].file).ar1 == 25
    assert evaluation.eval["recall"][0, 0, 0, 0] == pytest.approx(0.25)
    # Two boxes: p1 too.
    assert evaluation.eval["recall"][0, 0, 0, 1] == pytest.approx(0.5)
    matches = {e["image_id"]: e["dtMatches"][0].tolist() for e in evaluation.evalImgs if e and e["aRng"][1] == 1e10}
    assert matches[1] == [1, 0]
    assert matches[2] == [0, 2]
    assert matches[5] == [0]


def test_an_iou_of_a_half_is_a_match_there_and_none_here(tmp_path: Path) -> None:
    one = method(SAMPLES[:1], [make_prediction("p0", [HALF], (0.9,))])
    written = export_coco(tmp_path / "out", SAMPLES[:1], [one], {})
    assert one.rows["p0"].iou(SAMPLES[0]) == 0.5
    assert figures(written.truth, written.methods["mllm"].file).ar1 == 100


def test_a_box_on_a_negative_is_a_false_positive(tmp_path: Path) -> None:
    samples = [SAMPLES[0], SAMPLES[4]]
    found = []
    for number, score in enumerate((0.1, 0.95)):
        rows = [make_prediction("p0", [RIGHT], (0.9,)), make_prediction("n0", [RIGHT], (score,))]
        written = export_coco(tmp_path / str(number), samples, [method(samples, rows)], {})
        found.append(figures(written.truth, written.methods["mllm"].file))
    assert [f.ap50 for f in found] == pytest.approx([100, 50])
    assert [f.ar1 for f in found] == [100, 100]


@pytest.mark.parametrize(
    ("scores", "kind"),
    [
        ((None, None), "rank"),
        # Half of the answers: scores of two kinds cannot be compared.
        (((0.9, 0.2), None), "rank"),
        # Against the order of the method, which pycocotools would not know.
        (((0.2, 0.9), (0.5, 0.4)), "rank"),
        (((0.9, 0.2), (0.5, 0.4)), "given"),
    ],
)
def test_without_scores_of_its_own_a_method_has_its_ranks(tmp_path: Path, scores: Any, kind: str) -> None:
    rows = [make_prediction(f"p{i}", [RIGHT, WRONG], s) for i, s in enumerate(scores)]
    mine = method(SAMPLES[:2], rows)
    written = export_coco(tmp_path / "out", SAMPLES[:2], [mine], {})
    found = [e["score"] for e in json.loads(written.methods["mllm"].file.read_text())]
    assert mine.score_kind == kind
    assert found == ([1, 0.5, 1, 0.5] if kind == "rank" else [0.9, 0.2, 0.5, 0.4])
    note = json.loads((tmp_path / "out" / "export.json").read_text())["methods"]["mllm"]
    assert ("rank" in note["score"]) == (kind == "rank")


def test_candidates_of_a_rejection_and_of_an_unparsed_answer_are_no_results(tmp_path: Path) -> None:
    rows = [
        make_prediction("p0", [RIGHT], (0.2,), status="reject"),
        # A box with its corners changed.
        make_prediction("p1", [(50.0, 50.0, 10.0, 10.0)], (0.2,)),
        make_prediction("p2", [RIGHT], (0.2,)),
    ]
    written = export_coco(tmp_path / "out", SAMPLES, [method(SAMPLES, rows)], {})
    assert [e["image_id"] for e in json.loads(written.methods["mllm"].file.read_text())] == [3]
    assert written.methods["mllm"].without_box == 4
    outcomes = json.loads((tmp_path / "out" / "export.json").read_text())["methods"]["mllm"]["outcomes"]
    assert outcomes == {"box": 1, "reject": 1, "unparsed": 1, "failed": 0, "missing": 2}


def test_samples_of_unknown_truth_are_in_no_file(tmp_path: Path) -> None:
    unknown = make_sample("u", truth="unknown", box=None)
    rows = [make_prediction("u", [RIGHT], (0.9,)), make_prediction("p0", [RIGHT], (0.8,))]
    samples = [unknown, SAMPLES[0]]
    written = export_coco(tmp_path / "out", samples, [method(samples, rows)], {})
    assert (written.unknown, written.positives) == (1, 1)
    assert figures(written.truth, written.methods["mllm"].file).ap50 == pytest.approx(100)
    with pytest.raises(DataError, match="truth of all samples is unknown"):
        export_coco(tmp_path / "other", [unknown], [method([unknown], rows)], {})


def test_a_method_that_was_asked_a_share_is_evaluated_on_it(tmp_path: Path) -> None:
    share = method(SAMPLES[:1], ROWS[:1], "specialist")
    written = export_coco(tmp_path / "out", SAMPLES, [share], {})
    ids = json.loads((tmp_path / "out" / "export.json").read_text())["methods"]["specialist"]["imgIds"]
    file = written.methods["specialist"].file
    assert ids == [1]
    assert figures(written.truth, file).ar1 == 25
    assert figures(written.truth, file, ids).ar1 == 100


def test_a_method_without_any_box_has_no_figures(tmp_path: Path) -> None:
    written = export_coco(tmp_path / "out", SAMPLES, [method(SAMPLES, [make_prediction("p0")])], {})
    assert json.loads(written.methods["mllm"].file.read_text()) == []
    assert coco_figures(written.truth, written.methods["mllm"].file) is None


def test_boxes_lose_no_digit(tmp_path: Path) -> None:
    box = (10.123456789, 20.5, 50.000000001, 60.25)
    sample = make_sample("p0", box=box)
    written = export_coco(tmp_path / "out", [sample], [method([sample], [make_prediction("p0", [box], (1.0,))])], {})
    (entry,) = json.loads(written.methods["mllm"].file.read_text())
    x, y, w, h = entry["bbox"]
    assert np.allclose((x, y, x + w, y + h), box, rtol=0, atol=1e-12)
