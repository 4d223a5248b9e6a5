"""Annotations in COCO format: every kind of invalid entry becomes a problem, the others become samples."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from finecops.config.dataset_schema import DatasetConfig
from finecops.config.find import load_dataset
from finecops.datasets.check import check_split
from finecops.datasets.choose import choose_samples
from finecops.datasets.dataset import load_dataset_split
from finecops.errors import ConfigError, DataError
from tests.conftest import coco_file, make_negative, make_sample

MakeDataset = Callable[[list[dict[str, Any]]], DatasetConfig]
GOOD = {"id": 900, "image_id": 900}
NEGATIVE = {"negative_type": "flip", "negative_level": 1, "positive_id": 900, "negative_cate": "image"}


def test_a_valid_entry_becomes_a_sample(toy_dataset: MakeDataset) -> None:
    dataset = load_dataset_split(
        toy_dataset([{"caption": " the red car ", "bbox": [10, 20, 30, 40], "tuple_type": "0_hop"}])
    )
    (sample,) = dataset.samples
    assert sample.box == (10, 20, 40, 60)
    assert (sample.id, sample.expression, sample.level, sample.negative) == ("1", "the red car", 1, None)
    assert dataset.problems == ()


def test_a_negative_entry_has_no_box(toy_dataset: MakeDataset) -> None:
    sample = load_dataset_split(toy_dataset([NEGATIVE])).samples[0]
    assert sample.box is None
    assert sample.negative is not None
    assert sample.negative.model_dump() == {"kind": "image", "type": "flip", "level": 1, "positive_id": "900"}


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"bbox": [10, 10, float("nan"), 20]}, "not a finite number"),
        ({"bbox": [10, 10, -5, 20]}, "no area"),
        ({"bbox": [10, 10, 0, 20]}, "no area"),
        ({"bbox": [90, 10, 50, 20]}, "extends 40 pixels beyond the 100x80 image"),
        ({"bbox": [-30, 10, 50, 20]}, "extends 30 pixels beyond"),
        ({"bbox": [10, 10, 20]}, "four numbers"),
        ({"bbox": None}, "four numbers"),
        ({"caption": "   "}, "the expression is empty"),
        ({"level": 4}, "level is 4"),
        ({"width": 0}, "width and height are 0 and 80"),
        ({"image_id": 77}, "0 annotations"),
        ({"file_name": "../../etc/passwd"}, "leads out of the dataset's folder"),
        ({"file_name": "/etc/passwd"}, "leads out of the dataset's folder"),
        ({**NEGATIVE, "negative_level": "deep"}, "the negative's fields are broken"),
    ],
)
def test_an_invalid_entry_becomes_a_problem(toy_dataset: MakeDataset, entry: dict[str, Any], message: str) -> None:
    dataset = load_dataset_split(toy_dataset([entry, GOOD]))
    assert [s.id for s in dataset.samples] == ["900"]
    (problem,) = dataset.problems
    assert message in str(problem)
    assert "test.json: entry 1:" in str(problem)


def test_without_any_annotation_the_truth_is_unknown(toy_dataset: MakeDataset) -> None:
    config = toy_dataset([GOOD, {"id": 901}])
    raw = json.loads((config.root / "test.json").read_text())
    (config.root / "test.json").write_text(json.dumps(raw | {"annotations": []}))
    dataset = load_dataset_split(config)
    assert [(s.truth, s.box, s.positive, s.absent) for s in dataset.samples] == [("unknown", None, False, False)] * 2
    assert dataset.unknown == 2


def test_an_unknown_format_is_an_error_that_lists_the_formats(toy_dataset: MakeDataset) -> None:
    with pytest.raises(ConfigError, match="unknown format 'yolo'; there are: coco, refcoco"):
        load_dataset_split(toy_dataset([GOOD]).model_copy(update={"format": "yolo"}))


def test_a_box_slightly_outside_is_clipped(toy_dataset: MakeDataset) -> None:
    sample = load_dataset_split(toy_dataset([{"bbox": [-1, 10, 102, 20]}])).samples[0]
    assert sample.box == (0, 10, 100, 30)


def test_of_two_image_entries_with_one_id_none_is_kept(toy_dataset: MakeDataset) -> None:
    """The annotation may belong to either: the sentence of one would stand at the box of the other."""
    config = toy_dataset([{"id": 5, "image_id": 5, "caption": "first"}, GOOD])
    raw = json.loads((config.root / "test.json").read_text())
    raw["images"].append(raw["images"][0] | {"caption": "second"})
    (config.root / "test.json").write_text(json.dumps(raw))
    dataset = load_dataset_split(config)
    assert [sample.id for sample in dataset.samples] != ["5"]
    assert len(dataset.samples) == 1
    assert {str(problem).partition("entry ")[2] for problem in dataset.problems} == {
        "5: several image entries have this id"
    }


def test_the_same_entry_in_two_files_is_one_sample(tmp_path: Path, toy_dataset: MakeDataset) -> None:
    config = toy_dataset([GOOD])
    copy = coco_file(tmp_path / "copy.json", [GOOD, {"id": 901, "image_id": 901}])
    dataset = load_dataset_split(config, annotations=[config.root / "test.json", copy])
    assert [s.id for s in dataset.samples] == ["900", "901"]
    assert dataset.problems == ()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not JSON"),
        ("{}", "needs the keys 'images' and 'annotations'"),
        ('[{"expression": "a car"}]', "vanilla format"),
        ('{"images": [], "annotations": []}', "no usable sample"),
    ],
)
def test_a_broken_file_is_an_error(toy_dataset: MakeDataset, content: str, message: str) -> None:
    config = toy_dataset([GOOD])
    (config.root / "test.json").write_text(content)
    with pytest.raises(DataError, match=message):
        load_dataset_split(config)


def test_a_missing_dataset_is_an_error_that_says_what_to_download(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = load_dataset("finecops-ref").model_copy(update={"root": tmp_path / "nowhere"})
    with pytest.raises(DataError) as raised:
        load_dataset_split(config)
    for word in ("GQA", "figshare", "test_expression_pos_coco_format.json", "images/", "--dataset finecops-mini"):
        assert word in str(raised.value)


def test_check_opens_images_and_pairs(toy_dataset: MakeDataset) -> None:
    config = toy_dataset(
        [
            {"file_name": "good.png"},
            {"file_name": "missing.png"},
            {"file_name": "broken.png"},
            {"file_name": "small.png"},
            {**NEGATIVE, "positive_id": 77, "file_name": "good.png"},
            {**NEGATIVE, "negative_cate": "text", "positive_id": 1, "file_name": "good.png"},
        ]
    )
    images = config.root / "images"
    images.mkdir()
    Image.new("RGB", (100, 80)).save(images / "good.png")
    Image.new("RGB", (10, 8)).save(images / "small.png")
    (images / "broken.png").write_bytes((images / "good.png").read_bytes()[:60])
    messages = "\n".join(str(p) for p in check_split(config, "test").problems)
    for message in (
        "missing.png: entry 2: the image is missing",
        "entry 3: the image is broken",
        "entry 4: the image is 10x8, its entry says 100x80",
        "entry 5: its positive 77 is not in the split",
        "entry 6: a negative expression that is the same as its positive's (1)",
    ):
        assert message in messages
    assert messages.count("\n") == 4


def test_check_finds_faults_in_vanilla_rows(tmp_path: Path, toy_dataset: MakeDataset) -> None:
    row = {"id": 1, "image_id": "a", "objects_id": ["3"], "tuple": [], "tuple_type": "0_hop", "level": 1}
    row |= {"spatial": False, "attribute": False, "expression": "the car"}
    path = tmp_path / "vanilla.json"
    path.write_text(json.dumps([row, row, row | {"id": 2, "positive_id": 1}, row | {"id": 3, "level": 7}, "x"]))
    messages = [str(p) for p in check_split(toy_dataset([GOOD]), "files", [path]).problems]
    assert len(messages) == 8
    assert any("id is taken" in t for t in messages)
    assert any("without negative_type" in t for t in messages)
    assert any("level is 7" in t for t in messages)
    assert any("not a JSON object" in t for t in messages)


def test_chosen_samples_cover_all_strata_and_are_always_the_same() -> None:
    samples = [make_sample(f"p{i}", level=i % 3 + 1) for i in range(90)]
    for number, type_ in enumerate(("replace_object", "flip", "swap_object")):
        samples += [make_negative(f"n{number}-{i}", f"p{i + 10 * number}", type_, i % 2 + 1) for i in range(30)]
    chosen = choose_samples(samples, 60)
    assert chosen == choose_samples(list(samples), 60)
    assert len(chosen) == 60
    ids = {s.id for s in chosen}
    strata = {(s.negative.type, s.negative.level) for s in chosen if s.negative}
    assert len(strata) == 6
    assert all(s.negative.positive_id in ids for s in chosen if s.negative)
    assert {s.level for s in chosen if s.positive} == {1, 2, 3}
    assert choose_samples(samples, 0) == samples
    assert choose_samples(samples, 10_000) == samples
