"""Each benchmark as it is published: what is read from it, and what a user sees where something is missing."""

from __future__ import annotations

import gzip
import logging
import re
from pathlib import Path
from typing import Any

import pytest

from finecops.datasets.dataset import load_dataset_split
from finecops.errors import DataError
from tests.datasets.releases import (
    BOXES,
    EXPRESSIONS,
    RELEASES,
    SPLITS,
    WH,
    adv_entry,
    coco_name,
    cops_ref,
    cops_ref_entry,
    dataset,
    easy_hard,
    gqa_graph,
    picture,
    reasoning_entry,
    ref_adv,
    ref_reasoning,
    write,
)


def xyxy(number: int) -> tuple[float, ...]:
    x, y, w, h = BOXES[number]
    return (x, y, x + w, y + h)


@pytest.mark.parametrize("name", RELEASES)
def test_a_release_is_read_completely(tmp_path: Path, name: str) -> None:
    found = load_dataset_split(RELEASES[name](tmp_path), SPLITS.get(name))
    positives = [sample for sample in found.samples if sample.positive]
    # Of Cops-Ref's six referents one was discarded by its authors.
    count = 5 if name == "cops-ref" else 6
    assert [(s.expression, s.box) for s in positives] == [(EXPRESSIONS[i], xyxy(i)) for i in range(count)]
    assert (found.problems, found.notes) == ((), ())
    assert {(s.width, s.height) for s in positives} == {WH}
    assert all(found.image_path(sample).is_file() for sample in found.samples)


def test_ref_adv_means_the_candidate_of_its_expression(tmp_path: Path) -> None:
    sample = load_dataset_split(ref_adv(tmp_path)).samples[0]
    # annID and GT_bbox_number are the original expression's.
    assert (sample.id, sample.box, sample.image) == ("H0_7", xyxy(0), f"train2014/{coco_name(0)}")


def test_images_of_coco_2017_are_found_by_their_own_names(tmp_path: Path) -> None:
    config = ref_adv(tmp_path)
    (tmp_path / "train2014" / coco_name(1)).unlink()
    (tmp_path / "train2014" / coco_name(2)).unlink()
    picture(tmp_path / "train2017" / f"{1:012d}.jpg")
    picture(tmp_path / "val2017" / f"{2:012d}.jpg")
    images = [sample.image for sample in load_dataset_split(config).samples]
    assert images[:3] == [f"train2014/{coco_name(0)}", f"train2017/{1:012d}.jpg", f"val2017/{2:012d}.jpg"]


def test_sizes_come_from_instances_where_an_image_is_not_there(tmp_path: Path) -> None:
    config = ref_adv(tmp_path)
    (tmp_path / "train2014" / coco_name(4)).unlink()
    (problem,) = load_dataset_split(config).problems
    assert problem.entry == "H4_7"
    assert f"{coco_name(4)} is missing" in problem.message
    assert "for its size, COCO's train2014 images or instances_train2014.json are needed" in problem.message
    images = [{"id": i, "file_name": coco_name(i), "width": WH[0], "height": WH[1], "license": 3} for i in range(6)]
    annotations = [{"id": 1, "image_id": 4, "bbox": [1, 1, 2, 2], "segmentation": [[1, 2, 3, 4]]}]
    write(tmp_path / "annotations/instances_train2014.json", {"images": images, "annotations": annotations})
    found = load_dataset_split(config)
    assert (len(found.samples), found.problems) == (6, ())


def test_the_easy_and_hard_sentences_of_ref_adv_have_mixed_types(tmp_path: Path) -> None:
    samples = load_dataset_split(easy_hard(tmp_path), "easy-hard").samples
    assert [(s.tuple_type, s.box, s.image) for s in samples] == [
        ("adv", xyxy(3), f"train2014/{coco_name(1)}"),
        ("easy", (1, 1, 21, 21), f"train2014/{coco_name(2)}"),
        ("hard", xyxy(3), f"train2014/{coco_name(3)}"),
    ]


def test_ref_reasoning_names_the_keys_that_it_does_not_use(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="finecops"):
        load_dataset_split(ref_reasoning(tmp_path))
    assert "keys that are not used: 'referent' (6), 'num_nodes' (6)" in caplog.text


@pytest.mark.parametrize("table", ["gt_objects_info.json", "val_sceneGraphs.json", "../gqa/val_sceneGraphs.json.gz"])
def test_ref_reasoning_takes_sizes_from_tables_too(tmp_path: Path, table: str) -> None:
    root = tmp_path / "ref-reasoning"
    config = ref_reasoning(root)
    (root / "images/2300002.jpg").unlink()
    assert [p.entry for p in load_dataset_split(config).problems] == ["72"]
    info = {"2300002": {"width": WH[0], "height": WH[1], "objectsNum": 3, "file": 0, "idx": 1}}
    path = root / table
    write(path, info if "info" in table else {"2300002": gqa_graph([[1, 1, 5, 5]])})
    if table.endswith(".gz"):
        path.write_bytes(gzip.compress(path.read_bytes()))
    found = load_dataset_split(config)
    assert (len(found.samples), found.problems) == (6, ())


