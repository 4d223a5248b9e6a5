"""Prediction files of every format: the same answers through all of them, and every way in which they can be bad."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from finecops.bench.synthetic import Counts, write_files
from finecops.errors import ConfigError, DataError
from finecops.evaluation.files import PredictionFile, evaluate_file, read_annotations
from finecops.evaluation.settings import MetricSettings
from finecops.exchange import coco_results, mmdet_npy
from finecops.exchange.formats import FileFormat
from finecops.exchange.read import read_answers
from finecops.metrics.answers import OUTCOMES, Answers
from finecops.records import Prediction
from tests.conftest import coco_file, make_prediction, make_sample

SAMPLES = [make_sample(str(i), width=1000, height=500) for i in range(1, 4)]
TEXT = FileFormat("refexp-text", "norm1000_list")
ONE_BOX = {"image_id": 1, "text": "[1, 2, 3, 4]"}


def lines(path: Path, rows: list[Any], torn: str = "") -> Path:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows) + torn)
    return path


def outcomes(answers: Answers) -> dict[str, str]:
    return {id_: OUTCOMES[o] for id_, o in zip(answers.ids, answers.outcome)}


def test_all_formats_give_the_same_numbers(tmp_path: Path) -> None:
    files = write_files(tmp_path, Counts(60, 60, 50), seed=3)
    samples, _ = read_annotations((files.annotations,))
    detections = read_answers(files.detections, FileFormat("mmdet-npy"), samples)
    assert coco_results.write(tmp_path / "coco.json", detections) == 0
    with (tmp_path / "own.jsonl").open("w") as file:
        for i, id_ in enumerate(detections.ids):
            part = slice(detections.start[i], detections.start[i + 1])
            boxes, scores = detections.boxes[part].tolist(), tuple(detections.scores[part].tolist())
            file.write(make_prediction(id_, boxes, scores).model_dump_json() + "\n")
    results = []
    for path, how in (
        (files.detections, FileFormat("mmdet-npy")),
        (tmp_path / "coco.json", FileFormat("coco-results")),
        (tmp_path / "own.jsonl", FileFormat("finecops")),
    ):
        result = evaluate_file(PredictionFile((files.annotations,), path, how))
        results.append(result.methods[0])
        assert result.problems == ()
    for other in results[1:]:
        assert other.outcomes == results[0].outcomes
        for a, b in zip(other.values, results[0].values, strict=True):
            assert a.model_dump() == pytest.approx(b.model_dump(), abs=0.01), a.metric


def test_texts_by_every_outcome(tmp_path: Path) -> None:
    rows = [
        {"image_id": 1, "text": "a car [100, 200, 300, 400].", "scores": [0.7]},
        {"image_id": 2, "text": "There is none."},
        {"image_id": 3, "answer": "I see a car."},
    ]
    answers = read_answers(lines(tmp_path / "x.jsonl", rows), TEXT, SAMPLES)
    assert outcomes(answers) == {"1": "box", "2": "reject", "3": "unparsed"}
    assert answers.boxes.tolist() == [[100, 100, 300, 200]]
    assert answers.scores.tolist() == [0.7]
    assert "x.jsonl: line 3" in answers.problems[0]


def test_five_boxes_are_ranked_by_score(tmp_path: Path) -> None:
    text = " and ".join(f"[{i}, 0, {i + 50}, 90]" for i in range(5))
    row = {"image_id": 1, "text": text, "scores_prob_average": [0.1, 0.9, 0.3, 0.9, 0.2]}
    file = PredictionFile(
        (coco_file(tmp_path / "a.json", [{"width": 1000, "height": 1000, "bbox": [1, 0, 50, 90]}]),),
        lines(tmp_path / "x.jsonl", [row]),
        TEXT,
    )
    (method,) = evaluate_file(file, MetricSettings(metrics=("p1", "p5"))).methods
    assert [value.value for value in method.values if value.level is None] == [100.0, 100.0]


def test_another_convention_is_not_guessed(tmp_path: Path) -> None:
    rows = [{"image_id": i, "text": f"[{v}, 10, {v + 900}, 480]"} for i, v in ((1, 200), (2, 300), (3, 90))]
    answers = read_answers(lines(tmp_path / "x.jsonl", rows), TEXT, SAMPLES)
    assert outcomes(answers) == {"1": "unparsed", "2": "unparsed", "3": "box"}
    assert "above 1000" in answers.problems[0]


def test_letters(tmp_path: Path) -> None:
    gt = {"A": [1, 1, 2, 2], "B": [5, 5, 9, 9], "C": "None"}
    more = {"gt": gt, "answer_prob_norm": float(np.log(0.6)), "none_prob_norm": float(np.log(0.25))}
    rows = [
        {"image_id": 1, "answer": ["B"], **more},
        {"image_id": 2, "answer": "C.", **more},
        {"image_id": 3, "answer": ["F"], **more},
    ]
    answers = read_answers(lines(tmp_path / "x.jsonl", rows), FileFormat("crs-letters"), SAMPLES)
    assert outcomes(answers) == {"1": "box", "2": "reject", "3": "unparsed"}
    assert answers.boxes.tolist() == [[5, 5, 9, 9]]
    assert answers.scores[0] == pytest.approx(0.6)
    assert answers.presence[:2] == pytest.approx([0.75, 0.75])


def test_letters_without_the_probability_of_none_do_not_get_another_scale(tmp_path: Path) -> None:
    row = {"gt": {"A": [1, 1, 2, 2], "B": "None"}, "answer": "A", "answer_prob_norm": -0.5}
    for other in (row, {**row, "gt": {"A": [1, 1, 2, 2]}, "none_prob_norm": -2.0}):
        rows = [{"image_id": i, **row, "none_prob_norm": -2.0} for i in (1, 2)] + [{"image_id": 3, **other}]
        answers = read_answers(lines(tmp_path / "x.jsonl", rows), FileFormat("crs-letters"), SAMPLES)
        assert outcomes(answers) == {"1": "box", "2": "box", "3": "unparsed"}
        assert "1 of 3 rows (the first: line 3) have no option None" in answers.problems[0]
    none_has_it = read_answers(
        lines(tmp_path / "z.jsonl", [{"image_id": 1, **row}]), FileFormat("crs-letters"), SAMPLES
    )
    assert outcomes(none_has_it) == {"1": "box"}
    assert "1 of 1 rows (the first: line 1) have no option None" in none_has_it.problems[0]
    # Where None is no option, the letter's probability is what is meant.
    without = [{"image_id": 1, **row, "gt": {"A": [1, 1, 2, 2]}}]
    assert not read_answers(lines(tmp_path / "y.jsonl", without), FileFormat("crs-letters"), SAMPLES).problems


BAD_ROWS: list[tuple[str, list[Any], str]] = [
    ("not JSON", [{"image_id": 1, "text": "x"}, "{oops"], "x.jsonl:2: not JSON"),
    ("no object", ["[1]"], "x.jsonl:1: a JSON object per line"),
    ("no id", [{"text": "x"}], "x.jsonl:1: no image_id; the line has: text"),
    ("no text", [{"image_id": 1, "reply": "x"}], "x.jsonl:1: no text or answer"),
    ("a text that is none", [{"image_id": 1, "text": 3}], "a text is meant"),
    ("an unknown id", [{"image_id": 1, "text": "none"}, {"image_id": 99, "text": "none"}], "row 2: id '99' is not in"),
    ("an id twice", [{"image_id": 1, "text": "none"}] * 2, r"two predictions for id 1 \(rows 1 and 2\)"),
]


@pytest.mark.parametrize(("what", "rows", "message"), BAD_ROWS, ids=[row[0] for row in BAD_ROWS])
def test_bad_text_files_are_refused(what: str, rows: list[Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        read_answers(lines(tmp_path / "x.jsonl", rows), TEXT, SAMPLES)


def test_unknown_ids_can_be_left_out(tmp_path: Path) -> None:
    path = lines(tmp_path / "x.jsonl", [{"image_id": 1, "text": "none"}, {"image_id": 99, "text": "none"}])
    assert "1 rows with ids" in read_answers(path, TEXT, SAMPLES, ignore_unknown=True).problems[-1]


@pytest.mark.parametrize("name", ["refexp-text", "crs-letters", "finecops"])
def test_a_torn_last_line_is_missing_not_refused(name: str, tmp_path: Path) -> None:
    row: dict[str, Any] = {"image_id": 1, "text": "none", "answer": "A", "gt": {"A": "None"}}
    if name == "finecops":
        row = Prediction(sample_id="1", status="reject", source="x").model_dump()
    path = lines(tmp_path / "x.jsonl", [row], torn=json.dumps(row)[:-20])
    answers = read_answers(path, FileFormat(name, "norm1000_list"), SAMPLES)
    assert outcomes(answers) == {"1": "reject"}
    assert "line 2: cut off" in answers.problems[0]


@pytest.mark.parametrize(
    ("box", "score", "message"),
    [
        ([30.0, 10.0, 20.0, 40.0], 0.5, "x2 < x1"),
        ([1.0, 1.0, float("inf"), 4.0], 0.5, "not a finite number"),
        ([1.0, 1.0, 2.0, 2.0], float("nan"), "a score is not a number"),
    ],
)
def test_bad_numbers_make_a_row_unparsed(box: list[float], score: float, message: str, tmp_path: Path) -> None:
    entries = np.empty(2, dtype=object)
    entries[0] = {"img_id": 1, "bboxes": np.array([[1.0, 1, 2, 2], box]), "scores": np.array([0.9, score])}
    entries[1] = {"img_id": 2, "bboxes": np.array([[1.0, 1, 2, 2]]), "scores": np.array([0.9])}
    np.save(tmp_path / "x.npy", entries, allow_pickle=True)
    answers = read_answers(tmp_path / "x.npy", FileFormat("mmdet-npy"), SAMPLES)
    assert outcomes(answers) == {"1": "unparsed", "2": "box"}
    assert message in answers.problems[0]
    assert "entry 1" in answers.problems[0]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"img_id": 1, "scores": np.zeros(1)}, "entry 1 is no dict with"),
        ("text", "entry 1 is no dict"),
        ({"img_id": 1, "bboxes": np.zeros((2, 4)), "scores": np.zeros(3)}, r"bboxes \[2, 4\] and scores \[3\]"),
    ],
)
def test_bad_detections_are_refused(entry: Any, message: str, tmp_path: Path) -> None:
    entries = np.empty(1, dtype=object)
    entries[0] = entry
    np.save(tmp_path / "x.npy", entries, allow_pickle=True)
    with pytest.raises(DataError, match=message):
        read_answers(tmp_path / "x.npy", FileFormat("mmdet-npy"), SAMPLES)


def _json(content: Any) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / "x.json").write_text(content if isinstance(content, str) else json.dumps(content))
        return folder / "x.json"

    return write


@pytest.mark.parametrize(
    ("how", "make", "error", "message"),
    [
        (FileFormat("coco-results"), _json("{"), DataError, "not JSON"),
        (FileFormat("coco-results"), _json({"a": 1}), DataError, "no results list"),
        (FileFormat("coco-results"), _json([{"image_id": 1}]), DataError, "entry 1 has no"),
        (FileFormat("coco-results"), _json([{"image_id": 1, "bbox": [1, 2]}]), DataError, "four numbers"),
        (FileFormat("crs-letters"), _json({"image_id": 1, "answer": "A", "gt": []}), DataError, "must map letters"),
        (
            FileFormat("crs-letters"),
            _json({"image_id": 1, "answer": "A", "gt": {"A": [1, 1, 2, 2]}, "answer_prob_norm": 21.5}),
            DataError,
            "raw logits",
        ),
        (FileFormat("refexp-text"), _json(""), ConfigError, "--box-format"),
        (FileFormat("refexp-text", "norm1000_list", "scoer"), _json(ONE_BOX), DataError, "scoer"),
        (FileFormat("csv"), _json(""), ConfigError, "there are: mmdet-npy"),
    ],
)  # fmt: skip
def test_other_bad_input(
    how: FileFormat, make: Callable[[Path], Path], error: type[Exception], message: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=message):
        read_answers(make(tmp_path), how, SAMPLES)


def test_scores_that_do_not_fit_the_boxes_are_absent_not_invented(tmp_path: Path) -> None:
    rows = [
        {"image_id": 1, "text": "[1, 2, 30, 40] [5, 6, 70, 80]", "score": 0.5},
        {"image_id": 2, "text": "[1, 2, 30, 40]", "score": 0.5},
    ]
    annotations = coco_file(tmp_path / "a.json", [{}, {}])
    file = PredictionFile((annotations,), lines(tmp_path / "x.jsonl", rows), TEXT)
    result = evaluate_file(file, MetricSettings(metrics=("p1", "auroc")))
    assert result.methods[0].absent == {"auroc": "1 of 2 answers have boxes without scores"}
    assert "score has 1 values for 2 boxes" in result.problems[0]


def test_a_negative_without_its_positive_is_reported(tmp_path: Path) -> None:
    negative = {"negative_type": "flip", "negative_level": 1, "positive_id": 77, "negative_cate": "text"}
    annotations = coco_file(tmp_path / "a.json", [{}, negative])
    file = PredictionFile((annotations,), lines(tmp_path / "x.jsonl", [{"image_id": 1, "text": "none"}]), TEXT)
    result = evaluate_file(file, MetricSettings(metrics=("p1",)))
    assert result.problems[0] == "1 of 2 samples has no prediction and counts as wrong."
    assert "1 negatives have no positive" in result.problems[1]
    assert result.methods[0].outcomes.together["missing"] == 1


def test_vanilla_annotations_are_refused_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps([{"expression": "the red car"}]))
    with pytest.raises(DataError, match="vanilla format"):
        read_annotations((tmp_path / "a.json",))


def test_rejections_cannot_be_written_as_coco_results(tmp_path: Path) -> None:
    path = lines(tmp_path / "x.jsonl", [{"image_id": 1, "text": "none"}, {"image_id": 2, "text": "[1, 2, 30, 40]"}])
    assert coco_results.write(tmp_path / "y.json", read_answers(path, TEXT, SAMPLES)) == 1
    (entry,) = json.loads((tmp_path / "y.json").read_text())
    assert entry == {"image_id": 2, "category_id": 1, "bbox": [1.0, 1.0, 29.0, 19.0]}


def test_written_detections_are_read_by_numpy_itself(tmp_path: Path) -> None:
    files = write_files(tmp_path, Counts(5, 5, 5))
    entries = np.load(files.detections, allow_pickle=True)
    assert entries[0]["bboxes"].shape == (10, 4)
    assert len(mmdet_npy.read(files.detections, "x")) == 15
