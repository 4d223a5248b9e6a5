"""Parquet files in the exact published layouts, and the files of HumanRef and gRefCOCO: small, with drawn images."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageDraw

Rows = list[dict[str, Any]]
WIDTH, HEIGHT = 140, 120
BOXES = [(10, 20, 60, 70), (70, 10, 130, 50), (30, 60, 90, 115), (5, 5, 45, 100), (80, 60, 135, 110), (20, 30, 120, 90)]
"""Corners of one box an image."""
IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
NUMBERS, WHOLES = pa.list_(pa.float32()), pa.list_(pa.int64())


def picture(number: int, size: tuple[int, int] = (WIDTH, HEIGHT)) -> bytes:
    """A JPEG file with a rectangle; each number gives another one."""
    image = Image.new("RGB", size, (40 * number % 256, 90, 120))
    ImageDraw.Draw(image).rectangle(BOXES[number % len(BOXES)], fill=(200, 30 * number % 256, 60))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG")
    return buffer.getvalue()


def image_cell(number: int) -> dict[str, Any]:
    """An image as the Hub's `Image` feature stores it."""
    return {"bytes": picture(number), "path": None}


def xywh(number: int) -> list[float]:
    """A box of `BOXES` as left, top, width, height."""
    x1, y1, x2, y2 = BOXES[number]
    return [x1, y1, x2 - x1, y2 - y1]


SCHEMAS: dict[str, dict[str, pa.DataType]] = {
    "lmms-refcoco": {
        "question_id": pa.string(),
        "image": IMAGE,
        "question": pa.string(),
        "answer": pa.list_(pa.string()),
        "segmentation": NUMBERS,
        "bbox": NUMBERS,
        "iscrowd": pa.int8(),
        "file_name": pa.string(),
    },
    "ref-adv-s": {
        "image": IMAGE,
        "file_name": pa.string(),
        "normal_caption": pa.string(),
        "solution": pa.list_(pa.float64()),
        "width": pa.int64(),
        "height": pa.int64(),
        "image_source": pa.string(),
        "human_authored": pa.bool_(),
        "use_negation": pa.bool_(),
        "distractors": pa.int64(),
        "row_idx": pa.int64(),
    },
    "groundingme": {
        "id": pa.string(),
        "description": pa.string(),
        "image": IMAGE,
        "bbox": WHOLES,
        "detection_type": pa.string(),
        "subtask_l1": pa.string(),
        "subtask_l2": pa.string(),
        "width": pa.int64(),
        "height": pa.int64(),
    },
    "ref-l4": {
        "id": pa.int64(),
        "caption": pa.string(),
        "bbox": pa.list_(pa.float64()),
        "bbox_area": pa.float64(),
        "bbox_id": pa.string(),
        "ori_category_id": pa.string(),
        "image_id": pa.string(),
        "height": pa.int64(),
        "width": pa.int64(),
        "file_name": pa.string(),
        "is_rewrite": pa.bool_(),
        "split": pa.string(),
    },
}
"""Layout → its columns with their types, in the order of the published files."""
FILES = {
    "lmms-refcoco": "data/val-00000-of-00001.parquet",
    "ref-adv-s": "data/train-00000-of-00001.parquet",
    "groundingme": "data/test-00000-of-00001.parquet",
    "ref-l4": "ref-l4-val.parquet",
}
"""Layout → a file of it, as it is called in its repository."""


