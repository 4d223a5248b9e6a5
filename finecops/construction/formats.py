"""Rows of the benchmark in FineCops-Ref's two formats: vanilla, and COCO in MDETR's style.

Types of negatives have the published words (`finecops.benchmark_words`). The order of the keys is part of the format
here: two builds are compared byte by byte.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypedDict

from finecops.construction.description import Description
from finecops.runs.jsonl import open_new


class _PositiveFields(TypedDict):
    id: int
    image_id: str
    objects_id: list[str]
    tuple: list[Any]
    tuple_type: str
    spatial: str
    attribute: list[list[str]]
    level: int
    expression: str


class VanillaRow(_PositiveFields, total=False):
    """A row of a vanilla file; only negatives have the keys from `positive_id` on.

    `tuple` is node 0, then each relation with its node; a node is its name and the list of its attributes. `objects_id`
    has the target first. `spatial` is reserved, as in the release, and empty; `attribute` has the attributes of each
    object of the tuple. `shuffle_index` says which parts of the tuple were changed. `level` is the positive's.
    """

    positive_id: int
    negative_level: int
    negative_type: str
    shuffle_index: list[int]
    ori_type: str
    negative_cate: str


def tuple_of(description: Description) -> list[Any]:
    """The `tuple` of a description."""
    parts: list[Any] = [[description.nodes[0].name, list(description.nodes[0].attributes)]]
    for edge in description.edges:
        tail = description.nodes[edge.tail]
        parts += [edge.relation, [tail.name, list(tail.attributes)]]
    return parts


class CocoImage(TypedDict):
    """An image entry of a COCO file in MDETR's style: one per expression, which is its `caption`."""

    id: int
    file_name: str
    width: int
    height: int
    caption: str
    original_img_id: str
    dataset_name: str


class _CocoBox(TypedDict):
    id: int
    image_id: int
    category_id: int
    bbox: list[float]
    area: float
    iscrowd: int
    level: int
    tuple_type: str


class CocoAnnotation(_CocoBox, total=False):
    """The annotation of an expression; only negatives have the keys from `positive_id` on."""

    positive_id: int
    negative_level: int
    negative_type: str
    negative_cate: str
    ori_type: str


CocoEntry = tuple[CocoImage, CocoAnnotation]


def coco_entry(row: VanillaRow, file_name: str, image_wh: tuple[int, int], bbox_xywh: Iterable[float]) -> CocoEntry:
    """A vanilla row as an (image, annotation) pair in COCO's format, MDETR's style.

    Every expression is an image entry of its own, with the expression as `caption` and one annotation; ids are the
    row's. The `bbox` (xywh, pixels) of a negative is the box of its positive. It is no answer, only where a careless
    model points.
    """
    width, height = image_wh
    box = [float(v) for v in bbox_xywh]
    image: CocoImage = {
        "id": row["id"],
        "file_name": file_name,
        "width": width,
        "height": height,
        "caption": row["expression"],
        "original_img_id": row["image_id"],
        "dataset_name": "finecops",
    }
    annotation: CocoAnnotation = {
        "id": row["id"],
        "image_id": row["id"],
        "category_id": 1,
        "bbox": box,
        "area": box[2] * box[3],
        "iscrowd": 0,
        "level": row["level"],
        "tuple_type": row["tuple_type"],
    }
    # `positive_id` alone decides: a row has all keys of a negative or none of them.
    if "positive_id" in row:
        annotation["positive_id"] = row["positive_id"]
        annotation["negative_level"] = row["negative_level"]
        annotation["negative_type"] = row["negative_type"]
        annotation["negative_cate"] = row["negative_cate"]
        annotation["ori_type"] = row["ori_type"]
    return image, annotation


def write_coco(path: Path, entries: Iterable[CocoEntry]) -> None:
    """Write a COCO annotation file from (image, annotation) pairs."""
    pairs = list(entries)
    content = {
        "info": {"description": "FineCops-Ref format: one image entry and one annotation per expression"},
        "images": [image for image, _ in pairs],
        "annotations": [annotation for _, annotation in pairs],
        "categories": [{"id": 1, "name": "object"}],
    }
    write_json(path, content)


def write_vanilla(path: Path, rows: Iterable[VanillaRow]) -> None:
    """Write a vanilla file: the rows keyed by their id as a text, one line each."""
    write_json(path, {str(row["id"]): row for row in rows})


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a compact JSON object with one line per key, and per entry of a list, so that a diff can be read."""
    path.parent.mkdir(parents=True, exist_ok=True)

    def dump(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    # One line per row: a change of one row is one line in a diff. The whole text of a training set is hundreds of MB.
    part = path.with_name(f".{path.name}.part")
    # A new file under another name first: nothing is written through a link, and what is there is whole.
    with open_new(part) as file:
        before = "{"
        for key, value in content.items():
            file.write(f"{before}{dump(key)}:")
            before = ",\n"
            if isinstance(value, list) and value:
                file.write("[\n")
                for number, row in enumerate(value):
                    file.write(f",\n{dump(row)}" if number else dump(row))
                file.write("\n]")
            else:
                file.write(dump(value))
        file.write("}\n" if content else "{}\n")
    os.replace(part, path)
