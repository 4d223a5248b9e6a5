"""A COCO file read in columns gives the samples and problems that it gives entry by entry."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from finecops.datasets import json_arrays
from finecops.datasets.coco import read_coco
from finecops.datasets.coco_table import read_coco_table
from finecops.datasets.problems import Problem
from finecops.datasets.source import SourceFile
from finecops.datasets.table import SampleTable
from finecops.records import Sample

ODD_IMAGES: list[dict[str, Any]] = [
    {"caption": "  the red\x00 car "},
    {"caption": "la chaise près du mur"},
    {"caption": "x\u2028y"},
    {"caption": " "},
    {"caption": "a" * 10_001},
    {"caption": 5},
    {"width": 0},
    {"width": 100.0},
    {"width": True},
    {"height": 10**400},
    {"file_name": "../x.jpg"},
    {"file_name": "a/b.jpg"},
    {"file_name": "COCO_train2014_000000000001.jpg"},
    {"file_name": None},
    {"file_name": "x\x1b.jpg"},
    {"note": "half \ud800"},
    {"id": "text id"},
]
ODD_ANNOTATIONS: list[dict[str, Any]] = [
    {"bbox": [-1.5, 2, 30, 30]},
    {"bbox": [-0.0, 0, 5.5, 5]},
    {"bbox": [80, 60, 30, 10]},
    {"bbox": [0, 0, 100, 80]},
    {"bbox": [1, 2, 3]},
    {"bbox": [1, 2, True, 3]},
    {"bbox": [1, 2, "3", 3]},
    {"bbox": [1, 2, 10**400, 3]},
    {"bbox": [1, 2, float("nan"), 3]},
    {"bbox": None},
    {"bbox": {"x": 1}},
    {"bbox": [1, 2, 0, 5]},
    {"level": 4},
    {"level": True},
    {"level": 2.0},
    {"level": None},
    {"tuple_type": "unheard of"},
    {"tuple_type": None},
    {"tuple_type": 7},
    {"truth": "unknown"},
    {"truth": "absent", "negative_level": 1},
    {"negative_type": "object", "negative_level": 1, "negative_cate": "text", "positive_id": 1},
    {"negative_type": "replace_object", "negative_level": 2, "negative_cate": "image", "positive_id": "1"},
    {"negative_type": "colour", "negative_level": 1, "positive_id": 1},
    {"negative_type": "flip", "negative_level": "1", "negative_cate": "image", "positive_id": 1},
    {"negative_type": "flip", "negative_level": 1, "negative_cate": None, "positive_id": 1},
    {"negative_type": "flip", "negative_level": 1, "negative_cate": "image", "positive_id": ""},
    {"negative_type": "flip", "negative_level": 1, "negative_cate": "image", "positive_id": None},
    {"negative_type": None, "negative_level": 1, "positive_id": 1},
    {"positive_id": 10**40},
    {"spatial": {"a": [{"b": "\x07"}]}},
]


@pytest.fixture(params=[None, 300, 4000])
def window(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is parsed as a whole, or in parts."""
    if request.param is not None:
        monkeypatch.setattr(json_arrays, "TREE_BYTES", 0)
        monkeypatch.setattr(json_arrays, "_WINDOW", request.param)


def _file(images: list[Any], annotations: list[Any], path: Path, first: str = "images") -> SourceFile:
    lists = {"images": images, "annotations": annotations}
    order = [first, *(lists.keys() - {first})]
    path.write_text(json.dumps({key: lists[key] for key in order}))
    return SourceFile(path, "toy", "test", path.parent, ("images",))


def _entries(n: int, rng: random.Random, odd: float) -> tuple[list[Any], list[Any]]:
    images, annotations = [], []
    for i in range(1, n + 1):
        image = {"id": i, "file_name": f"{i}.jpg", "width": 100, "height": 80, "caption": f"the red car {i}"}
        annotation = {"id": i, "image_id": i, "bbox": [1, 2.5, 30, 20.25], "level": 1 + i % 3, "tuple_type": "0_hop"}
        if rng.random() < odd:
            image |= rng.choice(ODD_IMAGES)
        if rng.random() < odd:
            annotation |= rng.choice(ODD_ANNOTATIONS)
        images.append(image)
        annotations.append(annotation | {"image_id": image["id"]})
    return images, annotations


