"""A small complete release of FineCops-Ref, in the layout of its published files.

Six positives over the three levels and all tuple types, a negative text in each column of the paper's Table IV and a
negative image in each of Table V's. Vanilla: an object keyed by id. COCO: an image entry per expression and an
annotation with the same id, with the vanilla keys beside `bbox` (xywh). Negative images are where `neg_images.tgz` has
them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from PIL import Image, ImageDraw

from finecops.config.find import load_dataset
from finecops.datasets.dataset import load_dataset_split
from finecops.records import Sample

Row = dict[str, Any]
Change = Callable[[dict[str, Any]], object]

TEXT_COLUMNS = [(t, level) for t in ("object", "attribute", "relation", "order", "swap_attr") for level in (1, 2)]
IMAGE_COLUMNS = [
    *[("object", 1), ("object", 2), ("attribute", 1), ("attribute", 2), ("order", 1)],
    *[("swap_attr", 1), ("swap_attr", 2), ("flip", 1), ("flip", 2)],
]
_RED, _TRUCK, _DOG = ["dog", ["red"]], ["truck", ["white"]], ["dog", []]
POSITIVES: list[tuple[str, int, str, list[Any]]] = [
    ("0_hop", 1, "the red dog", [_RED]),
    ("1_hop", 1, "The red dog to the left of the white truck.", [_RED, "to the left of", _TRUCK]),
    ("2_hop", 1, "the dog on the grass near a truck", [_DOG, "on", ["grass", []], "near", _TRUCK]),
    ("and", 2, "The red dog on the grass and near the truck", [_RED, "on", ["grass", []], "near", _TRUCK]),
    ("same_attr", 2, "the dog that has the same color as the truck", [_DOG, "same color", _TRUCK]),
    (
        *("same_attr_two_hop", 3, "the dog, which has the same color as the truck that is on the road"),
        [_DOG, "same color", _TRUCK, "on", ["road", []]],
    ),
]
SIZES = [(120, 90), (90, 120), (100, 100)]
"""Sizes of the photographs, which two positives share."""


def release(root: Path, negative_folder: str = "neg_images") -> Path:
    """Write the release into a folder, and give that folder.

    Args:
        root: the folder; images of GQA go to `images/`.
        negative_folder: where below it the negative images lie.
    """
    rows = list(_rows())
    by_id = {row["id"]: row for row in rows}
    for row in rows:
        negative = row["image_id"].startswith("neg_")
        folder = root / (negative_folder if negative else "images")
        folder.mkdir(parents=True, exist_ok=True)
        _draw(_wh(row, by_id), flipped=row.get("negative_type") == "flip").save(folder / f"{row['image_id']}.jpg")
    positives = [row for row in rows if "negative_cate" not in row]
    texts = [row for row in rows if row.get("negative_cate") == "text"]
    files = {
        "test_expression_all": rows,
        "test_expression_pos": positives,
        "expression_all_val_set": [*positives, *texts],
        "expression_pos_final_val_set": positives,
        "expression_all_train_set": [*positives, *texts],
    }
    for name, chosen in files.items():
        (root / f"{name}.json").write_text(json.dumps({str(row["id"]): row for row in chosen}))
        (root / f"{name}_coco_format.json").write_text(json.dumps(_coco(chosen, by_id)))
    return root


def dataset_file(folder: Path, root: Path, **changes: Any) -> str:
    """The YAML file of finecops-ref for a small release in `root`, with its numbers; `changes` replace fields."""
    config = load_dataset("finecops-ref").model_dump(mode="json", exclude_none=True)
    counts = {
        "positives": 6,
        "negative_texts": 10,
        "negative_images": 9,
        "images": 3,
        "levels": {1: 3, 2: 2, 3: 1},
        "tuple_types": {tuple_type: 1 for tuple_type, *_ in POSITIVES},
        "negative_types": {"object": 4, "attribute": 4, "relation": 2, "order": 3, "swap_attr": 4, "flip": 2},
        "negative_levels": {1: 10, 2: 9},
        "boxes_beyond_at_most": 1,
    }
    positives = {"positives": 6, "negative_texts": 0, "negative_images": 0, "levels": counts["levels"]}
    texts = {"positives": 6, "negative_texts": 10, "negative_images": 0}
    splits = {"test": counts, "test_pos": positives, "val": texts, "val_pos": positives, "train": texts}
    files = {name: {} for names in config["splits"].values() for name in names}
    files |= {"test_expression_all.json": {"rows": 25}, "test_expression_pos.json": {"rows": 6}}
    config |= {"root": str(root), "preset": "mini", "name": "small-ref"}
    config |= {"release": {"source": "a small release", "files": files, "splits": splits}} | changes
    path = folder / "small-ref.yaml"
    path.write_text(yaml.safe_dump(config))
    return str(path)


def read(root: Path) -> list[Sample]:
    """The samples of the release's test split."""
    return list(load_dataset_split(load_dataset("finecops-ref").model_copy(update={"root": root})).samples)


