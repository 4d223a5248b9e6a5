"""Files of rows: names of columns, conventions of boxes, and what a broken row does."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from finecops.config.find import load_dataset
from finecops.datasets.conventions import CONVENTIONS, box_of
from finecops.datasets.dataset import Dataset, load_dataset_split
from finecops.datasets.fields import FieldError
from finecops.datasets.given_files import dataset_of_files
from finecops.errors import ConfigError, DataError, UsageError
from tests.cli.invoke import run
from tests.conftest import coco_file
from tests.datasets.releases import WH, picture

GOOD = {"image": "a.png", "expression": "the red car", "box": [10, 20, 60, 80]}


def jsonl(path: Path, rows: Sequence[Any]) -> Path:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def load(path: Path, boxes: str | None = None) -> Dataset:
    """A file alone, as the commands read it."""
    picture(path.parent / "a.png")
    config = dataset_of_files(load_dataset("finecops-mini"), [path], boxes, named=False)
    return load_dataset_split(config, None, [path])


NUMBERS = {
    "xyxy": [14.0, 24.0, 70.0, 60.0],
    "xywh": [14.0, 24.0, 56.0, 36.0],
    "cxcywh": [42.0, 42.0, 56.0, 36.0],
    "norm1": [0.1, 0.2, 0.5, 0.5],
    "norm1_xywh": [0.1, 0.2, 0.4, 0.3],
    "norm1_cxcywh": [0.3, 0.35, 0.4, 0.3],
    "percent": [10.0, 20.0, 50.0, 50.0],
    "percent_xywh": [10.0, 20.0, 40.0, 30.0],
    "norm1000": [100, 200, 500, 500],
}


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_every_convention_says_the_same_box(tmp_path: Path, convention: str) -> None:
    path = jsonl(tmp_path / "own.jsonl", [GOOD | {"box": NUMBERS[convention]}])
    (sample,) = load(path, convention).samples
    assert sample.box == pytest.approx((14, 24, 70, 60))
    assert (sample.width, sample.height) == WH


@pytest.mark.parametrize(
    ("numbers", "convention", "message"),
    [
        ([60, 20, 10, 80], "xyxy", "has no area"),
        ([10, 20, 160, 80], "xyxy", "20 pixels beyond the 140x120 image"),
        ([10, 20, 60], "xyxy", "it must be four finite numbers"),
        ([10, 20, float("nan"), 80], "xyxy", "it must be four finite numbers"),
        ([10, 20, 1200, 80], "norm1000", "beyond the 140x120 image"),
        ([0.1, 0.1, 1.5, 0.5], "norm1", "beyond the 140x120 image"),
    ],
)
def test_numbers_that_are_no_box_are_refused(numbers: list[float], convention: str, message: str) -> None:
    with pytest.raises(FieldError, match=message):
        box_of(numbers, convention, WH)


def test_a_corner_inside_keeps_its_last_digit() -> None:
    assert box_of([0.1, 0.2, 99.7, 60.30000000000001], "xyxy", WH) == (0.1, 0.2, 99.7, 60.30000000000001)


COLUMNS: list[tuple[dict[str, Any], str | None]] = [
    ({"file_name": "a.png", "caption": "the red car", "bbox": [10, 20, 60, 80]}, "xyxy"),
    ({"image_path": "a.png", "sentence": "the red car", "gt_bbox": [10, 20, 50, 60]}, "xywh"),
    ({"img": "a.png", "text": "the red car", "x": 10, "y": 20, "w": 50, "h": 60}, "xywh"),
    ({"IMAGE": "a.png", "Query": "the red car", "x1": 10, "y1": 20, "x2": 60, "y2": 80}, "xyxy"),
    ({"image": "a.png", "phrase": "the red car", "xmin": 10, "ymin": 20, "xmax": 60, "ymax": 80}, "xyxy"),
    ({"image": "a.png", "sent": "the red car", "cx": 35, "cy": 50, "w": 50, "h": 60}, "cxcywh"),
    ({"image": "a.png", "expression": "the red car", "bbox": "[10, 20, 60, 80]"}, "xyxy"),
    ({"image": "a.png", "expression": "the red car", "bbox": "10 20 60 80", "width": 140, "height": 120}, "xyxy"),
]


@pytest.mark.parametrize(("row", "boxes"), COLUMNS)
@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".tsv"])
def test_columns_have_several_names(
    tmp_path: Path, row: dict[str, Any], boxes: str | None, suffix: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / f"own{suffix}"
    if suffix == ".jsonl":
        jsonl(path, [row])
    else:
        separator = "," if suffix == ".csv" else "\t"
        cells = [f'"{value}"' if separator in str(value) else str(value) for value in row.values()]
        path.write_text(separator.join(row) + "\r\n" + separator.join(cells) + "\r\n")
    with caplog.at_level(logging.INFO, logger="finecops"):
        (sample,) = load(path, boxes).samples
    assert (sample.id, sample.expression, sample.box) == ("1", "the red car", (10, 20, 60, 80))
    assert f"image from {next(iter(row))!r}" in caplog.text
    assert f"boxes are {boxes}" in caplog.text


def test_without_a_box_the_truth_is_unknown(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "own.jsonl", [{"image": "a.png", "expression": "the red car"}])
    found = load(path)
    assert [(s.truth, s.box) for s in found.samples] == [("unknown", None)]
    assert (found.config.name, found.root, found.unknown) == ("own", tmp_path, 1)


def test_a_column_can_say_that_a_target_is_absent(tmp_path: Path) -> None:
    rows = [GOOD, GOOD | {"truth": "absent"}, GOOD | {"box": None}, GOOD | {"truth": "unknown"}, GOOD | {"truth": "no"}]
    found = load(jsonl(tmp_path / "own.jsonl", rows), "xyxy")
    assert [s.truth for s in found.samples] == ["box", "absent", "unknown", "unknown"]
    assert "truth is 'no'; it must be box, absent or unknown" in str(found.problems[0])


def test_a_box_without_a_convention_is_refused_with_the_choices_and_the_first_row(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        load(jsonl(tmp_path / "own.jsonl", [GOOD]))
    for text in (
        "--boxes xyxy ",
        "--boxes norm1000 ",
        "(COCO)",
        "The first row: {'image': 'a.png'",
        "[10, 20, 60, 80]",
    ):
        assert text in str(raised.value)


@pytest.mark.parametrize(
    ("row", "boxes", "error", "message"),
    [
        ({"image": "a.png", "expression": "x"}, "xyxy", UsageError, "has no column with a box; it has"),
        (COLUMNS[2][0], "xyxy", UsageError, "contradict each other; with these columns: xywh"),
        (GOOD, "yxyx", ConfigError, "unknown convention of boxes 'yxyx'; there are:"),
        ({"picture": "a.png", "words": "x"}, None, DataError, "no column for image and expression; it has"),
        ("", None, DataError, "has no rows"),
        (5, None, DataError, "has no row that can be read; line 1: it is 5, not an object"),
    ],
)
def test_a_file_that_cannot_be_understood_says_why(
    tmp_path: Path, row: Any, boxes: str | None, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        load(jsonl(tmp_path / "own.jsonl", [row]), boxes)


def test_a_line_that_is_not_json_is_named_where_no_row_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "own.jsonl").write_text("no json\n")
    with pytest.raises(DataError, match=r"own\.jsonl has no row that can be read; line 1: it is not JSON"):
        load(tmp_path / "own.jsonl")


def test_a_file_of_its_own_says_where_its_images_are_looked_up(tmp_path: Path) -> None:
    config = load(jsonl(tmp_path / "own.jsonl", [{"image": "a.png", "expression": "x"}])).config
    assert config.get == "Images are looked up beside own.jsonl and in images/ there."


def test_a_wrong_convention_is_noticed_and_a_better_one_named(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "own.jsonl", [GOOD | {"box": [100, 90, 20 + i, 15]} for i in range(6)])
    with pytest.raises(DataError, match=r"6 of 6 boxes are not valid as xyxy\. Valid among the first 6:.*xywh 6"):
        load(path, "xyxy")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"image": "b.png"}, "image .*b.png is missing: put it beside the file, or name its folder with --images"),
        ({"image": "../a.png"}, "leads out of the dataset's folder"),
        ({"expression": " "}, "the expression is empty"),
        ({"expression": 5}, "the expression is 5"),
        ({"box": "ten twenty"}, "the box is 'ten twenty'"),
        ({"box": [10, 20, 60]}, "four finite numbers"),
        ({"box": [10, 20, True, 80]}, "four numbers are meant"),
        ({"box": {"x": 1}}, "four numbers are meant"),
        ({"width": "wide", "height": 120}, "width and height are 'wide' and 120"),
        ({"width": 20, "height": 10}, "beyond the 20x10 image"),
        ({"level": 9}, "level is 9"),
        ({"id": []}, "the id is"),
        ("[1, 2]", "not an object"),
        ('{"image": "a.png", "expr', "it is not JSON"),
    ],
)
def test_a_broken_row_is_named_by_its_line(tmp_path: Path, row: Any, message: str) -> None:
    broken = GOOD | row if isinstance(row, dict) else row
    found = load(jsonl(tmp_path / "own.jsonl", [GOOD, broken, GOOD | {"id": "third"}]), "xyxy")
    assert [sample.id for sample in found.samples] == ["1", "third"]
    (problem,) = found.problems
    assert "own.jsonl: line 2: " in str(problem)
    assert re.search(message, str(problem))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image,expression\na.png,the car\na.png\n", "line 3: it has 1 fields and the first row 2"),
        ("image,expression\na.png,the car\na.png,the, car\n", "line 3: it has 3 fields and the first row 2"),
    ],
)
def test_a_broken_line_of_a_table_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "own.csv").write_text(text)
    found = load(tmp_path / "own.csv")
    assert len(found.samples) == 1
    assert message in str(found.problems[0])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"image,expression\na.png,\xff\xfe\n", "is not UTF-8"),
        (b"image,image,expression\na.png,a.png,x\n", "two columns have one name"),
        (b"image,expression\n", "has no rows: its only line is read as the names of columns"),
        (b"", "has no rows"),
    ],
)
def test_what_is_no_table_is_an_error(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "own.csv").write_bytes(content)
    with pytest.raises(DataError, match=message):
        load(tmp_path / "own.csv")


def test_semicolons_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text('\ufeffimage;expression\na.png;"the car, red"\n')
    assert [s.expression for s in load(tmp_path / "own.csv").samples] == ["the car, red"]


def test_a_file_of_rows_can_have_a_configuration(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    jsonl(tmp_path / "own.jsonl", [GOOD])
    text = f"name: own\nroot: {tmp_path}\nformat: jsonl\nboxes: xyxy\nimage_folders: ['.']\npreset: mini\nget: '-'\n"
    text += "splits: {test: [own.jsonl]}\n"
    (tmp_path / "own.yaml").write_text(text)
    (sample,) = load_dataset_split(load_dataset(str(tmp_path / "own.yaml"))).samples
    assert sample.box == (10, 20, 60, 80)
    for given, message in (
        ("format: coco\nboxes: xyxy", "says itself"),
        ("format: csv\ndistractors: 1", "cops-ref has"),
    ):
        broken = text.replace("format: jsonl\nboxes: xyxy", given)
        (tmp_path / "own.yaml").write_text(f"{broken}preset: mini\nget: '-'\n")
        with pytest.raises(ConfigError, match=message):
            load_dataset(str(tmp_path / "own.yaml"))


def test_rows_for_a_named_dataset_are_about_its_images(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "own.jsonl", [GOOD | {"image": "x.png"}])
    mini = load_dataset("finecops-mini")
    config = dataset_of_files(mini, [path], "xyxy", named=True)
    assert (config.name, config.root, config.boxes) == ("finecops-mini", mini.root, "xyxy")


def test_a_coco_file_is_a_dataset_of_its_own_where_its_images_are(tmp_path: Path) -> None:
    path = coco_file(tmp_path / "mine.json", [{"file_name": "a.png", "width": 140, "height": 120}])
    mini = load_dataset("finecops-mini")
    assert dataset_of_files(mini, [path], None, named=False) == mini
    picture(tmp_path / "images/a.png")
    config = dataset_of_files(mini, [path], None, named=False)
    assert (config.name, config.root) == ("mine", tmp_path)
    (sample,) = load_dataset_split(config, None, [path]).samples
    assert sample.image == "images/a.png"


def test_files_in_several_folders_need_a_dataset(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="name a dataset"):
        dataset_of_files(load_dataset("finecops-mini"), [tmp_path / "a.csv", tmp_path / "b/c.csv"], None, named=False)


def test_another_convention_is_another_dataset_for_a_run(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "own.jsonl", [GOOD])
    assert load(path, "xyxy").sha256 != load(path, "xywh").sha256


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--annotations", "{own}"), 2, "nothing says what its numbers mean"),
        (("--annotations", "{own}", "--boxes", "xyxy"), 0, "own.jsonl: 2 samples, 1 image: 0 problems"),
        (
            ("--annotations", "{own}", "--boxes", "yxyx"),
            2,
            "unknown convention of boxes 'yxyx' (did you mean 'xyxy'?)",
        ),
        (("--boxes", "xyxy"), 2, "--boxes goes with --annotations FILE.jsonl or FILE.csv"),
    ],
)
def test_data_check_of_a_file(tmp_path: Path, arguments: tuple[str, ...], code: int, message: str) -> None:
    picture(tmp_path / "a.png")
    own = jsonl(tmp_path / "own.jsonl", [GOOD, GOOD])
    found, output = run("data", "check", *(word.format(own=own) for word in arguments))
    assert (found, message in output) == (code, True), output


def test_predictions_are_scored_against_rows(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    own = jsonl(tmp_path / "own.jsonl", [GOOD, GOOD | {"box": [60, 60, 90, 90]}])
    answers = [{"image_id": i, "category_id": 1, "bbox": [10, 20, 50, 60], "score": 0.5} for i in (1, 2)]
    (tmp_path / "p.json").write_text(json.dumps(answers))
    files = ("--annotations", str(own), "--predictions", str(tmp_path / "p.json"), "--format", "coco-results")
    code, output = run("score", *files, "--boxes", "xyxy", "--metrics", "p1", "--csv")
    assert code == 0, output
    assert "50.0" in output
    assert run("score", *files, "--boxes", "xyxy", "--compat", "both")[0] == 2
    assert "nothing says what its numbers mean" in run("score", *files)[1]
