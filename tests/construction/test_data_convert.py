"""`finecops data convert`: any dataset in FineCops-Ref's COCO style, from which the same samples are read."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from finecops.config.find import load_dataset
from finecops.construction.conversion import convert, exact_xywh
from finecops.datasets.dataset import Dataset, load_dataset_split
from finecops.errors import DataError
from finecops.records import Negative, Sample
from tests.cli.invoke import run
from tests.conftest import coco_file, make_sample
from tests.datasets.releases import RELEASES, SPLITS, picture, yaml_of


@pytest.mark.parametrize("name", RELEASES)
@pytest.mark.parametrize("images", ["link", "copy"])
def test_the_result_has_the_same_samples(tmp_path: Path, name: str, images: str) -> None:
    root, out, split = tmp_path / "data", tmp_path / "out", SPLITS.get(name, "test")
    config = RELEASES[name](root)
    before = load_dataset_split(config, split)
    given = str(yaml_of(tmp_path / f"{config.name}.yaml", config.name, root))
    code, output = run("data", "convert", given, "--out", str(out), "--split", split, "--images", images)
    count = len({sample.image for sample in before.samples})
    assert (code, output) == (
        0,
        f"{out}/{split}_expression_all_coco_format.json: {len(before.samples)} samples, {count} images\n"
        f"next: finecops sfa run --dataset {out}/{before.config.name}.yaml\n",
    )
    after = load_dataset_split(load_dataset(str(out / f"{config.name}.yaml")))
    assert after.samples == before.samples
    # A benchmark of its own words for negatives has a note on them.
    assert (after.problems, [note for note in after.notes if note.fault]) == ((), [])
    one = before.samples[0]
    assert os.path.samefile(after.image_path(one), before.image_path(one)) == (images == "link")
    assert after.image_path(one).read_bytes() == before.image_path(one).read_bytes()
    # The same command again changes nothing.
    assert run("data", "convert", given, "--out", str(out), "--split", split, "--images", images) == (code, output)


def test_finecops_mini_is_converted_into_itself(tmp_path: Path) -> None:
    before = load_dataset_split(load_dataset("finecops-mini"), "val")
    assert run("data", "convert", "finecops-mini", "--out", str(tmp_path), "--split", "val", "--images", "none")[0] == 0
    after = load_dataset_split(load_dataset(str(tmp_path / "finecops-mini.yaml")))
    assert after.samples == before.samples
    entry = json.loads((tmp_path / "val_expression_all_coco_format.json").read_text())
    # What FineCops-Ref's own keys can say is said in them alone, ids are numbers, and a negative has a box for scripts.
    assert not any("truth" in annotation for annotation in entry["annotations"])
    assert all(isinstance(annotation["id"], int) and "bbox" in annotation for annotation in entry["annotations"])


def every_truth() -> list[Sample]:
    negatives = [
        None,
        Negative(),
        Negative(kind="text"),
        Negative(kind="image", type="cat", positive_id="p"),
        Negative(type="odd", level=2),
        Negative(kind="text", type="flip", level=1, positive_id="p"),
        Negative(kind="image", type="flip", level=0, positive_id="007"),
    ]
    return [
        make_sample("p", box=(0.1, 0.2, 33.30000000000001, 77.7), level=None, tuple_type="and"),
        make_sample("007", level=3),
        make_sample("u", truth="unknown", box=None, expression="der Hund über dem Zaun"),
        *(make_sample(f"n{i}", box=None, negative=negative) for i, negative in enumerate(negatives)),
    ]


def toy(tmp_path: Path, samples: list[Sample]) -> Dataset:
    """A dataset of these samples, whose images exist."""
    root = tmp_path / "toy"
    coco_file(root / "test.json", [{}])
    config = load_dataset("finecops-mini").model_copy(
        update={"name": "toy", "root": root, "image_folders": (".",), "splits": {"test": ("test.json",)}}
    )
    for sample in samples:
        picture(root / sample.image, (100, 100))
    return replace(load_dataset_split(config), samples=tuple(samples))


def test_every_truth_and_number_comes_back(tmp_path: Path) -> None:
    dataset = toy(tmp_path, every_truth())
    done = convert(dataset, tmp_path / "out", "link")
    config = dataset.config.model_copy(
        update={"root": tmp_path / "out", "splits": {"test": (done.path.name,)}, "image_folders": (".",)}
    )
    found = load_dataset_split(config)
    assert list(found.samples) == every_truth()
    assert found.problems == ()


@pytest.mark.parametrize(
    "keys",
    [
        {"truth": "present"},
        {"truth": None},
        {"truth": "absent", "negative_cate": "im"},
        {"truth": "absent", "negative_level": "1"},
        {"truth": "absent", "negative_type": []},
        {"truth": "absent", "positive_id": {}},
    ],
)
def test_a_stated_truth_that_is_broken_is_a_problem(tmp_path: Path, keys: dict[str, Any]) -> None:
    root = tmp_path / "toy"
    coco_file(root / "test.json", [keys, {"id": 900}])
    config = load_dataset("finecops-mini").model_copy(update={"root": root, "splits": {"test": ("test.json",)}})
    found = load_dataset_split(config)
    assert [sample.id for sample in found.samples] == ["900"]
    assert len(found.problems) == 1


@pytest.mark.parametrize("box", [(0.1, 0.3, 0.7, 1.1), (1 / 3, 2 / 3, 1e5, 99999.99), (0.0, 1e-9, 1e-8, 5e4)])
def test_adding_gives_the_corners_again(box: tuple[float, float, float, float]) -> None:
    x, y, w, h = exact_xywh(box)
    assert (x, y, x + w, y + h) == box


def test_missing_images_are_named_and_the_rest_is_written(tmp_path: Path) -> None:
    root = tmp_path / "data"
    RELEASES["refcoco of MDETR"](root)
    (root / "train2014/COCO_train2014_000000000002.jpg").unlink()
    given = str(yaml_of(tmp_path / "refcoco.yaml", "refcoco", root))
    code, output = run("data", "convert", given, "--out", str(tmp_path / "out"), "--split", "val")
    assert code == 1
    assert "6 samples, 5 images" in output
    assert "COCO_train2014_000000000002.jpg is missing" in output
    assert "1 image could not be taken along: put into" in output


def test_entries_that_are_not_valid_are_counted(tmp_path: Path) -> None:
    root = tmp_path / "data"
    RELEASES["ref-adv"](root)
    path = root / "refcocog_adv_annotations.json"
    path.write_text(path.read_text().replace('"most_confused_bbox_number": "2"', '"most_confused_bbox_number": "9"', 1))
    given = str(yaml_of(tmp_path / "ref-adv.yaml", "ref-adv", root))
    code, output = run("data", "convert", given, "--out", str(tmp_path / "out"))
    assert (code, "5 samples, 5 images; 1 entry left out (finecops data check)" in output) == (0, True)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    dataset = toy(tmp_path, every_truth())
    with pytest.raises(DataError, match="is the folder of toy itself"):
        convert(dataset, dataset.root, "none")
    out = tmp_path / "out"
    convert(dataset, out, "none")
    with pytest.raises(DataError, match="is there already, with other content"):
        convert(replace(dataset, samples=dataset.samples[:1]), out, "none")
    assert [path.name for path in out.iterdir()] == ["test_expression_all_coco_format.json"]


def test_another_picture_of_the_same_name_stays(tmp_path: Path) -> None:
    """Somebody may name the folder of another dataset."""
    dataset = toy(tmp_path, every_truth())
    other = tmp_path / "out" / dataset.samples[0].image
    other.parent.mkdir(parents=True)
    other.write_bytes(b"another picture")
    dataset.image_path(dataset.samples[0]).parent.mkdir(parents=True, exist_ok=True)
    dataset.image_path(dataset.samples[0]).write_bytes(b"its own picture")
    with pytest.raises(DataError, match="is another picture; choose another --out"):
        convert(dataset, tmp_path / "out", "copy")
    assert other.read_bytes() == b"another picture"
    assert not list((tmp_path / "out").glob("*.json*"))


def test_another_disk_needs_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(file: Path, to: Path) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", link)
    with pytest.raises(DataError, match="Take --images copy"):
        convert(toy(tmp_path, every_truth()), tmp_path / "out", "link")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("finecops-mini", "--images", "move"), 2, "unknown way of taking images 'move'; there are: link, copy, none"),
        (("nonsense",), 1, "unknown dataset 'nonsense'"),
        (("finecops-mini", "--split", "dev"), 1, "has no split 'dev'"),
    ],
)
def test_wrong_usage(tmp_path: Path, arguments: tuple[str, ...], code: int, message: str) -> None:
    found, output = run("data", "convert", *arguments, "--out", str(tmp_path))
    assert (found, message in output) == (code, True)
