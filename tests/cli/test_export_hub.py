"""`finecops export hub`: a dataset as parquet for the Hub, read again to the same samples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml
from PIL import Image

from finecops.config.dataset_schema import DatasetConfig
from finecops.config.find import load_dataset
from finecops.datasets.dataset import Dataset, load_dataset_split
from finecops.datasets.parquet.card import card
from finecops.datasets.parquet.write import FEATURES, export_parquet
from finecops.errors import DataError
from finecops.records import Sample
from tests.cli.invoke import run
from tests.conftest import coco_file

NEGATIVE = {"negative_type": "flip", "negative_level": 2, "positive_id": 1, "negative_cate": "image"}
ENTRIES: list[dict[str, Any]] = [
    {"bbox": [10.25, 20.5, 30.1, 40.7], "tuple_type": "0_hop"},
    {"file_name": "deep/b.png", "caption": "the “small” car", "level": 3},
    {"file_name": "b.png", **NEGATIVE},
    {**NEGATIVE, "negative_cate": "text", "negative_type": "replace_object"},
    {"caption": "   "},
]


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FINECOPS_HOME", str(tmp_path / "home"))


def toy(folder: Path, entries: list[dict[str, Any]] | None = None) -> Path:
    """A dataset of four samples and a broken entry, and its YAML file."""
    coco_file(folder / "toy" / "test.json", ENTRIES if entries is None else entries)
    for number, name in enumerate(("a.png", "deep/b.png", "b.png")):
        path = folder / "toy" / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (100, 80), (90 * number, 10, 10)).save(path)
    settings = DatasetConfig(
        name="toy",
        root=folder / "toy",
        image_folders=("images",),
        splits={"test": ("test.json",)},
        preset="mini",
        get="-",
    ).model_dump(mode="json", exclude_none=True)
    (folder / "toy.yaml").write_text(yaml.safe_dump(settings))
    return folder / "toy.yaml"


def without_image(sample: Sample) -> dict[str, Any]:
    return sample.model_dump(exclude={"image", "dataset"})


def same(one: Dataset, other: Dataset) -> bool:
    pictures = [[d.image_path(s).read_bytes() for s in d.samples] for d in (one, other)]
    return list(map(without_image, one.samples)) == list(map(without_image, other.samples)) and (
        pictures[0] == pictures[1]
    )


def test_what_is_written_is_read_again_to_the_same_samples(tmp_path: Path) -> None:
    path = toy(tmp_path)
    out = tmp_path / "out"
    code, output = run("export", "hub", str(path), "--out", str(out), "--licence", "CC-BY-4.0")
    assert (code, "test: 4 samples; 1 entry of the source left out" in output) == (0, True)
    before, after = load_dataset_split(load_dataset(str(path))), load_dataset_split(load_dataset(str(out)))
    assert same(before, after)
    assert after.problems == ()
    assert [s.negative and s.negative.positive_id for s in after.samples] == [None, None, "1", "1"]
    assert [p.name for p in (out / "data").iterdir()] == ["test-00000-of-00001.parquet"]


def test_a_split_in_several_files(tmp_path: Path) -> None:
    dataset = load_dataset_split(load_dataset(str(toy(tmp_path))))
    written = export_parquet([dataset], "MIT", tmp_path / "out", shard_bytes=1)
    assert [path.name for path in written.files] == [f"test-{n:05}-of-00004.parquet" for n in range(4)]
    assert same(dataset, load_dataset_split(load_dataset(str(tmp_path / "out"))))


def test_the_card_and_the_features_are_the_hubs(tmp_path: Path) -> None:
    run("export", "hub", str(toy(tmp_path)), "--out", str(tmp_path / "out"), "--licence", "my own terms")
    _, head, body = (tmp_path / "out" / "README.md").read_text().split("---\n", 2)
    front = yaml.safe_load(head)
    assert (front["license"], front["license_name"]) == ("other", "my own terms")
    assert front["configs"][0]["data_files"] == [{"split": "test", "path": "data/test-*"}]
    assert front["dataset_info"]["splits"] == [{"name": "test", "num_examples": 4}]
    assert "| target absent, image, flip, level 2 | 1 |" in body
    assert "- test: 1 entries" in body
    schema = pq.read_schema(tmp_path / "out" / "data" / "test-00000-of-00001.parquet")
    features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
    assert features["image"] == {"_type": "Image"}
    assert list(features) == schema.names == [f["name"] for f in front["dataset_info"]["features"]]


def test_the_licence_of_the_yaml_file_or_a_question(tmp_path: Path) -> None:
    path = toy(tmp_path)
    code, output = run("export", "hub", str(path), "--out", str(tmp_path / "out"))
    assert (code, "give --licence NAME" in output) == (2, True)
    path.write_text(path.read_text() + "licence: CC-BY-4.0\n")
    assert run("export", "hub", str(path), "--out", str(tmp_path / "out"))[0] == 0
    assert "license: cc-by-4.0" in (tmp_path / "out" / "README.md").read_text()


def test_a_missing_image_stops_before_anything_is_written(tmp_path: Path) -> None:
    path = toy(tmp_path)
    (tmp_path / "toy" / "images" / "b.png").unlink()
    code, output = run("export", "hub", str(path), "--out", str(tmp_path / "out"), "--licence", "mit")
    assert (code, "b.png is missing" in output, "--images FOLDER" in output) == (1, True, True)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_taken_is_refused(tmp_path: Path) -> None:
    dataset = load_dataset_split(load_dataset(str(toy(tmp_path))))
    export_parquet([dataset], "MIT", tmp_path / "out")
    with pytest.raises(DataError, match="holds parquet files already"):
        export_parquet([dataset], "MIT", tmp_path / "out")


def test_a_readme_of_the_user_stays(tmp_path: Path) -> None:
    dataset = load_dataset_split(load_dataset(str(toy(tmp_path))))
    readme = tmp_path / "out" / "README.md"
    readme.parent.mkdir()
    readme.write_text("my project")
    with pytest.raises(DataError, match=r"README.md is there and is no card"):
        export_parquet([dataset], "MIT", readme.parent)
    assert [path.name for path in readme.parent.iterdir()] == ["README.md"]
    assert readme.read_text() == "my project"
    # A card of ours, of a dataset whose files were deleted, is replaced.
    readme.write_text(card([dataset], "MIT", FEATURES))
    export_parquet([dataset], "CC-BY-4.0", readme.parent)
    assert "Licence: CC-BY-4.0" in readme.read_text()
