"""The index of a large split: what it gives is what reading gives, and it is used for nothing else."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from finecops.config.dataset_schema import DatasetConfig
from finecops.datasets import index
from finecops.datasets.dataset import Dataset, load_dataset_split
from finecops.datasets.table import SampleTable

LONG_AGO = 1_600_000_000


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder; every file is large enough for an index."""
    monkeypatch.setenv("FINECOPS_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(index, "LEAST_BYTES", 0)
    return tmp_path / "home"


def write(folder: Path, **changes: Any) -> None:
    """A file with a positive, a negative, one with a text that is replaced, one with no sense, and an unknown word."""
    entries: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"id": 1, "caption": "the red car"}, {"level": 1, "tuple_type": "0_hop"}),
        ({"id": 2, "caption": "the blue car"}, {"positive_id": 1, "negative_type": "object", "negative_level": 1}),
        ({"id": 3, "caption": "la chaise\x00"}, {"level": 2, "tuple_type": "unheard of"}),
        ({"id": 4, "caption": "no box"}, {"bbox": None}),
    ]
    images = [{"file_name": f"{i['id']}.jpg", "width": 99, "height": 80, **i, **changes} for i, _ in entries]
    annotations = [{"image_id": i["id"], "bbox": [1, 2, 30.5, 40], **a} for i, a in entries]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "a.json").write_text(json.dumps({"images": images, "annotations": annotations}), encoding="utf-8")


def make(folder: Path, **changes: Any) -> DatasetConfig:
    """A dataset with two folders of images; the second has one."""
    write(folder, **changes)
    for name in ("first", "second"):
        (folder / name).mkdir(exist_ok=True)
    (folder / "second" / "2.jpg").touch()
    settle(folder)
    values = {"image_folders": ("first", "second"), "splits": {"test": ("a.json",)}, "preset": "mini", "get": "x"}
    return DatasetConfig(name="toy", root=folder, **values)


def settle(folder: Path) -> None:
    """As if nothing had changed for long."""
    for path in (folder, folder / "first", folder / "second"):
        os.utime(path, (LONG_AGO, LONG_AGO))


def found(data: Dataset) -> tuple[Any, ...]:
    return list(data.samples), data.problems, data.notes, data.sha256, data.files


def files(home: Path) -> list[Path]:
    return sorted((home / "cache" / "indexes").glob("*"))


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """An entry for each time that files are read."""
    from finecops.datasets import dataset

    calls: list[Any] = []
    plain = dataset._read_files
    monkeypatch.setattr(dataset, "_read_files", lambda *args: calls.append(args) or plain(*args))
    return calls


def test_an_index_gives_what_reading_gives(tmp_path: Path, home: Path, reads: list[Any]) -> None:
    config = make(tmp_path / "data")
    first = load_dataset_split(config)
    again = load_dataset_split(config)
    assert len(reads) == 1
    assert found(again) == found(first)
    assert isinstance(again.samples, SampleTable)
    assert [sample.image for sample in again.samples] == ["first/1.jpg", "second/2.jpg", "first/3.jpg"]
    assert (len(again.problems), len(again.notes)) == (1, 2)
    assert again.samples.kinds == first.samples.kinds  # type: ignore[attr-defined]
    for name in ("image_wh", "xyxy", "kind"):
        assert getattr(again.samples, name).dtype == getattr(first.samples, name).dtype
    assert again.samples.take(np.array([2, 0]))[1] == first.samples[0]
    assert len(files(home)) == 1


def _another_text(folder: Path) -> None:
    write(folder, caption="another")


def _another_image(folder: Path) -> None:
    (folder / "second" / "3.jpg").touch()


def _the_same_bytes(folder: Path) -> None:
    content = (folder / "a.json").read_bytes()
    (folder / "a.json").write_bytes(content)


@pytest.mark.parametrize(
    ("change", "read"),
    [(_another_text, 2), (_another_image, 2), (_the_same_bytes, 1)],
    ids=["another text", "an image in another folder", "the same bytes, written again"],
)
def test_a_stale_index_is_made_again(
    change: Callable[[Path], None], read: int, tmp_path: Path, home: Path, reads: list[Any]
) -> None:
    config = make(tmp_path / "data")
    before = found(load_dataset_split(config))
    change(tmp_path / "data")
    now = found(load_dataset_split(config))
    assert len(reads) == read
    assert (now == before) is (read == 1)
    # What is now there is what reading gives.
    for path in files(home):
        path.unlink()
    assert found(load_dataset_split(config)) == now


@pytest.mark.parametrize(
    "changes", [{"name": "other"}, {"image_folders": ("second", "first")}], ids=["its name", "order of folders"]
)
def test_another_configuration_has_another_index(changes: dict[str, Any], tmp_path: Path, reads: list[Any]) -> None:
    config = make(tmp_path / "data")
    load_dataset_split(config)
    other = load_dataset_split(config.model_copy(update=changes))
    assert len(reads) == 2
    assert found(load_dataset_split(config.model_copy(update=changes))) == found(other)


@pytest.mark.parametrize("at", [0, 3, 20, 200, -40, -1])
def test_a_broken_index_is_not_used(at: int, tmp_path: Path, home: Path, reads: list[Any]) -> None:
    config = make(tmp_path / "data")
    whole = found(load_dataset_split(config))
    (path,) = files(home)
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)
    assert found(load_dataset_split(config)) == whole
    path.write_bytes(path.read_bytes()[:-100])
    assert found(load_dataset_split(config)) == whole
    path.write_bytes(path.read_bytes() + b"x")
    assert found(load_dataset_split(config)) == whole
    assert len(reads) == 4


def _link(folder: Path) -> None:
    (folder / "first" / "3.jpg").symlink_to(folder / "second" / "2.jpg")


def _changed_just_now(folder: Path) -> None:
    (folder / "first" / "9.jpg").touch()


def _below(folder: Path) -> None:
    write(folder, file_name="deep/2.jpg")


@pytest.mark.parametrize("change", [_link, _changed_just_now, _below], ids=lambda change: change.__name__)
def test_there_is_none_where_a_change_would_not_be_seen(
    change: Callable[[Path], None], tmp_path: Path, home: Path
) -> None:
    config = make(tmp_path / "data")
    change(tmp_path / "data")
    if change is not _changed_just_now:
        settle(tmp_path / "data")
    load_dataset_split(config)
    assert not files(home)


def test_small_files_and_files_of_rows_have_none(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = make(tmp_path / "data")
    rows = tmp_path / "data" / "rows.jsonl"
    rows.write_text('{"image": "first/1.jpg", "expression": "x", "width": 9, "height": 9}\n')
    load_dataset_split(config, None, [rows])
    monkeypatch.setattr(index, "LEAST_BYTES", 10**6)
    load_dataset_split(config)
    assert not files(home)


def test_the_oldest_go_and_a_folder_that_takes_none_is_no_matter(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "_MOST", 2)
    for name in ("a", "b", "c"):
        load_dataset_split(make(tmp_path / name).model_copy(update={"name": name}))
        time.sleep(0.01)
    assert [path.name[:2] for path in files(home)] == ["b-", "c-"]
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "cache").touch()
    monkeypatch.setenv("FINECOPS_HOME", str(tmp_path / "full"))
    assert len(load_dataset_split(make(tmp_path / "a")).samples) == 3
