"""FineCops-Ref as it is published: words, vanilla rows, `finecops data check`, and broken releases."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from finecops.benchmark_words import NEGATIVE_TYPES, PUBLISHED_TYPES, type_inside, type_order, type_published
from finecops.config.find import load_dataset
from finecops.datasets.dataset import load_dataset_split
from finecops.datasets.image_folders import folders_with
from finecops.datasets.vanilla import vanilla_layout, vanilla_problems
from finecops.errors import ConfigError
from tests.builders_finecops_ref import change, dataset_file, read, release
from tests.cli.invoke import run

MINI_SAMPLES = {
    "test": "31f9f5315f7dabb8de9c69294a4fd7eeaa04b33759f4af10744df0221e7836bb",
    "val": "cb00bddcd989ee85878c5f2005207c6d37e756bc2030e007214d5b99762be10b",
    "test_long": "5d97cb9c8e6e271101117e583c69264d31735a82788f11970fd56f92020fb0f5",
    "test_short": "4478aaa328728635b3835aaf4e94d2adb2ba124f73425eaa1c69ce05c50952f2",
}
"""Checksums of finecops-mini's samples as they are read: neither a build nor a loader changes one unnoticed."""
ALL = "test_expression_all_coco_format.json"


def test_the_table_of_words_goes_both_ways() -> None:
    for word, name in PUBLISHED_TYPES.items():
        assert type_inside(word) == type_inside(name) == name
        assert type_published(name) == word
    assert (type_inside("colour"), type_published("colour")) == ("colour", "colour")
    assert sorted([*reversed(NEGATIVE_TYPES), "colour"], key=type_order) == [*NEGATIVE_TYPES, "colour"]


@pytest.mark.parametrize("split", MINI_SAMPLES)
def test_the_samples_of_finecops_mini_stay_what_they_are(split: str) -> None:
    samples = load_dataset_split(load_dataset("finecops-mini"), split).samples
    rows = "\n".join(sample.model_dump_json() for sample in samples)
    assert hashlib.sha256(rows.encode()).hexdigest() == MINI_SAMPLES[split]


def test_a_release_is_read_with_the_words_of_the_program(tmp_path: Path) -> None:
    samples = read(release(tmp_path))
    assert [s.level for s in samples if s.positive] == [1, 1, 1, 2, 2, 3]
    assert [s.tuple_type for s in samples if s.positive][-1] == "same_attr_two_hop"
    columns = [(s.negative.kind, s.negative.type, s.negative.level) for s in samples if s.negative]
    texts = [("text", type_, level) for type_ in NEGATIVE_TYPES[:5] for level in (1, 2)]
    images = [("image", type_, level) for _, type_, level in texts if "relation" not in type_]
    images.remove(("image", "swap_object", 2))
    assert columns == [*texts, *images, ("image", "flip", 1), ("image", "flip", 2)]
    assert {s.negative.type for s in samples if s.negative} == set(NEGATIVE_TYPES)
    assert samples[-1].image == "neg_images/neg_25.jpg"
    assert samples[0].image == "images/2370800.jpg"


def test_own_words_in_the_same_layout_give_the_same_samples(tmp_path: Path) -> None:
    before = read(release(tmp_path))
    path = tmp_path / ALL

    def own(content: Any) -> None:
        for annotation in content["annotations"]:
            if "negative_type" in annotation:
                annotation["negative_type"] = type_inside(annotation["negative_type"])
                annotation["negative_cate"] = {"image": "img", "text": "expression"}[annotation["negative_cate"]]

    change(path, own)
    assert read(tmp_path) == before


@pytest.mark.parametrize("folder", ["neg_images", "negative_images", "images", "neg_images/home/out/neg_images", "."])
def test_negative_images_are_found_wherever_the_archive_was_unpacked(tmp_path: Path, folder: str) -> None:
    root = release(tmp_path / "ref", folder)
    code, text = run("data", "check", "--split", "test", "--dataset", dataset_file(tmp_path, root))
    assert (code, "12 images: 0 problems" in text) == (0, True), text


def test_links_and_hidden_folders_are_not_searched(tmp_path: Path) -> None:
    for folder in ("root/deep/er", "root/.hidden", "outside"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "neg_1.jpg").touch()
    (tmp_path / "root" / "link").symlink_to(tmp_path / "outside")
    (tmp_path / "root" / "deep" / "neg_folder.jpg").mkdir()
    assert folders_with(tmp_path / "root", ["neg_*.jpg"]) == ("deep/er",)
    assert folders_with(tmp_path / "root", ["neg_*.jpg"], known=["deep/er"]) == ()
    assert folders_with(tmp_path / "root", []) == ()
    assert folders_with(tmp_path / "nowhere", ["neg_*.jpg"]) == ()


def test_a_complete_release_is_checked(tmp_path: Path) -> None:
    root = release(tmp_path / "ref")
    code, text = run("data", "check", dataset_file(tmp_path, root))
    assert code == 0, text
    assert "test: 25 samples, 12 images: 0 problems\n  as in the release: 22 of 22 values" in text
    assert "val: 16 samples, 3 images: 0 problems" in text
    assert "test_expression_all.json: 25 vanilla rows (published layout, an object keyed by id)" in text
    assert "expected" not in text
    assert "not here" not in text