def rows_of(layout: str, count: int = 6) -> Rows:
    """Some rows of a layout, one image each."""
    size = {"width": WIDTH, "height": HEIGHT}
    if layout == "lmms-refcoco":
        return [
            {
                "question_id": str(7000 + n),
                "image": image_cell(n),
                "question": "Please provide a short description for this region.",
                "answer": [f"the red block {n}", f"block number {n}"],
                "segmentation": [1.0, 1.0, 2.0, 2.0, 1.0, 2.0],
                "bbox": xywh(n),
                "iscrowd": 0,
                "file_name": f"COCO_train2014_{n:012}_{7000 + n}.jpg",
            }
            for n in range(count)
        ]
    if layout == "ref-adv-s":
        return [
            {
                "image": image_cell(n),
                "file_name": f"{n:012}.jpg",
                "normal_caption": f"the red block {n}",
                "solution": list(BOXES[n]),
                "image_source": "coco_val2017",
                "human_authored": True,
                "use_negation": n % 2 == 0,
                "distractors": 2,
                "row_idx": n,
                **size,
            }
            for n in range(count)
        ]
    if layout == "groundingme":
        return [
            {
                "id": f"gme_{n:05}",
                "description": f"The object is the red block {n}.",
                "image": image_cell(n),
                "bbox": None if n % 3 == 2 else list(BOXES[n]),
                "detection_type": "block",
                "subtask_l1": "Rejection" if n % 3 == 2 else ("Spatial", "Limited")[n % 2],
                "subtask_l2": "Appearance",
                **size,
            }
            for n in range(count)
        ]
    return [
        {
            "id": n,
            "caption": f"Within the picture there is the red block {n}.",
            "bbox": xywh(n),
            "bbox_area": 1.0,
            "bbox_id": f"o365_{n}",
            "ori_category_id": "o365_64",
            "image_id": ("o365_922765", "coco_17")[n % 2],
            "file_name": f"objects365_v2_{n:08}.jpg",
            "is_rewrite": True,
            "split": "val",
            **size,
        }
        for n in range(count)
    ]


def write_parquet(path: Path, layout: str, rows: Rows, changes: Mapping[str, pa.DataType | None] | None = None) -> Path:
    """Write rows with the types of a layout; `changes` gives a column another type, or takes it out."""
    schema = {**SCHEMAS[layout], **(changes or {})}
    kept = pa.schema([(name, type_) for name, type_ in schema.items() if type_ is not None])
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, schema=kept), path, row_group_size=4)
    return path


def repository(folder: Path, layout: str, rows: Rows | None = None) -> Path:
    """A folder with one split of a layout as it lies on the Hub; Ref-L4's images are unpacked beside it."""
    write_parquet(folder / FILES[layout], layout, rows_of(layout) if rows is None else rows)
    if layout == "ref-l4":
        write_images(folder / "images", [row["file_name"] for row in rows_of(layout)])
    return folder


def write_images(folder: Path, names: Sequence[str]) -> None:
    """Draw an image for each name."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        (folder / name).write_bytes(picture(number))


def humanref(folder: Path, changes: Mapping[int, Mapping[str, Any]] | None = None) -> Path:
    """HumanRef: `annotations.jsonl` with three one-person rows, one of two persons, two rejections; and the images."""
    write_images(folder / "images", [f"{n}.jpg" for n in range(6)])
    lines = []
    for n in range(6):
        boxes = {3: [list(BOXES[3]), list(BOXES[0])], 4: [], 5: []}.get(n, [list(BOXES[n])])
        row = {
            "id": n,
            "image_name": f"{n}.jpg",
            "referring": f"the person in red {n}",
            "domain": "rejection" if not boxes else "attribute",
            "sub_domain": "1000_attribute_retranslated_with_mask",
            "answer_boxes": boxes,
            "candidate_boxes": [list(box) for box in BOXES],
            "answer_segmentations": [],
        }
        lines.append(json.dumps(row | dict((changes or {}).get(n, {}))))
    (folder / "annotations.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def grefcoco(folder: Path) -> Path:
    """gRefCOCO: `grefs(unc).json` with three single, one of two targets, two without; `instances.json`; images."""
    names = [f"COCO_train2014_{n:012}.jpg" for n in range(6)]
    write_images(folder / "train2014", names)
    images = [{"id": n, "file_name": name, "width": WIDTH, "height": HEIGHT} for n, name in enumerate(names)]
    annotations = [{"id": 50 + n, "image_id": n, "bbox": xywh(n), "category_id": 1} for n in range(6)]
    annotations.append({"id": 90, "image_id": 3, "bbox": xywh(0), "category_id": 1})
    refs = []
    for n in range(6):
        refs.append(
            {
                "image_id": n,
                "split": "testA",
                "sentences": [{"tokens": [], "raw": f"block {n}", "sent_id": 10 * n, "sent": f"block {n}"}],
                "file_name": f"COCO_train2014_{n:012}_{n}.jpg",
                "category_id": [1],
                "ann_id": {3: [53, 90], 4: [-1], 5: [-1]}.get(n, [50 + n]),
                "sent_ids": [10 * n],
                "ref_id": n,
                "no_target": n in (4, 5),
            }
        )
    (folder / "grefs(unc).json").write_text(json.dumps(refs))
    (folder / "instances.json").write_text(json.dumps({"images": images, "annotations": annotations}))
    return folder