@pytest.mark.parametrize("order", ["xyhw", "xywh"])
def test_cops_ref_finds_the_order_of_its_boxes_on_the_graphs(
    tmp_path: Path, order: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="finecops"):
        found = load_dataset_split(cops_ref(tmp_path, order=order))
    assert found.samples[0].box == xyxy(0)
    assert f"read as {order}" in caplog.text
    assert "1 referents of test have valid_flag -1" in caplog.text


def test_cops_ref_has_its_distractors_as_negative_images(tmp_path: Path) -> None:
    found = load_dataset_split(cops_ref(tmp_path))
    negatives = [sample for sample in found.samples if sample.negative]
    assert len(negatives) == 5 * 4 * 2
    first = negatives[0]
    assert first.negative is not None
    assert first.negative.model_dump() == {"kind": "image", "type": "catAndcat", "level": None, "positive_id": "40"}
    assert (first.id, first.expression, first.image) == ("40-catAndcat-1", EXPRESSIONS[0], "images/5000.jpg")
    assert (first.width, first.height, first.truth, first.box) == (100, 90, "absent", None)
    assert {s.negative.type for s in negatives if s.negative} == {"catAndcat", "catAndAttr", "cat", "random"}


@pytest.mark.parametrize(("distractors", "count"), [(0, 5), (1, 5 + 5 * 4), (3, 5 + 5 * 4 * 2)])
def test_the_number_of_distractors_is_a_setting(tmp_path: Path, distractors: int, count: int) -> None:
    assert len(load_dataset_split(cops_ref(tmp_path, distractors=distractors)).samples) == count


def test_cops_ref_without_graphs_is_refused_with_what_to_put_where(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"val_sceneGraphs\.json \(sceneGraphs\.zip of GQA's.*into .*or .*gqa/"):
        load_dataset_split(cops_ref(tmp_path, graphs=False))


@pytest.mark.parametrize(
    ("orders", "message"),
    [
        (["xyhw", "xywh"] * 3, "of 5 boxes that could be compared .* 2 are an object's as .* and 3 as"),
        (["xyhw", "xyhw"], "of 2 boxes .* 0 are .* and 2 as"),
    ],
)
def test_an_order_that_is_not_clear_is_not_chosen(tmp_path: Path, orders: list[str], message: str) -> None:
    refs = [cops_ref_entry(i, order) for i, order in enumerate(orders)]
    with pytest.raises(DataError, match=f"the order of h and w in its boxes is not clear: {message}"):
        load_dataset_split(cops_ref(tmp_path, refs))


def test_boxes_of_no_graph_decide_nothing(tmp_path: Path) -> None:
    refs = [cops_ref_entry(i, box=[60, 60, 11, 33]) for i in range(6)]
    with pytest.raises(DataError, match=r"0 are an object's .* and 0 as"):
        load_dataset_split(cops_ref(tmp_path, refs))


def test_of_two_layouts_only_the_first_is_read(tmp_path: Path) -> None:
    RELEASES["refcoco of MDETR"](tmp_path)
    found = load_dataset_split(RELEASES["refcoco of its authors"](tmp_path), "testA")
    assert [path.name for path in found.files] == ["refs(unc).p"]
    assert len(found.samples) == 6


@pytest.mark.parametrize(
    ("name", "file", "content", "message"),
    [
        ("ref-adv", "refcocog_adv_annotations.json", {"1": {"caption": "x"}}, "it is an object of 1 keys"),
        ("ref-adv", "refcocog_adv_annotations.json", [{"a": 1}], "it is a list of 1, .* is another dataset, ref-adv-s"),
        ("ref-reasoning", "test_expressions.json", {"1": {"words": "x"}}, "id → image_id, bbox, expression"),
        ("ref-reasoning", "test_expressions.json", [1], "it is a list of 1"),
        ("cops-ref", "refGQA_v0.json", {"images": []}, "key 'refs'.*it is an object of 1 keys"),
        ("cops-ref", "refGQA_v0.json", {"refs": [cops_ref_entry(0)]}, "has no split 'val'; there are: test"),
    ],
)
def test_another_layout_is_an_error_that_says_what_was_found(
    tmp_path: Path, name: str, file: str, content: Any, message: str
) -> None:
    write(tmp_path / file, content)
    with pytest.raises(DataError, match=message):
        load_dataset_split(dataset(name, tmp_path), "val" if "val" in message else None)


@pytest.mark.parametrize("name", ["ref-adv", "ref-reasoning", "cops-ref"])
def test_a_truncated_file_is_an_error_with_its_length(tmp_path: Path, name: str) -> None:
    config = RELEASES[name](tmp_path)
    path = tmp_path / config.splits["test"][0]
    path.write_bytes(path.read_bytes()[:700])
    with pytest.raises(DataError, match=r"is not JSON \(700 bytes\)"):
        load_dataset_split(config)


