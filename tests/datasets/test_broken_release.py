"""A release of FineCops-Ref with something broken: counted, named with file and entry, the rest unharmed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from finecops.errors import DataError
from tests.builders_finecops_ref import Change, change, dataset_file, read, release
from tests.cli.invoke import run

ALL = "test_expression_all_coco_format.json"


def entry(content: Any, number: int) -> Any:
    return content["annotations"][number - 1]


NEGATIVE = "entry 9: the negative's fields are broken: "
BROKEN: dict[str, tuple[Change, str]] = {
    "a box that is a text": (lambda c: entry(c, 2).update(bbox="20,30,40,35"), "entry 2: bbox is '20,30,40,35'"),
    "a box in another order": (
        lambda c: entry(c, 2).update(bbox=[60, 65, -4, 5]),
        "2: bbox [60, 65, -4, 5] has",
    ),
    "a box of corners": (lambda c: entry(c, 2).update(bbox=[80, 80, 99, 99]), "(xywh) extends 89 pixels beyond the"),
    "a level that is a text": (lambda c: entry(c, 2).update(level="one"), "entry 2: level is 'one'"),
    "a tuple type that is a number": (lambda c: entry(c, 2).update(tuple_type=7), "entry 2: tuple_type is 7"),
    "no expression": (lambda c: c["images"][1].pop("caption"), "entry 2: the image entry has no caption"),
    "a width that is a text": (lambda c: c["images"][1].update(width="9"), "entry 2: width and height are '9' and 90"),
    "a name that leads out": (lambda c: c["images"][1].update(file_name="../x.jpg"), "entry 2: of the image: the name"),
    "no annotation": (lambda c: c["annotations"].pop(1), "entry 2: 0 annotations; there must be exactly one"),
    "an unknown kind": (lambda c: entry(c, 9).update(negative_cate="audio"), NEGATIVE + "negative_cate is 'audio'; it"),
    "a negative without type": (lambda c: entry(c, 9).pop("negative_type"), NEGATIVE + "negative_type is None"),
    "a negative of level 3": (lambda c: entry(c, 9).update(negative_level=3), "entry 9: negative_level is 3; it must"),
    "no such positive": (lambda c: entry(c, 9).update(positive_id=77), "entry 9: its positive 77 is not in the split"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_entry_is_named_and_the_others_are_unharmed(tmp_path: Path, case: str) -> None:
    how, message = BROKEN[case]
    root = release(tmp_path / "ref")
    intact = {sample.id: sample for sample in read(root)}
    change(root / ALL, how)
    code, text = run("data", "check", dataset_file(tmp_path, root), "--split", "test")
    assert code == 1
    assert message in text
    assert f"{root}/{ALL}: entry " in text
    read_again = {sample.id: sample for sample in read(root)}
    different = {id_ for id_ in intact if read_again.get(id_) != intact[id_]}
    assert different == ({"9"} if "entry 9" in message else {"2"})
    # A left out entry is a difference too: nothing is dropped in silence.
    if len(read_again) < len(intact):
        assert ": expected " in text


def as_texts(content: Any) -> None:
    for image, annotation in zip(content["images"], content["annotations"], strict=True):
        image["id"] = str(image["id"])
        annotation["image_id"], annotation["id"] = image["id"], image["id"]
        if "positive_id" in annotation:
            annotation["positive_id"] = str(annotation["positive_id"])


def test_ids_may_be_numbers_or_texts(tmp_path: Path) -> None:
    root = release(tmp_path)
    before = read(root)
    change(root / ALL, as_texts)
    assert read(root) == before


def test_a_truncated_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    root = release(tmp_path / "ref")
    for name in (ALL, "test_expression_all.json"):
        (root / name).write_bytes((root / name).read_bytes()[:3000])
    for command in (("sfa", "run"), ("data", "check")):
        code, text = run(*command, "--dataset", dataset_file(tmp_path, root), "--split", "test")
        assert (code, f"{root}/{ALL} is not JSON" in text) == (1, True)
    release(root)
    (root / "test_expression_all.json").write_text('{"1": {"id": 1')
    code, text = run("data", "check", dataset_file(tmp_path, root))
    assert code == 1
    assert f"{root}/test_expression_all.json: entry -: the file is not JSON" in text
    assert "test: 25 samples, 12 images: 0 problems" in text


def test_a_vanilla_file_in_place_of_the_coco_file_is_named(tmp_path: Path) -> None:
    root = release(tmp_path)
    (root / ALL).write_bytes((root / "test_expression_all.json").read_bytes())
    with pytest.raises(DataError, match=r"vanilla format, which has no boxes; give the file \*_coco_format.json"):
        read(root)


def test_an_image_of_another_size_is_named(tmp_path: Path) -> None:
    root = release(tmp_path / "ref")
    Image.new("RGB", (50, 40)).save(root / "neg_images" / "neg_20.jpg")
    (root / "neg_images" / "neg_21.jpg").write_bytes(b"\xff\xd8 no picture")
    code, text = run("data", "check", dataset_file(tmp_path, root), "--split", "test")
    assert code == 1
    assert f"{root}/neg_images/neg_20.jpg: entry 20: the image is 50x40, its entry says 100x100" in text
    assert f"{root}/neg_images/neg_21.jpg: entry 21: the image is broken" in text
    assert "2 problems" in text


def test_boxes_that_leave_the_image_are_cut_and_counted(tmp_path: Path) -> None:
    """About five of the release do. They are no fault, as long as they are few."""
    root = release(tmp_path / "ref")

    def out(content: Any) -> None:
        # The image of entry 1 is 100 pixels wide.
        entry(content, 1)["bbox"] = [85, 30, 40, 35]
        entry(content, 2)["bbox"] = [-0.5, 30, 40, 35]

    named = dataset_file(tmp_path, root)
    change(root / ALL, out)
    samples = read(root)
    assert (samples[0].id, samples[0].box) == ("2", (0.0, 30.0, 39.5, 65.0))
    code, text = run("data", "check", named, "--split", "test")
    assert code == 1
    assert "entry 1: bbox [85, 30, 40, 35] (xywh) extends 25 pixels beyond the 100x100 image" in text
    change(root / ALL, lambda c: entry(c, 1).update(bbox=[65, 30, 40, 35]))
    assert read(root)[0].box == (65.0, 30.0, 100.0, 65.0)
    code, text = run("data", "check", named, "--split", "test")
    assert code == 0, text
    note = "1 boxes extend more than 1 pixel beyond their image, at most 5, and were cut to it; entries 1"
    assert f"note: {root}/{ALL}: entry 1: {note}" in text
    change(root / ALL, lambda c: [entry(c, i).update(bbox=[-10, 30, 40, 35]) for i in (1, 2)])
    code, text = run("data", "check", named, "--split", "test")
    assert code == 1
    assert "boxes that extend beyond their image: expected at most 1, found 2" in text


def test_unknown_types_are_kept_and_named(tmp_path: Path) -> None:
    root = release(tmp_path / "ref")

    def rename(content: Any) -> None:
        for annotation in content["annotations"]:
            if annotation.get("negative_type") == "relation":
                annotation["negative_type"] = "verb"
            if annotation["tuple_type"] == "and":
                annotation["tuple_type"] = "or"

    change(root / ALL, rename)
    samples = read(root)
    assert [s.negative.type for s in samples if s.negative].count("verb") == 2
    code, text = run("data", "check", dataset_file(tmp_path, root), "--split", "test")
    assert code == 1
    assert "test: 25 samples, 12 images: 0 problems" in text
    assert "entry 11: negative_type 'verb' is not known (known: object, attribute, relation, order, " in text
    assert "entry 4: tuple_type 'or' is not known (known: 0_hop, 1_hop, 2_hop, and, same_attr, " in text
    assert "negatives of type verb: expected 0, found 2" in text
    assert "negatives of type relation: expected 2, found 0" in text