def test_a_difference_from_the_release_is_a_line_and_exit_code_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The numbers of the real release, on a small one."""
    root = release(tmp_path / "data" / "finecops-ref")
    (root / "expression_all_train_set_coco_format.json").unlink()
    size = (root / "test_expression_all.json").stat().st_size
    monkeypatch.chdir(tmp_path)
    code, text = run("data", "check", "finecops-ref", "--no-images")
    assert code == 1
    for what, expected, found in [
        ("positives", 9605, 6),
        ("negative texts", 9814, 10),
        ("negative images", 8507, 9),
        ("positives of level 3", 471, 1),
        ("positives of tuple type same_attr_two_hop", 227, 1),
        ("negatives of type swap_attr", 1155, 4),
        ("negatives of level 2", 5595, 9),
        ("bytes of test_expression_all.json", 12127597, size),
        ("positives of level 2", 2884, 2),
    ]:  # fmt: skip
        assert f"  {what}: expected {expected}, found {found}\n" in text
    assert f"MD5 of {ALL}: expected 6ee0ae6d2cbd5056120b9dfecca2b44f, found " in text
    train = "expression_all_train_set_coco_format.json"
    assert f"not here: {train}; it belongs in data/finecops-ref/" in text
    assert "CC BY 4.0" in text
    code, text = run("data", "check", "finecops-ref", "--no-images", "--split", "val")
    assert "here: expression_all_val_set_coco_format.json, expression_all_val_set.json\n" in text
    assert "not here" not in text


def test_the_dataset_is_an_argument_or_an_option(tmp_path: Path) -> None:
    named = dataset_file(tmp_path, release(tmp_path / "ref"))
    assert run("data", "check", named) == run("data", "check", "--dataset", named) == run(
        "data", "check", named, "-d", named
    )  # fmt: skip
    assert run("data", "check", named, "-d", "finecops-mini")[0] == 2


def test_a_release_that_is_not_here_says_what_to_get(tmp_path: Path) -> None:
    code, text = run("data", "check", dataset_file(tmp_path, tmp_path / "nowhere"))
    assert code == 1
    for word in (ALL, "https://figshare.com/ndownloader/articles/26048050", "neg_images.tgz", "gqa/images.zip"):
        assert word in text


def test_missing_images_are_counted_and_what_to_get_is_said(tmp_path: Path) -> None:
    root = release(tmp_path / "ref")
    for path in (root / "neg_images").iterdir():
        path.unlink()
    (root / "images" / "2370799.jpg").unlink()
    code, text = run("data", "check", dataset_file(tmp_path, root), "--split", "test")
    assert code == 1
    assert "10 of 12 images are missing" in text
    assert f"{root}/images/2370799.jpg: entry 3: the image is missing (5 entries)" in text
    assert "images/neg_17.jpg: entry 17: the image is missing\n" in text
    assert "unpack neg_images.tgz anywhere below that folder" in text


ROW = {
    "id": 1,
    "image_id": "2370799",
    "objects_id": ["3"],
    "tuple": [["car"]],
    "tuple_type": "0_hop",
    "level": 1,
    "spatial": "",
    "attribute": [["red"]],
    "expression": "the car",
}
OWN = ROW | {"spatial": False, "attribute": True}


@pytest.mark.parametrize(
    ("content", "layout", "messages"),
    [
        ({"1": ROW, "2": ROW | {"id": "2", "attribute": [None, []]}}, "published", []),
        ([OWN, OWN | {"id": 2}], "list", []),
        ([ROW], "list", []),
        ({"1": OWN}, "published", ["spatial is False; a text", "attribute is True; a list of words for each object"]),
        ({"1": ROW | {"attribute": ["red"]}}, "published", ["attribute is ['red']"]),
        ({"7": ROW}, "published", ["entry 1: its key is '7', its id 1"]),
        ({"1": ROW, "2": ROW}, "published", ["its key is '2', its id 1", "this id is taken by an earlier row"]),
        ({"1": ROW, "x": "x"}, "published", ["entry x: not a JSON object"]),
        ([OWN, "x"], "list", ["entry number 1: not a JSON object"]),
        (
            {"1": ROW | {"negative_cate": "text"}},
            "published",
            [f"without {x}" for x in ("positive_id", "negative_level", "negative_type", "shuffle_index", "ori_type")],
        ),
        ({"1": ROW | {"image_id": ["a"]}}, "published", ["image_id is ['a']"]),
        ({"images": [], "annotations": []}, None, []),
        ({"1": {"x": 1}}, None, []),
        ([1, "x"], None, []),
    ],
)  # fmt: skip
def test_vanilla_rows(content: Any, layout: str | None, messages: list[str]) -> None:
    found = vanilla_layout(content)
    assert found == layout
    if found is not None:
        problems = vanilla_problems(Path("vanilla.json"), content, found)
        assert len(problems) == len(messages)
        for problem, message in zip(problems, messages, strict=True):
            assert message in str(problem)


def test_the_check_says_which_layout_a_vanilla_file_has(tmp_path: Path) -> None:
    root = release(tmp_path / "ref")
    own = tmp_path / "own.json"
    own.write_text(json.dumps([OWN, OWN | {"id": 2}]))
    published = str(root / "test_expression_all.json")
    code, text = run("data", "check", "--annotations", str(own), "--annotations", published)
    assert code == 0, text
    assert "2 vanilla rows (a list, the layout of finecops before the published one)" in text
    assert "25 vanilla rows (published layout, an object keyed by id)" in text


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"splits": {"test": {"positives": "many"}}}, "positives"),
        ({"splits": {"test": {"positive": 3}}}, "positive"),
        ({"files": {"../x.json": {}}}, "files"),
        ({"files": {"x.json": {"md5": "12"}}}, "md5"),
        ({"splits": {"test": {"levels": {0: 5}}}}, "levels"),
    ],
)
def test_a_release_section_is_validated(tmp_path: Path, section: dict[str, Any], message: str) -> None:
    named = dataset_file(tmp_path, tmp_path, release={"source": "x"} | section)
    with pytest.raises(ConfigError, match=message):
        load_dataset(named)
