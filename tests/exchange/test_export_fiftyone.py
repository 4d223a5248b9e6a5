"""`export fiftyone`: the layout. `scripts/read_exchange.py` reads it with FiftyOne itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from finecops.errors import DataError
from finecops.exchange.exporting.fiftyone import export_fiftyone
from finecops.exchange.exporting.methods import ExportedMethod
from finecops.metrics.answers import answers_of_predictions
from finecops.records import Prediction, Sample
from tests.builders_runs import RIGHT, WRONG
from tests.conftest import make_negative, make_prediction, make_sample

SAMPLES = [
    make_sample("p0", image="x/a.png", width=100, height=80, level=2),
    make_negative("n0", "p0").model_copy(update={"image": "x/a.png", "width": 100, "height": 80}),
    make_sample("u", image="b.png", width=100, height=80, truth="unknown", box=None),
]
ROWS = [make_prediction("p0", [RIGHT, WRONG], (0.9, 0.1)), make_prediction("n0"), make_prediction("u", [WRONG])]


def images(folder: Path) -> None:
    for number, name in enumerate(("x/a.png", "b.png")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (100, 80), (99 * number, 0, 0)).save(folder / name)


def export(
    tmp_path: Path, samples: list[Sample] = SAMPLES, rows: list[Prediction] = ROWS, *names: str
) -> tuple[dict[str, str], list[dict[str, Any]]]:
    images(tmp_path / "in")
    methods = [ExportedMethod(n, "toy", samples, answers_of_predictions(rows)) for n in names or ("mllm",)]
    found = export_fiftyone(tmp_path / "out", samples, methods, (tmp_path / "in").joinpath, {"run": "toy"})
    return found.fields, json.loads((tmp_path / "out" / "samples.json").read_text())["samples"]


def test_truth_and_answers_are_label_fields(tmp_path: Path) -> None:
    _, (positive, negative, unknown) = export(tmp_path)
    assert positive["tags"] + negative["tags"] + unknown["tags"] == ["positive", "negative", "unknown"]
    (truth,) = positive["ground_truth"]["detections"]
    assert truth["bounding_box"] == [0.1, 0.125, 0.4, 0.5]
    first, second = positive["mllm"]["detections"]
    assert (first["bounding_box"], first["confidence"], first["rank"]) == ([0.1, 0.125, 0.4, 0.5], 0.9, 1)
    assert (second["confidence"], second["rank"]) == (0.1, 2)
    assert (positive["mllm_outcome"], positive["mllm_iou"], positive["level"]) == ("box", 1.0, 2)
    assert (negative["mllm_outcome"], negative["mllm_iou"]) == ("reject", None)
    assert (negative["kind"], negative["negative_type"], negative["positive_id"]) == ("text", "replace_object", "p0")
    assert negative["ground_truth"]["detections"] == negative["mllm"]["detections"] == []
    assert "confidence" not in unknown["mllm"]["detections"][0]
    assert unknown["mllm_iou"] is None


def test_an_image_stands_there_once_under_a_plain_name(tmp_path: Path) -> None:
    _, rows = export(tmp_path)
    assert [row["filepath"] for row in rows] == ["data/000000.png", "data/000000.png", "data/000001.png"]
    assert (tmp_path / "out" / "data" / "000001.png").read_bytes() == (tmp_path / "in" / "b.png").read_bytes()
    # Another export removes its own images, and not the user's, which may be the same files.
    export(tmp_path)
    assert (tmp_path / "in" / "b.png").is_file()


def test_a_method_has_no_answer_to_what_it_was_not_asked(tmp_path: Path) -> None:
    images(tmp_path / "in")
    share = ExportedMethod("mllm", "toy", SAMPLES[:1], answers_of_predictions([]))
    export_fiftyone(tmp_path / "out", SAMPLES, [share], (tmp_path / "in").joinpath, {})
    rows = json.loads((tmp_path / "out" / "samples.json").read_text())["samples"]
    assert [row["mllm_outcome"] for row in rows] == ["missing", None, None]


def test_fields_are_names_of_fiftyone_and_each_its_own(tmp_path: Path) -> None:
    fields, _ = export(tmp_path, SAMPLES, ROWS, "crs-top5-a.b", "crs-top5-a-b", "truth", "5x", "é")
    assert list(fields.values()) == ["crs_top5_a_b", "crs_top5_a_b_", "truth_", "m_5x", "method"]


def test_sizes_that_a_run_does_not_know_are_the_images(tmp_path: Path) -> None:
    sample = make_sample("p0", image="b.png", width=0, height=0)
    _, (row,) = export(tmp_path, [sample], ROWS[:1])
    assert row["metadata"]["width"] == 100
    assert row["ground_truth"]["detections"][0]["bounding_box"] == [0.1, 0.125, 0.4, 0.5]


@pytest.mark.parametrize(("image", "message"), [("gone.png", "gone.png is missing; --images"), ("", "has no image")])
def test_without_its_image_nothing_is_written(tmp_path: Path, image: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        export(tmp_path, [make_sample("p0", image=image)], ROWS[:1])
    assert not (tmp_path / "out").exists()
