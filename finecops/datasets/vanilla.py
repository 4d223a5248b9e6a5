"""The vanilla format of FineCops-Ref: rows without boxes, and what may be wrong with one.

The release has an object of rows keyed by their id; earlier versions of finecops wrote a list, with true or false for
`spatial` and `attribute`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias

from finecops.benchmark_words import kind_inside, type_inside
from finecops.datasets.fields import as_whole
from finecops.datasets.problems import Problem
from finecops.datasets.remarks import Remarks
from finecops.strict_json import RepeatedKeys
from finecops.text import plain_id, shortly

Layout: TypeAlias = Literal["published", "list"]
"""`published`: an object keyed by id. `list`: a list, as earlier versions of finecops wrote it."""
LAYOUTS: Mapping[Layout, str] = {
    "published": "published layout, an object keyed by id",
    "list": "a list, the layout of finecops before the published one",
}
_KEYS = ("id", "image_id", "objects_id", "tuple", "tuple_type", "level", "spatial", "attribute", "expression")
_NEGATIVE_KEYS = ("positive_id", "negative_level", "negative_type", "shuffle_index", "ori_type", "negative_cate")


def vanilla_layout(content: object) -> Layout | None:
    """The layout of a parsed file; None: it is not vanilla.

    >>> vanilla_layout({"7": {"id": 7, "expression": "the cup"}}), vanilla_layout({"images": [], "annotations": []})
    ('published', None)
    """
    if isinstance(content, list):
        return "list" if _has_rows(content) else None
    if isinstance(content, dict) and not {"images", "annotations"} <= content.keys():
        return "published" if _has_rows(content.values()) else None
    return None


def _has_rows(values: Iterable[object]) -> bool:
    return any(isinstance(value, dict) and "expression" in value for value in values)


def vanilla_problems(path: Path, content: Any, layout: Layout) -> list[Problem]:
    """Every fault of a vanilla file, then what is remarkable in it.

    Args:
        path: the file, for the messages.
        content: what was parsed of it.
        layout: as `vanilla_layout` found it.
    """
    problems: list[Problem] = []
    remarks = Remarks()
    seen: set[str] = set()
    if isinstance(content, RepeatedKeys):
        problems.append(Problem(path, content.key, "this key stands twice in the file; the last row is checked"))
    keyed = content.items() if layout == "published" else enumerate(content)
    for key, row in keyed:
        id_ = plain_id(row.get("id")) if isinstance(row, dict) else None
        entry = id_ or (plain_id(key) or "-" if layout == "published" else f"number {key}")
        messages = _row_problems(row, layout)
        if layout == "published" and id_ is not None and id_ != key:
            messages.append(f"its key is {shortly(key)}, its id {id_}")
        if entry in seen:
            messages.append("this id is taken by an earlier row")
        seen.add(entry)
        problems += [Problem(path, entry, message) for message in messages]
        if isinstance(row, dict):
            _remark(row, entry, remarks)
    return [*problems, *remarks.problems(path)]


def _remark(row: Mapping[str, Any], entry: str, remarks: Remarks) -> None:
    tuple_type, negative_type = row.get("tuple_type"), row.get("negative_type")
    remarks.word("tuple_type", tuple_type if isinstance(tuple_type, str) else None, entry)
    remarks.word("negative_type", type_inside(negative_type) if isinstance(negative_type, str) else None, entry)


def _row_problems(row: object, layout: Layout) -> list[str]:
    if not isinstance(row, dict):
        return ["not a JSON object"]
    if isinstance(row, RepeatedKeys):
        return [f"the key {shortly(row.key)} stands twice"]
    problems = [f"no {key}" for key in _KEYS if key not in row]
    if any(row.get(key) is not None for key in ("positive_id", "negative_type", "negative_cate")):
        problems += [f"a negative without {key}" for key in _NEGATIVE_KEYS if key not in row]
        problems += _negative_problems(row)
    expression = row.get("expression", "-")
    if not isinstance(expression, str) or not expression.strip():
        problems.append(f"the expression is empty or no text: {shortly(expression)}")
    if as_whole(row.get("level")) not in (1, 2, 3):
        problems.append(f"level is {shortly(row.get('level'))}; it must be 1, 2 or 3")
    if not isinstance(row.get("objects_id"), list) or not row.get("objects_id"):
        problems.append("objects_id is not a list of the objects in the expression, the target first")
    for key in ("id", "image_id"):
        if key in row and plain_id(row[key]) is None:
            problems.append(f"{key} is {shortly(row[key])}; a whole number or a short text is meant")
    return problems + _layout_problems(row, layout)


def _negative_problems(row: Mapping[str, Any]) -> list[str]:
    problems = []
    cate, type_, level = row.get("negative_cate"), row.get("negative_type"), row.get("negative_level")
    if "negative_cate" in row and (not isinstance(cate, str) or kind_inside(cate) is None):
        problems.append(f"negative_cate is {shortly(cate)}; it must be 'text' or 'image'")
    if "negative_type" in row and (not isinstance(type_, str) or not type_):
        problems.append(f"negative_type is {shortly(type_)}; a short text is meant")
    if "negative_level" in row and as_whole(level) not in (1, 2):
        problems.append(f"negative_level is {shortly(level)}; it must be 1 or 2")
    return problems


def _layout_problems(row: Mapping[str, Any], layout: Layout) -> list[str]:
    """Fields whose form differs between the layouts; a missing one is reported elsewhere."""
    spatial, attribute = row.get("spatial", ""), row.get("attribute", [])
    if layout == "list" and isinstance(spatial, bool) and isinstance(attribute, bool):
        return []
    problems = []
    if not isinstance(spatial, str):
        problems.append(f"spatial is {shortly(spatial)}; a text is meant")
    if not _is_words_per_object(attribute):
        problems.append(f"attribute is {shortly(attribute)}; a list of words for each object is meant")
    return problems


def _is_words_per_object(value: object) -> bool:
    return isinstance(value, list) and all(
        words is None or (isinstance(words, list) and all(isinstance(word, str) for word in words)) for words in value
    )
