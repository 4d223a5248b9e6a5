"""`--compat reference` against what the paper's scripts print for the same files, digit by digit.

`golden_reference.json` holds the output of the scripts' arithmetic (line by line as published, on pycocotools,
torchvision and scikit-learn) for the files that `rough_files` writes: ties, broken texts, several boxes, letters in
sentences.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from finecops.bench.synthetic import Counts, SyntheticFiles, write_files
from finecops.boxes import nms_xyxy
from finecops.evaluation import reference
from finecops.evaluation.files import PredictionFile
from finecops.evaluation.reference_entries import ScriptStopsError, Truth, text_entries
from finecops.evaluation.reference_files import evaluate_file_as_reference
from finecops.evaluation.results import Evaluation
from finecops.exchange.formats import FileFormat

GOLDEN = json.loads((Path(__file__).parent / "golden_reference.json").read_text())


def rough_files(folder: Path, seed: int = 0) -> tuple[SyntheticFiles, Path]:
    """Synthetic files with everything in them that the scripts treat in their own way; and a file of letters."""
    files = write_files(folder, Counts(120, 150, 110), seed)
    rng = random.Random(seed)
    rows = [json.loads(line) for line in files.texts.read_text().splitlines()]
    for row in rows:
        row["scores_prob_average"] = [round(row["scores_prob_average"][0], 1)]
        draw = rng.random()
        if draw < 0.05:
            row["text"] = "None"
        elif draw < 0.1:
            row["text"] += " and [1, 2, 300, 400]."
            row["scores_prob_average"].append(round(rng.random(), 1))
        elif draw < 0.13:
            row["text"] = "a [1, 2, 3.5, 4]."
        elif draw < 0.16:
            row["text"] = "a [1, 2, 3]."
        elif draw < 0.19:
            row["text"] = "a [[1, 2, 3, 400]]."
    files.texts.write_text("".join(json.dumps(row) + "\n" for row in rows))
    entries = np.load(files.detections, allow_pickle=True)
    for entry in entries:
        entry["scores"] = np.round(entry["scores"], 1)
    np.save(files.detections, entries, allow_pickle=True)
    letters = folder / "letters.jsonl"
    with letters.open("w") as file:
        for annotation in json.loads(files.annotations.read_text())["annotations"]:
            x, y, w, h = annotation["bbox"]
            gt: dict[str, Any] = {}
            n = rng.randint(1, 5)
            for letter in "ABCDE"[:n]:
                shift = rng.choice([0, 0, 30, 90])
                gt[letter] = [x + shift, y, x + w + shift, y + h]
            gt["ABCDEF"[n]] = "None"
            answer = rng.choice(list(gt))
            probability = round(rng.random(), 1) or 0.05
            said = rng.choice([answer, f"{answer}.", f"The answer is {answer}."]) if answer != "A" else answer
            row = {"image_id": annotation["image_id"], "answer": [said], "gt": gt}
            row |= {"answer_prob_norm": float(np.log(probability)), "none_prob_norm": float(np.log(0.3))}
            file.write(json.dumps(row) + "\n")
    return files, letters


def printed(result: Evaluation) -> dict[str, float | None]:
    """Rows by names as in the golden file."""
    (method,) = result.methods
    assert method.absent == {}
    found = {}
    for row in method.values:
        metric = row.metric
        if metric.startswith("precision"):
            key = f"{metric}|{row.level or 'ovr'}"
        elif metric == "negative_accuracy":
            key = "precision@1|neg"
        else:
            key = f"{metric}|overall" if row.kind is None else f"{metric}|{row.kind}|{row.type}|{row.level}"
        found[key] = row.value
    return found


def test_every_printed_digit(tmp_path: Path) -> None:
    files, letters = rough_files(tmp_path)
    cases = (
        ("texts", files.texts, FileFormat("refexp-text", "norm1000_list", "scores_prob_average")),
        ("detections", files.detections, FileFormat("mmdet-npy")),
        ("letters", letters, FileFormat("crs-letters")),
    )
    for name, path, how in cases:
        result = evaluate_file_as_reference(PredictionFile((files.annotations,), path, how))
        assert printed(result) == GOLDEN[name], name


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"image_id": 999, "text": "[1, 2, 3, 4]", "s": [0.5]}, "no annotation"),
        ({"image_id": 1, "text": "[1, 2, 3, 4]"}, "need the field 's'"),
        ({"image_id": 1, "text": "[1, 2, 3, 4]", "s": 0.5}, "does not fit"),
        ({"image_id": 1, "text": "[1, 2, 3, 4]", "s": [0.5, 0.4]}, "does not fit"),
        ({"image_id": 1, "text": "[1, 2, 3, 4]", "s": []}, "does not fit"),
    ],
)
def test_where_the_scripts_stop_so_do_we_with_the_reason(row: dict[str, Any], message: str, tmp_path: Path) -> None:
    truths = {"1": Truth((0, 0, 9, 9), 100, 100, 1, None, "None")}
    with pytest.raises(ScriptStopsError, match=message):
        text_entries(truths, [row], "s")


def test_an_iou_of_exactly_one_half_is_right_for_the_scripts() -> None:
    truths = {"1": Truth((0, 0, 40, 40), 1000, 1000, 1, None, "None")}
    rows = reference.box_values(text_entries(truths, [{"image_id": 1, "text": "[0,0,40,20]", "s": [1]}], "s"))
    assert next(r.value for r in rows if r.metric == "precision@1" and r.level == 1) == 100


def test_disjoint_neighbours_are_one_thing_to_the_scripts_and_two_to_us() -> None:
    boxes = np.array([[500.0, 500, 560, 560], [560, 500, 620, 560]])
    scores = np.array([0.9, 0.8])
    assert reference.router_level(boxes, scores) == 1
    assert len(nms_xyxy(boxes, scores, 0.7)) == 2


def test_no_detection_is_level_1_to_the_scripts() -> None:
    assert reference.router_level(np.zeros((0, 4)), np.zeros(0)) == 1
    assert reference.router_level(np.array([[1.0, 1, 2, 2], [300, 300, 400, 420]]), np.array([0.3, 0.2])) == 1
