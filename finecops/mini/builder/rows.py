"""Rows of the vanilla format from positives, negative expressions and edits."""

from __future__ import annotations

from dataclasses import replace

from finecops.benchmark_words import type_published
from finecops.construction.formats import VanillaRow, tuple_of
from finecops.mini.builder.image_edits import ImageEdit
from finecops.mini.builder.negatives import NegativeExpression
from finecops.mini.builder.positives import Positive


def positive_row(positive: Positive) -> VanillaRow:
    """A positive in the vanilla format."""
    description = positive.description
    return {
        "id": positive.id,
        "image_id": positive.graph.image_id,
        "objects_id": list(positive.object_ids),
        "tuple": tuple_of(description),
        "tuple_type": description.tuple_type,
        "spatial": "",
        "attribute": [list(node.attributes) for node in description.nodes],
        "level": positive.level,
        "expression": positive.expression.text,
    }


def negative_expression_row(negative: NegativeExpression, id_: int) -> VanillaRow:
    """A negative expression in the vanilla format; image, objects and level are those of its positive."""
    changed = replace(negative.positive, description=negative.description)
    row = positive_row(changed)
    row["id"] = id_
    row["expression"] = negative.text
    return _with_negative_fields(row, negative, shuffle_index=[negative.changed], negative_cate="text")


def negative_image_row(edit: ImageEdit, id_: int, image_id: str) -> VanillaRow:
    """A negative image in the vanilla format: the positive's expression with another image."""
    row = positive_row(edit.positive)
    row["id"] = id_
    row["image_id"] = image_id
    return _with_negative_fields(row, edit, shuffle_index=list(edit.changed), negative_cate="image")


def _with_negative_fields(
    row: VanillaRow, negative: NegativeExpression | ImageEdit, shuffle_index: list[int], negative_cate: str
) -> VanillaRow:
    row["positive_id"] = negative.positive.id
    row["negative_level"] = negative.level
    row["negative_type"] = type_published(negative.type)
    row["shuffle_index"] = shuffle_index
    row["ori_type"] = negative.positive.description.tuple_type
    row["negative_cate"] = negative_cate
    return row