def _flat(found: Iterator[SampleTable | Sample | Problem]) -> tuple[list[str], list[Problem]]:
    samples, problems = [], []
    for entry in found:
        if isinstance(entry, Problem):
            problems.append(entry)
        else:
            samples += [repr(sample) for sample in (entry if isinstance(entry, SampleTable) else (entry,))]
    return samples, problems


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.usefixtures("window")
def test_columns_give_what_entries_give(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    images, annotations = _entries(60, rng, odd=(0.0, 0.1, 0.6)[seed % 3])
    if seed % 4 == 1:
        rng.shuffle(annotations)
    if seed % 4 == 2:
        annotations += [annotations[3], annotations[7] | {"level": 2}]
        del annotations[20:23]
    source = _file(images, annotations, tmp_path / "a.json", ("images", "annotations")[seed % 2])
    assert _flat(read_coco_table(source)) == _flat(read_coco(source))


def test_an_image_without_annotation_changes_no_other(tmp_path: Path) -> None:
    images, annotations = _entries(6, random.Random(0), 0.0)
    negative = {"negative_type": "object", "negative_level": 1, "negative_cate": "text"}
    annotations[3:] = [entry | negative | {"positive_id": i} for i, entry in enumerate(annotations[3:], start=1)]
    del annotations[1]
    source = _file(images, annotations, tmp_path / "a.json")
    assert _flat(read_coco_table(source)) == _flat(read_coco(source))


@pytest.mark.parametrize("odd", [*ODD_IMAGES, *ODD_ANNOTATIONS], ids=repr)
def test_each_odd_field_alone(odd: dict[str, Any], tmp_path: Path) -> None:
    images, annotations = _entries(5, random.Random(0), 0.0)
    (images if odd in ODD_IMAGES else annotations)[2].update(odd)
    source = _file(images, annotations, tmp_path / "a.json")
    assert _flat(read_coco_table(source)) == _flat(read_coco(source))


def test_a_plain_file_is_one_table(tmp_path: Path) -> None:
    found = list(read_coco_table(_file(*_entries(50, random.Random(1), 0.0), tmp_path / "a.json")))
    assert [type(entry) for entry in found] == [SampleTable]


@pytest.mark.parametrize("odd", [0.0, 0.1])
def test_of_a_large_file_a_part_is_held_at_a_time(odd: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = _file(*_entries(300, random.Random(3), odd), tmp_path / "a.json")
    whole = _flat(read_coco_table(source))
    monkeypatch.setattr(json_arrays, "TREE_BYTES", 0)
    monkeypatch.setattr(json_arrays, "_WINDOW", 2000)
    sizes: list[int] = []
    plain = json_arrays.FileBytes.__getitem__

    def noted(self: json_arrays.FileBytes, part: slice) -> bytes:
        found = plain(self, part)
        sizes.append(len(found))
        return found

    monkeypatch.setattr(json_arrays.FileBytes, "__getitem__", noted)
    assert _flat(read_coco_table(source)) == whole
    longest = max(len(entry) for entry in source.path.read_text().split("}, {"))
    assert max(sizes) <= 2 * max(2000, 2 * longest)
    assert max(sizes) < source.path.stat().st_size / 2


@pytest.mark.parametrize("change", ["id twice", "no id", "no object", "key twice", "no annotation"])
@pytest.mark.usefixtures("window")
def test_a_file_without_plain_ids_is_read_entry_by_entry(change: str, tmp_path: Path) -> None:
    images, annotations = _entries(30, random.Random(2), 0.1)
    if change == "id twice":
        images[4]["id"] = str(images[9]["id"])
    elif change == "no id":
        images[4]["id"] = None
    elif change == "no object":
        annotations[4] = 7
    elif change == "no annotation":
        annotations = []
    source = _file(images, annotations, tmp_path / "a.json")
    if change == "key twice":
        text = source.path.read_text().replace('"level": 2', '"level": 2, "level": 2', 1)
        source.path.write_text(text)
    assert _flat(read_coco_table(source)) == _flat(read_coco(source))
