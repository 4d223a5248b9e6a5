"""Both file formats: the exact keys and values of each kind of row, and the layout of the text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from finecops.construction.description import Description, Edge, Node
from finecops.construction.formats import (
    coco_entry,
    write_coco,
    write_json,
    write_vanilla,
)
from finecops.mini.builder.image_edits import ImageEdit
from finecops.mini.builder.negatives import NegativeExpression
from finecops.mini.builder.positives import Positive
from finecops.mini.builder.rows import negative_expression_row, negative_image_row, positive_row
from finecops.mini.builder.templates import Expression, Wording
from tests.conftest import make_graph

GRAPH = make_graph(("1", "cup", "red", "left of>2"), ("2", "tree", "", ""))
CUP_LEFT_OF_TREE = Description("1_hop", (Node("cup", ("red",)), Node("tree")), (Edge("left of", 0, 1),))
POSITIVE = Positive(
    id=7,
    graph=GRAPH,
    description=CUP_LEFT_OF_TREE,
    wording=Wording("{T} {r1} {O1}", (0,)),
    expression=Expression("the red cup left of the tree", ((4, 11), (24, 28))),
    object_ids=("1", "2"),
    level=2,
)
ROW = {
    "id": 7,
    "image_id": "img",
    "objects_id": ["1", "2"],
    "tuple": [["cup", ["red"]], "left of", ["tree", []]],
    "tuple_type": "1_hop",
    "spatial": "",
    "attribute": [["red"], []],
    "level": 2,
    "expression": "the red cup left of the tree",
}
NEGATIVE = NegativeExpression(
    POSITIVE, "replace_object", 2, CUP_LEFT_OF_TREE.with_node(1, Node("car")), "the red cup left of the car", 1
)
EDIT = ImageEdit(POSITIVE, "swap_object", 1, GRAPH, (0, 1))


def test_a_positive() -> None:
    row = positive_row(POSITIVE)
    assert list(row.items()) == list(ROW.items())  # the order of the keys is part of the format


def test_a_negative_expression() -> None:
    expected = ROW | {
        "id": 9,
        "tuple": [["cup", ["red"]], "left of", ["car", []]],
        "expression": "the red cup left of the car",
        "positive_id": 7,
        "negative_level": 2,
        "negative_type": "object",
        "shuffle_index": [1],
        "ori_type": "1_hop",
        "negative_cate": "text",
    }
    assert list(negative_expression_row(NEGATIVE, 9).items()) == list(expected.items())


def test_a_negative_image() -> None:
    expected = ROW | {
        "id": 11,
        "image_id": "img~11",
        "positive_id": 7,
        "negative_level": 1,
        "negative_type": "order",
        "shuffle_index": [0, 1],
        "ori_type": "1_hop",
        "negative_cate": "image",
    }
    assert list(negative_image_row(EDIT, 11, "img~11").items()) == list(expected.items())


def test_a_row_has_the_attributes_of_each_object() -> None:
    nodes = (Node("cup"), Node("tree", ("big", "green")), Node("cup", ("red",)))
    description = Description("2_hop", nodes, (Edge("left of", 0, 1), Edge("above", 1, 2)))
    row = positive_row(Positive(1, GRAPH, description, POSITIVE.wording, POSITIVE.expression, ("1",), 1))
    assert (row["spatial"], row["attribute"]) == ("", [[], ["big", "green"], ["red"]])


def test_a_coco_entry_of_a_positive() -> None:
    image, annotation = coco_entry(positive_row(POSITIVE), "img.png", (100, 80), (10, 20, 30, 5))
    assert list(image.items()) == [
        ("id", 7),
        ("file_name", "img.png"),
        ("width", 100),
        ("height", 80),
        ("caption", "the red cup left of the tree"),
        ("original_img_id", "img"),
        ("dataset_name", "finecops"),
    ]
    assert list(annotation.items()) == [
        ("id", 7),
        ("image_id", 7),
        ("category_id", 1),
        ("bbox", [10.0, 20.0, 30.0, 5.0]),
        ("area", 150.0),
        ("iscrowd", 0),
        ("level", 2),
        ("tuple_type", "1_hop"),
    ]


def test_a_coco_entry_of_a_negative_has_its_fields_too() -> None:
    row = negative_expression_row(NEGATIVE, 9)
    image, annotation = coco_entry(row, "img.png", (100, 80), (10, 20, 30, 5))
    assert image["id"] == annotation["image_id"] == annotation["id"] == 9
    assert list(annotation.items())[-5:] == [
        ("positive_id", 7),
        ("negative_level", 2),
        ("negative_type", "object"),
        ("negative_cate", "text"),
        ("ori_type", "1_hop"),
    ]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ({}, "{}\n"),
        ({"7": {"a": 1}, "8": {"é": [1, 2]}}, '{"7":{"a":1},\n"8":{"é":[1,2]}}\n'),
        ({"info": {"x": 1}, "rows": [1, 2], "none": []}, '{"info":{"x":1},\n"rows":[\n1,\n2\n],\n"none":[]}\n'),
    ],
)
def test_one_line_per_entry(content: dict[str, object], text: str, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "x.json"
    write_json(path, content)
    assert path.read_text(encoding="utf-8") == text
    assert json.loads(text) == content


def test_a_vanilla_file_is_keyed_by_id(tmp_path: Path) -> None:
    write_vanilla(tmp_path / "x.json", [positive_row(POSITIVE)])
    assert json.loads((tmp_path / "x.json").read_text()) == {"7": ROW}


def test_a_coco_file(tmp_path: Path) -> None:
    entry = coco_entry(positive_row(POSITIVE), "img.png", (100, 80), (10, 20, 30, 5))
    write_coco(tmp_path / "x.json", iter([entry]))
    content = json.loads((tmp_path / "x.json").read_text())
    assert list(content) == ["info", "images", "annotations", "categories"]
    assert content["images"] == [entry[0]]
    assert content["annotations"] == [entry[1]]
    assert content["categories"] == [{"id": 1, "name": "object"}]
