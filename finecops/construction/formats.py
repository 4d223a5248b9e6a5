"""Rows of the benchmark in FineCops-Ref's two formats: vanilla, and COCO in MDETR's style."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from finecops.construction.description import SAME, Description
from finecops.construction.image_edits import ImageEdit
from finecops.construction.negatives import NegativeExpression
from finecops.construction.positives import Positive
from finecops.construction.vocabulary import Vocabulary

Row = dict[str, Any]


def positive_row(positive: Positive, vocabulary: Vocabulary) -> Row:
    """A positive in the vanilla format."""
    return {
        "id": positive.id,
        "image_id": positive.graph.image_id,
        "objects_id": list(positive.object_ids),
        **_said(positive.description, vocabulary),
        "level": positive.level,
        "expression": positive.expression.text,
    }


def negative_expression_row(negative: NegativeExpression, id_: int, vocabulary: Vocabulary) -> Row:
    """A negative expression in the vanilla format; `level` is its positive's."""
    return {
        "id": id_,
        "image_id": negative.positive.graph.image_id,
        "objects_id": list(negative.positive.object_ids),
        **_said(negative.description, vocabulary),
        "level": negative.positive.level,
        "expression": negative.text,
        "positive_id": negative.positive.id,
        "negative_level": negative.level,
        "negative_type": negative.type,
        "shuffle_index": [negative.changed],
        "ori_type": negative.positive.description.tuple_type,
        "negative_cate": "text",
    }


def negative_image_row(edit: ImageEdit, id_: int, image_id: str, vocabulary: Vocabulary) -> Row:
    """A negative image in the vanilla format: the positive's expression on another image."""
    return positive_row(edit.positive, vocabulary) | {
        "id": id_,
        "image_id": image_id,
        "positive_id": edit.positive.id,
        "negative_level": edit.level,
        "negative_type": edit.type,
        "shuffle_index": list(edit.changed),
        "ori_type": edit.positive.description.tuple_type,
        "negative_cate": "image",
    }


def _said(description: Description, vocabulary: Vocabulary) -> Row:
    parts: list[Any] = [[description.nodes[0].name, list(description.nodes[0].attributes)]]
    for edge in description.edges:
        tail = description.nodes[edge.tail]
        parts += [edge.relation, [tail.name, list(tail.attributes)]]
    relations = [e.relation for e in description.edges]
    return {
        "tuple": parts,
        "tuple_type": description.tuple_type,
        "spatial": any(vocabulary.is_spatial(r) for r in relations),
        "attribute": any(n.attributes for n in description.nodes) or any(r.startswith(SAME) for r in relations),
    }


def coco_entry(row: Row, file_name: str, image_wh: tuple[int, int], bbox_xywh: Iterable[float]) -> tuple[Row, Row]:
    """A vanilla row as an (image, annotation) pair in COCO's format, MDETR's style.

    Every expression is an image entry of its own, with the expression as `caption` and one annotation; ids are
    the row's. A negative's `bbox` is the box its positive had: no answer, only what a careless model points to.
    """
    width, height = image_wh
    box = [float(v) for v in bbox_xywh]
    image = {
        "id": row["id"],
        "file_name": file_name,
        "width": width,
        "height": height,
        "caption": row["expression"],
        "original_img_id": row["image_id"],
        "dataset_name": "finecops",
    }
    annotation = {
        "id": row["id"],
        "image_id": row["id"],
        "category_id": 1,
        "bbox": box,
        "area": box[2] * box[3],
        "iscrowd": 0,
        "level": row["level"],
        "tuple_type": row["tuple_type"],
    }
    for key in ("positive_id", "negative_level", "negative_type", "negative_cate", "ori_type"):
        if key in row:
            annotation[key] = row[key]
    return image, annotation


def write_coco(path: Path, entries: Iterable[tuple[Row, Row]]) -> None:
    """Write a COCO annotation file from (image, annotation) pairs."""
    pairs = list(entries)
    content = {
        "info": {"description": "FineCops-Ref format: one image entry and one annotation per expression"},
        "images": [image for image, _ in pairs],
        "annotations": [annotation for _, annotation in pairs],
        "categories": [{"id": 1, "name": "object"}],
    }
    write_json(path, content)


def write_json(path: Path, content: Any) -> None:
    """Write compact JSON, one line per entry of each top-level list so that changes can be read."""
    path.parent.mkdir(parents=True, exist_ok=True)

    def dump(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    def lines(rows: list[Any]) -> str:
        return "[\n" + ",\n".join(map(dump, rows)) + "\n]" if rows else "[]"

    if isinstance(content, list):
        text = lines(content)
    else:
        parts = [f"{dump(k)}:{lines(v) if isinstance(v, list) else dump(v)}" for k, v in content.items()]
        text = "{" + ",\n".join(parts) + "}"
    path.write_text(text + "\n", encoding="utf-8")