def change(path: Path, how: Change) -> None:
    """Change a JSON file by a function of its content."""
    content = json.loads(path.read_text())
    how(content)
    path.write_text(json.dumps(content))


def _rows() -> Iterator[Row]:
    """Vanilla rows: positives, negative texts, negative images."""
    for number, (tuple_type, level, expression, parts) in enumerate(POSITIVES, start=1):
        yield _row(number, str(2370799 + number % 3), parts) | {
            "tuple_type": tuple_type,
            "level": level,
            "expression": expression,
        }
    number = len(POSITIVES)
    for cate, columns in (("text", TEXT_COLUMNS), ("image", IMAGE_COLUMNS)):
        for i, (type_, negative_level) in enumerate(columns):
            number += 1
            parent = i % len(POSITIVES) + 1
            tuple_type, level, expression, parts = POSITIVES[parent - 1]
            image_id = str(2370799 + parent % 3) if cate == "text" else f"neg_{number}"
            yield _row(number, image_id, parts) | {
                "tuple_type": tuple_type,
                "level": level,
                "expression": f"{expression}, changed: {type_}" if cate == "text" else expression,
                "positive_id": parent,
                "negative_level": negative_level,
                "negative_type": type_,
                "shuffle_index": [negative_level - 1],
                "ori_type": tuple_type,
                "negative_cate": cate,
            }


def _row(id_: int, image_id: str, parts: list[Any]) -> Row:
    objects = parts[::2]
    # A path of subject, relation, object: `tuple[0][0]` is the target's category.
    names = [part[0] if isinstance(part, list) else part for part in parts]
    path = [names[i : i + 3] for i in range(0, max(1, len(names) - 2), 2)]
    ids = [str(1231798 + i) for i in range(len(objects))]
    fields = {"objects_id": ids, "tuple": path, "spatial": "", "attribute": [words for _, words in objects]}
    return {"id": id_, "image_id": image_id, **fields}


def _wh(row: Row, by_id: Mapping[int, Row]) -> tuple[int, int]:
    original = by_id[row.get("positive_id", row["id"])]
    return SIZES[int(original["image_id"]) % 3]


def _coco(rows: list[Row], by_id: Mapping[int, Row]) -> dict[str, Any]:
    images, annotations = [], []
    for row in rows:
        width, height = _wh(row, by_id)
        image = {"id": row["id"], "file_name": f"{row['image_id']}.jpg", "width": width, "height": height}
        images.append(image | {"caption": row["expression"], "dataset_name": "FineCops-Ref"})
        box = {"bbox": [20, 30, 40, 35], "area": 1400, "iscrowd": 0, "category_id": 1}
        annotations.append(row | {"image_id": row["id"]} | box)
    categories = [{"supercategory": "object", "id": 1, "name": "object"}]
    return {"info": [], "licenses": [], "images": images, "annotations": annotations, "categories": categories}


def _draw(wh: tuple[int, int], flipped: bool) -> Image.Image:
    picture = Image.new("RGB", wh, (90, 160, 90))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((20, 30, 60, 65), fill=(200, 40, 40))
    draw.rectangle((65, 40, 85, 70), fill=(240, 240, 240))
    return picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if flipped else picture
