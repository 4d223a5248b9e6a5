"""RefCOCO's files in their authors' format: a pickle and instances.json, in a small copy of the layout."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path
from typing import Any

import pytest

from finecops.config.dataset_schema import DatasetConfig
from finecops.datasets.dataset import load_dataset_split
from finecops.errors import DataError


def ref(number: int, split: str = "train", **changes: Any) -> dict[str, Any]:
    """A referent with two sentences."""
    return {
        "ref_id": number,
        "ann_id": 10 + number,
        "image_id": 1,
        "split": split,
        "file_name": "COCO_train2014_000000000001_10.jpg",
        "sentences": [
            {"raw": "the red car", "sent": "the red car", "sent_id": 2 * number},
            {"raw": "Car on the left.", "sent": "car on the left", "sent_id": 2 * number + 1},
        ],
    } | changes


def make(folder: Path, refs: Any, protocol: int = 2) -> DatasetConfig:
    folder.mkdir(exist_ok=True)
    (folder / "refs(unc).p").write_bytes(pickle.dumps(refs, protocol))
    image = {"id": 1, "file_name": "COCO_train2014_000000000001.jpg", "width": 640, "height": 480}
    annotations = [{"id": 10 + i, "image_id": 1, "bbox": [10, 20, 100, 50]} for i in range(9)]
    annotations += [{"id": 20, "image_id": 2, "bbox": [10, 20, 100, 50]}]
    annotations += [{"id": 21, "image_id": 1, "bbox": [left, 20, 100, 50]} for left in (10, 200)]
    (folder / "instances.json").write_text(json.dumps({"images": [image], "annotations": annotations}))
    splits = dict.fromkeys(("train", "val", "testA"), ("refs(unc).p",))
    return DatasetConfig(
        format="refcoco", name="toy", root=folder, image_folders=("train2014",), splits=splits, preset="mini", get="-"
    )


def test_every_sentence_of_the_split_is_a_sample(tmp_path: Path) -> None:
    config = make(tmp_path, [ref(1), ref(2, "testA"), ref(3)])
    samples = load_dataset_split(config, "train").samples
    assert [s.id for s in samples] == ["2", "3", "6", "7"]
    assert samples[1].expression == "Car on the left."
    assert samples[0].box == (10.0, 20.0, 110.0, 70.0)
    assert samples[0].image == "train2014/COCO_train2014_000000000001.jpg"


def test_invalid_entries_become_problems(tmp_path: Path) -> None:
    refs = [
        ref(1), ref(2, ann_id=99), ref(3, sentences=[{"raw": " ", "sent_id": 8}]), ref(4, ann_id=20), ref(5, ann_id=21),
        ref(6, split=5),
    ]  # fmt: skip
    config = make(tmp_path, refs)
    dataset = load_dataset_split(config, "train")
    assert len(dataset.samples) == 2
    assert [p.message for p in dataset.problems] == [
        "its image or annotation is not in instances.json, or stands there twice",
        "the expression is empty",
        "its annotation is on another image: 2",
        "its image or annotation is not in instances.json, or stands there twice",
        "split is 5; a text is meant",
    ]


def test_a_missing_split_or_file_is_an_error(tmp_path: Path) -> None:
    config = make(tmp_path, [ref(1)])
    with pytest.raises(DataError, match="no split 'testA'; there are: train"):
        load_dataset_split(config, "testA")
    (tmp_path / "instances.json").unlink()
    with pytest.raises(DataError, match=r"instances\.json does not exist"):
        load_dataset_split(config, "train")


def test_code_in_a_pickle_is_not_run(tmp_path: Path) -> None:
    class Hostile:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(tmp_path / "flag"),)

    with pytest.raises(DataError, match="was not read"):
        load_dataset_split(make(tmp_path / "data", [Hostile()]), "train")
    assert not (tmp_path / "flag").exists()
