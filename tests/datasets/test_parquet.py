"""Parquet files in the published layouts: their samples, their images, and every fault counted and named."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from finecops.config.find import load_dataset
from finecops.datasets.dataset import Dataset, load_dataset_split
from finecops.datasets.parquet import pictures
from finecops.datasets.parquet.layouts import LAYOUTS
from finecops.errors import ConfigError, DataError
from finecops.images import read_image
from tests.datasets.builders_parquet import (
    BOXES,
    FILES,
    HEIGHT,
    IMAGE,
    SCHEMAS,
    WIDTH,
    Rows,
    picture,
    repository,
    rows_of,
    write_parquet,
)


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FINECOPS_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def load(folder: Path, split: str | None = None) -> Dataset:
    return load_dataset_split(load_dataset(str(folder)), split)


def changed(layout: str, change: Callable[[Rows], object]) -> Rows:
    rows = rows_of(layout)
    change(rows)
    return rows


@pytest.mark.parametrize("layout", SCHEMAS)
def test_a_folder_is_read_by_its_columns(layout: str, tmp_path: Path) -> None:
    dataset = load(repository(tmp_path / "set", layout))
    assert dataset.problems == ()
    per_row = 2 if layout == "lmms-refcoco" else 1
    assert len(dataset.samples) == 6 * per_row
    for number, sample in enumerate(dataset.samples):
        row = number // per_row
        absent = layout == "groundingme" and row % 3 == 2
        assert sample.box == (None if absent else tuple(map(float, BOXES[row])))
        assert (sample.width, sample.height) == (WIDTH, HEIGHT)
        assert str(row) in sample.expression
        assert dataset.image_path(sample).read_bytes() == picture(row)


def test_a_referent_has_a_sample_per_sentence(tmp_path: Path) -> None:
    samples = load(repository(tmp_path / "set", "lmms-refcoco")).samples
    assert [s.id for s in samples[:3]] == ["7000#0", "7000#1", "7001#0"]
    assert samples[0].image == samples[1].image
    # COCO's own name, without the annotation's id.
    assert samples[0].image.endswith("/COCO_train2014_000000000000.jpg")


def test_kinds_of_absence_have_columns_of_their_own(tmp_path: Path) -> None:
    samples = load(repository(tmp_path / "set", "groundingme")).samples
    negatives = [s.negative for s in samples if s.absent]
    assert [(n.kind, n.type, n.positive_id) for n in negatives if n] == [("text", "absent_hard", None)] * 2
    assert [s.tuple_type for s in samples[:3]] == ["spatial", "limited", "rejection"]


def test_the_box_of_a_rejection_is_ignored(tmp_path: Path) -> None:
    rows = changed("groundingme", lambda rows: rows[2].update(bbox=[1, 1, 2, 2]))
    dataset = load(repository(tmp_path / "set", "groundingme", rows))
    assert dataset.samples[2].absent


FAULTS: list[tuple[str, Callable[[Rows], object], str]] = [
    # images
    ("ref-adv-s", lambda r: r[1].update(image=None), "row 2: the image is null or empty"),
    ("ref-adv-s", lambda r: r[1].update(image={"bytes": None, "path": "a.jpg"}), "the image is null or empty"),
    ("ref-adv-s", lambda r: r[1].update(image={"bytes": b"no picture"}), "it is none of JPEG, PNG"),
    ("ref-adv-s", lambda r: r[1].update(image={"bytes": picture(1)[:400]}), "row 2: the image cannot be read"),
    ("ref-adv-s", lambda r: r[1].update(width=141), "row 2: the image is 140x120, its row says 141x120"),
    ("ref-adv-s", lambda r: r[1].update(width=None), "width and height are None and 120"),
    # names
    ("ref-adv-s", lambda r: r[1].update(file_name="../../evil.jpg"), "leads out of the dataset's folder"),
    ("ref-adv-s", lambda r: r[1].update(file_name="/etc/passwd"), "leads out of the dataset's folder"),
    ("ref-l4", lambda r: r[1].update(file_name="../x.jpg"), "leads out of the dataset's folder"),
    ("ref-l4", lambda r: r[1].update(file_name=None), "of the image: a name that is null|a name that is null"),
    # boxes
    ("ref-adv-s", lambda r: r[1].update(solution=None), "row 2: there is no box"),
    ("ref-adv-s", lambda r: r[1].update(solution=[1.0, 2.0]), "four numbers are meant"),
    ("ref-adv-s", lambda r: r[1].update(solution=[1.0, 2.0, float("nan"), 5.0]), "not a finite number"),
    ("ref-adv-s", lambda r: r[1].update(solution=[1.0, 2.0, 300.0, 5.0]), "extends 160 pixels beyond"),
    ("ref-adv-s", lambda r: r[1].update(solution=[50.0, 2.0, 30.0, 5.0]), "has no area"),
    ("groundingme", lambda r: r[1].update(bbox=None), "row 2: there is no box"),
    ("groundingme", lambda r: r[1].update(subtask_l1=None), "subtask_l1 is None"),
    # texts and ids
    ("ref-adv-s", lambda r: r[1].update(normal_caption="  "), "the expression is empty"),
    ("ref-adv-s", lambda r: r[1].update(normal_caption=None), "the expression is None"),
    ("ref-adv-s", lambda r: r[1].update(row_idx=0), "row 2: the id 0 is taken by an earlier row"),
    ("ref-adv-s", lambda r: r[1].update(row_idx=None), "row_idx is None"),
    ("lmms-refcoco", lambda r: r[1].update(answer=[]), "a list of expressions is meant"),
    ("lmms-refcoco", lambda r: r[1].update(answer=None), "a list of expressions is meant"),
    ("lmms-refcoco", lambda r: r[1].update(question_id=""), "question_id is ''"),
]


@pytest.mark.parametrize(("layout", "change", "message"), FAULTS, ids=[message for _, _, message in FAULTS])
def test_a_bad_row_is_named_and_the_others_are_read(
    layout: str, change: Callable[[Rows], object], message: str, tmp_path: Path
) -> None:
    dataset = load(repository(tmp_path / "set", layout, changed(layout, change)))
    (problem,) = dataset.problems
    assert any(part in str(problem) for part in message.split("|"))
    assert f"{Path(FILES[layout]).name}: row 2: " in str(problem)
    assert len(dataset.samples) == (10 if layout == "lmms-refcoco" else 5)


def test_one_empty_sentence_costs_one_sample(tmp_path: Path) -> None:
    rows = changed("lmms-refcoco", lambda rows: rows[1].update(answer=["the left one", ""]))
    dataset = load(repository(tmp_path / "set", "lmms-refcoco", rows))
    assert [str(p).rpartition(": ")[2] for p in dataset.problems] == ["the expression is empty (number 2 of 2)"]
    assert [s.id for s in dataset.samples[:4]] == ["7000#0", "7000#1", "7001#0", "7002#0"]


def test_a_row_with_several_boxes_is_skipped_and_counted(tmp_path: Path) -> None:
    rows = rows_of("ref-adv-s")
    for row in rows:
        row["solution"] = [row["solution"]]
    rows[4]["solution"] *= 2
    nested = {"solution": pa.list_(pa.list_(pa.float64()))}
    write_parquet(tmp_path / "set" / FILES["ref-adv-s"], "ref-adv-s", rows, nested)
    dataset = load(tmp_path / "set")
    assert [p.message for p in dataset.problems] == ["2 boxes; samples have one target"]
    assert len(dataset.samples) == 5


def test_boxes_as_text_and_ids_as_numbers_are_read(tmp_path: Path) -> None:
    rows = rows_of("lmms-refcoco")
    for row in rows:
        row.update(bbox=str(row["bbox"]), question_id=int(row["question_id"]))
    rows[5]["bbox"] = "[1, 2"
    types = {"bbox": pa.string(), "question_id": pa.int64()}
    write_parquet(tmp_path / "set" / FILES["lmms-refcoco"], "lmms-refcoco", rows, types)
    dataset = load(tmp_path / "set")
    assert dataset.samples[0].id == "7000#0"
    assert [p.entry for p in dataset.problems] == ["row 6"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"solution": None}, r"fit no layout. Columns: .*normal_caption \(string\).* Layouts: lmms-refcoco \("),
        ({"solution": pa.string()}, None),
        ({"width": pa.string()}, "width is string, a whole number is meant"),
        ({"normal_caption": pa.list_(pa.string())}, r"normal_caption is list<.*>, a text is meant"),
        ({"image": pa.string()}, "image is string, the Hub's image"),
        ({"solution": pa.list_(pa.string())}, "solution is list<.*>, a list of numbers"),
    ],
)
def test_columns_of_other_types_are_an_error_that_names_them(
    changes: dict[str, Any], message: str | None, tmp_path: Path
) -> None:
    rows = rows_of("ref-adv-s")
    for row in rows:
        for column, type_ in changes.items():
            row[column] = [str(row[column])] if type_ and pa.types.is_list(type_) else str(row[column])
    write_parquet(tmp_path / "set" / "test.parquet", "ref-adv-s", rows, changes)
    if message is None:
        assert len(load(tmp_path / "set").samples) == 6
        return
    with pytest.raises((ConfigError, DataError), match=message):
        load(tmp_path / "set")


def test_a_named_layout_that_does_not_fit_is_an_error(tmp_path: Path) -> None:
    config = load_dataset(str(repository(tmp_path / "set", "ref-adv-s")))
    with pytest.raises(ConfigError, match="unknown layout 'yolo'; there are: lmms-refcoco, ref-adv-s"):
        load_dataset_split(config.model_copy(update={"layout": "yolo"}))
    with pytest.raises(DataError, match=r"the layout groundingme needs id, description, bbox, subtask_l1. Columns: "):
        load_dataset_split(config.model_copy(update={"layout": "groundingme"}))


def test_no_file_has_the_columns_of_two_layouts() -> None:
    for one in LAYOUTS.values():
        others = [other.name for other in LAYOUTS.values() if other.needs.keys() <= one.columns.keys()]
        assert others == [one.name]


def test_a_file_with_the_columns_of_two_layouts_is_not_guessed(tmp_path: Path) -> None:
    size = {"width": WIDTH, "height": HEIGHT}
    rows = [one | other | size for one, other in zip(rows_of("ref-adv-s"), rows_of("groundingme"))]
    types = {**SCHEMAS["ref-adv-s"], **SCHEMAS["groundingme"]}
    write_parquet(tmp_path / "set" / "test.parquet", "ref-adv-s", rows, types)
    with pytest.raises(ConfigError, match=r"the columns of several layouts \(ref-adv-s, groundingme\); name one"):
        load(tmp_path / "set")


OWN: list[tuple[dict[str, Any], str | None]] = [
    ({"truth": "maybe"}, "truth is 'maybe'; box, absent or unknown is meant"),
    ({"truth": None}, "truth is None"),
    ({"truth": "absent"}, "truth is absent and there is a box"),
    ({"box": None}, "there is no box"),
    ({"level": 7}, "level is 7"),
    ({"truth": "absent", "box": None, "negative_kind": "sound"}, "negative_kind is 'sound'"),
    ({"truth": "absent", "box": None, "negative_type": ""}, "negative_type is ''"),
    ({"truth": "absent", "box": None}, None),
    ({"truth": "unknown", "box": None}, None),
    ({"file_name": None}, None),
    ({"file_name": "é" * 250 + ".jpg"}, None),
]


@pytest.mark.parametrize(("change", "message"), OWN, ids=[str(number) for number in range(len(OWN))])
def test_rows_of_our_own_layout(change: dict[str, Any], message: str | None, tmp_path: Path) -> None:
    types = {"image": IMAGE, "width": pa.int32(), "height": pa.int32(), "id": pa.string(), "expression": pa.string()}
    types |= {"truth": pa.string(), "box": pa.list_(pa.float64()), "level": pa.int8(), "file_name": pa.string()}
    types |= {"negative_kind": pa.string(), "negative_type": pa.string()}
    rows = [
        {"id": f"s{n}", "expression": "x", "truth": "box", "box": list(BOXES[n]), "image": {"bytes": picture(n)}}
        | {"width": WIDTH, "height": HEIGHT, "level": 1, "file_name": f"{n}.jpg"}
        for n in range(6)
    ]
    rows[1].update(change)
    nothing = dict.fromkeys(SCHEMAS["ref-adv-s"])
    write_parquet(tmp_path / "set" / "test.parquet", "ref-adv-s", rows, {**nothing, **types})
    dataset = load(tmp_path / "set")
    assert len(dataset.samples) == (6 if message is None else 5)
    assert [(p.entry, message in p.message) for p in dataset.problems if message] == (
        [("row 2", True)] if message else []
    )
    assert all(dataset.image_path(sample).is_file() for sample in dataset.samples)


def test_boxes_in_another_convention_are_an_error(tmp_path: Path) -> None:
    rows = rows_of("ref-adv-s")
    for (x1, y1, x2, y2), row in zip(BOXES, rows):
        row["solution"] = [x1 / WIDTH, y1 / HEIGHT, x2 / WIDTH, y2 / HEIGHT]
    with pytest.raises(DataError, match="all values are at most 1, as in norm1"):
        load(repository(tmp_path / "set", "ref-adv-s", rows))


def test_a_truncated_file_and_a_missing_shard_stop(tmp_path: Path) -> None:
    path = repository(tmp_path / "set", "ref-adv-s") / FILES["ref-adv-s"]
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=r"train-00000-of-00001.parquet is truncated or no parquet file"):
        load(tmp_path / "set")
    path.rename(path.with_name("train-00001-of-00003.parquet"))
    with pytest.raises(DataError, match=r"2 of 3 files of train are missing, the first: train-00000-of-00003.parquet"):
        load(tmp_path / "set")


def test_broken_pages_cost_their_rows_alone(tmp_path: Path) -> None:
    """The first row group is damaged; the footer and the second one are whole."""
    path = repository(tmp_path / "set", "ref-l4") / FILES["ref-l4"]
    content = bytearray(path.read_bytes())
    start = pa.parquet.ParquetFile(path).metadata.row_group(0).column(1).data_page_offset
    content[start : start + 40] = b"\xff" * 40
    path.write_bytes(bytes(content))
    dataset = load(tmp_path / "set")
    assert [p.entry for p in dataset.problems] == ["row 1", "row 2", "row 3", "row 4"]
    assert "cannot be read from the file" in dataset.problems[0].message
    assert [s.id for s in dataset.samples] == ["4", "5"]


def test_a_text_that_is_not_utf8_costs_its_row_alone(tmp_path: Path) -> None:
    rows = changed("ref-l4", lambda rows: rows[2].update(caption="QQQQ"))
    path = repository(tmp_path / "set", "ref-l4", rows) / FILES["ref-l4"]
    path.write_bytes(path.read_bytes().replace(b"QQQQ", b"\xff\xfe\xfd\xfc"))
    dataset = load(tmp_path / "set")
    assert [p.entry for p in dataset.problems] == ["row 3"]
    assert len(dataset.samples) == 5


def test_images_are_written_once_and_again_when_they_are_gone(
    tmp_path: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load(repository(tmp_path / "set", "ref-adv-s"))
    assert first.root.is_relative_to(own_home)
    assert not list(first.root.rglob("*.part*"))
    opened: list[Path] = []
    size_of = pictures.image_size
    monkeypatch.setattr(pictures, "image_size", lambda path: opened.append(path) or size_of(path))
    again = load(tmp_path / "set")
    assert (again.samples, again.sha256, opened) == (first.samples, first.sha256, [])
    os.remove(first.image_path(first.samples[3]))
    assert load(tmp_path / "set").samples == first.samples
    assert len(opened) == 6
    assert read_image(first.image_path(first.samples[3])).size == (WIDTH, HEIGHT)


def test_a_changed_file_is_read_anew(tmp_path: Path) -> None:
    first = load(repository(tmp_path / "set", "ref-adv-s"))
    rows = changed("ref-adv-s", lambda rows: rows[0].update(image={"bytes": picture(9)}))
    second = load(repository(tmp_path / "set", "ref-adv-s", rows))
    assert second.sha256 != first.sha256
    assert second.image_path(second.samples[0]).read_bytes() == picture(9)


def test_equal_rows_in_two_shards_are_counted(tmp_path: Path) -> None:
    for shard in range(2):
        write_parquet(tmp_path / "set" / f"test-{shard:05}-of-00002.parquet", "ref-adv-s", rows_of("ref-adv-s"))
    dataset = load(tmp_path / "set")
    assert len(dataset.samples) == 6
    assert len(dataset.problems) == 6
    assert "test-00001-of-00002.parquet: entry 0: this id is taken by an earlier entry" in str(dataset.problems[0])


def test_images_may_be_bytes_alone(tmp_path: Path) -> None:
    rows = rows_of("groundingme")
    for row in rows:
        row["image"] = row["image"]["bytes"]
    write_parquet(tmp_path / "set" / FILES["groundingme"], "groundingme", rows, {"image": pa.binary()})
    assert len(load(tmp_path / "set").samples) == 6
    assert pa.types.is_struct(IMAGE)


def test_a_huge_image_is_a_problem_and_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("finecops.images.MAX_PIXELS", WIDTH * HEIGHT - 1)
    with pytest.raises(DataError, match=r"row 1: the image has 140x120 pixels; the limit is 16799"):
        load(repository(tmp_path / "set", "ref-adv-s"))


def test_without_pyarrow_the_error_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = repository(tmp_path / "set", "ref-adv-s")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    with pytest.raises(DataError, match=r"parquet files need pyarrow: pip install -e '\.\[hub\]'"):
        load(folder)