BAD = [
    # Ref-Adv
    ("ref-adv", {"most_confused_bbox_number": "9"}, "candidate 9 is not in the map"),
    ("ref-adv", {"most_confused_bbox_number": None}, "the candidate's number is None"),
    ("ref-adv", {"most_confused_bbox_number": 2}, None),
    ("ref-adv", {"bbox_candidates_map": '{"2": [1, 2'}, "the candidates are no JSON"),
    ("ref-adv", {"bbox_candidates_map": {"2": [1, 2, 3, 4]}}, None),
    ("ref-adv", {"bbox_candidates_map": '{"2": ["1", "2", "3.5", "4"]}'}, None),
    ("ref-adv", {"bbox_candidates_map": '{"2": [50, 50, 40, 10], "2": [1, 1, 2, 2]}'}, "stands twice"),
    ("ref-adv", {"bbox_candidates_map": '{"2": [90, 12, 200, 40]}'}, "beyond the 140x120 image"),
    ("ref-adv", {"bbox_candidates_map": '{"2": [50, 50, 0, 10]}'}, "has no area"),
    ("ref-adv", {"most_confused_bbox_GT_desc": ""}, "the expression is empty"),
    ("ref-adv", {"most_confused_bbox_GT_desc": 7}, "the expression is 7"),
    ("ref-adv", {"img_file_name": "../../etc/passwd"}, "leads out of the dataset's folder"),
    ("ref-adv", {"img_file_name": coco_name(77)}, "image .* is missing: for its size, .* are needed"),
    ("ref-adv", {"img_file_name": "small.jpg"}, "beyond the 20x10 image"),
    ("ref-adv", {"img_file_name": "broken.jpg"}, "image .* cannot be read"),
    ("ref-adv", None, "the entry is None, not an object"),
    ("ref-adv", {"label": "adv"}, None),
    # Ref-Reasoning
    ("ref-reasoning", {"image_id": 2300000}, None),
    ("ref-reasoning", {"image_id": "../2300000"}, "leads out of the dataset's folder"),
    ("ref-reasoning", {"image_id": "99"}, "image .* is missing: for its size, .* are needed"),
    ("ref-reasoning", {"image_id": "small"}, "beyond the 20x10 image"),
    ("ref-reasoning", {"bbox": "10,12,30,40"}, "it must be four numbers"),
    ("ref-reasoning", {"bbox": [10, 12, 30]}, "it must be four numbers"),
    ("ref-reasoning", {"bbox": [100, 100, 110, 119]}, "beyond the 140x120 image"),
    ("ref-reasoning", {"bbox": [40, 52, -30, 40]}, "has no area"),
    ("ref-reasoning", {"expression": ["a", "b"]}, "a text is meant"),
    ("ref-reasoning", [1], r"the entry is \[1\], not an object"),
    # Cops-Ref
    ("cops-ref", {"ref_id": "7", "valid_flag": "1"}, None),
    ("cops-ref", {"image_id": 2300001}, None),
    ("cops-ref", {"image_id": "1"}, "in none of GQA's scene graphs"),
    ("cops-ref", {"box": None}, "it must be four numbers"),
    ("cops-ref", {"box": [10, 12, 400, 40]}, "beyond the 140x120 image"),
    ("cops-ref", {"sentences": "the car"}, "a list of objects is meant"),
    ("cops-ref", {"sentences": [{"sent": "the car"}]}, "sent_id is None"),
    ("cops-ref", {"neg_img_list": ["5000"]}, "neg_img_list is .* an object of lists is meant"),
    ("cops-ref", {"neg_img_list": {"cat": "5000"}}, "the distractors 'cat' are '5000'"),
    ("cops-ref", {"neg_img_list": {"cat": ["1", None]}}, "image 1 is in none of GQA's scene graphs"),
    ("cops-ref", 5, "a referent that is 5"),
]


@pytest.mark.parametrize(("name", "changes", "message"), BAD)
def test_a_broken_entry_is_named_and_harms_no_other(
    tmp_path: Path, name: str, changes: Any, message: str | None
) -> None:
    build, make, folder = {
        "ref-adv": (adv_entry, ref_adv, "train2014"),
        "ref-reasoning": (reasoning_entry, ref_reasoning, "images"),
        "cops-ref": (cops_ref_entry, cops_ref, "images"),
    }[name]
    entries: list[Any] = [build(i) for i in range(6)]
    entries[1] = build(1, **changes) if isinstance(changes, dict) else changes
    content: Any = entries if name == "cops-ref" else {f"e{i}": entry for i, entry in enumerate(entries)}
    config = make(tmp_path, content)
    picture(tmp_path / folder / "small.jpg", (20, 10))
    (tmp_path / folder / "broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
    found = load_dataset_split(config.model_copy(update={"distractors": 1}))
    positives = [sample.expression for sample in found.samples if sample.positive]
    others = [EXPRESSIONS[i] for i in range(6) if i != 1]
    if message is None:
        assert (len(positives), found.problems) == (6, ())
        return
    assert set(others) <= set(positives)
    assert found.problems
    assert re.search(message, str(found.problems[0]))
    assert f"{config.splits['test'][0]}: entry " in str(found.problems[0])
