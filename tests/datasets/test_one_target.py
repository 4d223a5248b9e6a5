"""HumanRef and gRefCOCO: lines with one target or none become samples, the others are counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from finecops.config.find import load_dataset
from finecops.datasets.dataset import Dataset, load_dataset_split
from finecops.errors import DataError
from tests.datasets.builders_parquet import BOXES, grefcoco, humanref


def load(name: str, folder: Path) -> Dataset:
    return load_dataset_split(load_dataset(name).model_copy(update={"root": folder}))


def test_humanref_has_one_person_rows_and_rejections(tmp_path: Path) -> None:
    dataset = load("humanref", humanref(tmp_path))
    assert [(s.id, s.truth) for s in dataset.samples] == [
        *((str(n), "box") for n in range(3)),
        *((str(n), "absent") for n in (4, 5)),
    ]
    assert dataset.samples[1].box == tuple(map(float, BOXES[1]))
    negative = dataset.samples[3].negative
    assert negative is not None
    assert (negative.kind, negative.type) == ("text", "rejection")
    assert [str(p).partition("annotations")[2] for p in dataset.problems] == [
        ".jsonl: line 4: 2 boxes; samples have one target"
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"answer_boxes": []}, "the domain is attribute, and there are 0 boxes"),
        ({"domain": "rejection"}, "the domain is rejection, and there are 1 boxes"),
        ({"answer_boxes": None}, "answer_boxes is None"),
        ({"answer_boxes": [[1, 2, 3]]}, "four numbers are meant"),
        ({"answer_boxes": [[1, 2, 300, 30]]}, "extends 160 pixels beyond"),
        ({"image_name": "gone.jpg"}, "gone.jpg is missing"),
        ({"image_name": "../1.jpg"}, "leads out of the dataset's folder"),
        ({"referring": ""}, "the expression is empty"),
        ({"id": None}, "id is None"),
        ({"id": 0}, "this id is taken by an earlier entry"),
    ],
)
def test_a_bad_line_of_humanref_is_named(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    dataset = load("humanref", humanref(tmp_path, {1: change}))
    assert len(dataset.samples) == 4
    assert message in str(dataset.problems[0])


def test_humanref_takes_the_sizes_from_the_users_own_folder_of_images(tmp_path: Path) -> None:
    folder = humanref(tmp_path / "set")
    (folder / "images").rename(tmp_path / "mine")
    config = load_dataset("humanref").model_copy(update={"root": folder})
    assert len(load_dataset_split(config, images=tmp_path / "mine").samples) == 5


def test_humanref_cut_off_or_with_other_boxes(tmp_path: Path) -> None:
    path = humanref(tmp_path) / "annotations.jsonl"
    content = path.read_text()
    path.write_text(content[:-40])
    assert [p.entry for p in load("humanref", tmp_path).problems] == ["line 4", "line 6"]
    path.write_text(content.replace("answer_boxes", "boxes"))
    with pytest.raises(DataError, match=r"no usable sample in .* no answer_boxes"):
        load("humanref", tmp_path)
    path.write_text("<html>\n" * 3)
    with pytest.raises(DataError, match="is no file of JSON lines"):
        load("humanref", tmp_path)
    humanref(tmp_path, {n: {"answer_boxes": [[0.1, 0.2, 0.5, 0.6]]} for n in range(3)})
    with pytest.raises(DataError, match="all values are at most 1"):
        load("humanref", tmp_path)


def test_grefcoco_has_single_and_empty_referents(tmp_path: Path) -> None:
    dataset = load("grefcoco", grefcoco(tmp_path))
    assert [(s.id, s.truth) for s in dataset.samples] == [
        *((str(10 * n), "box") for n in range(3)),
        *((str(10 * n), "absent") for n in (4, 5)),
    ]
    assert dataset.samples[2].box == tuple(map(float, BOXES[2]))
    assert {s.negative.type for s in dataset.samples if s.negative} == {"absent_easy"}
    assert [(p.entry, p.message) for p in dataset.problems] == [("3", "2 targets; samples have one")]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ann_id": 51}, None),
        ({"ann_id": [-1]}, "no_target is False, and there are 0 targets"),
        ({"no_target": True}, "no_target is True, and there are 1 targets"),
        ({"ann_id": [51, -1]}, "none and some"),
        ({"ann_id": [52]}, "its annotation belongs to another image"),
        ({"ann_id": [99]}, "its annotation is not in instances.json"),
        ({"image_id": 77}, "its image is not in instances.json"),
        ({"sentences": None}, "a list of objects is meant"),
    ],
)
def test_a_bad_referent_of_grefcoco_is_named(tmp_path: Path, change: dict[str, Any], message: str | None) -> None:
    path = grefcoco(tmp_path) / "grefs(unc).json"
    refs = json.loads(path.read_text())
    refs[1].update(change)
    path.write_text(json.dumps(refs))
    dataset = load("grefcoco", tmp_path)
    assert len(dataset.samples) == (5 if message is None else 4)
    assert message is None or message in str(dataset.problems[0])


def test_grefcoco_truncated_or_without_its_split(tmp_path: Path) -> None:
    path = grefcoco(tmp_path) / "grefs(unc).json"
    content = path.read_text()
    path.write_text(content.replace("testA", "testC"))
    with pytest.raises(DataError, match="has no split 'testA' \\(did you mean 'testC'\\?\\); there are: testC"):
        load("grefcoco", tmp_path)
    path.write_text(content[:-100])
    with pytest.raises(DataError, match="is not JSON"):
        load("grefcoco", tmp_path)
    path.write_text(content)
    (tmp_path / "instances.json").unlink()
    with pytest.raises(DataError, match=r"instances\.json does not exist"):
        load("grefcoco", tmp_path)
