"""Hostile files of the other benchmarks and files of rows: what the fuzz tests read besides COCO files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from finecops.config.dataset_schema import DatasetConfig
from tests.datasets.releases import adv_entry, cops_ref, cops_ref_entry, reasoning_entry, ref_adv, ref_reasoning
from tests.hostile.annotations import config_of

Make = Callable[[Path, Any], DatasetConfig]
"""Folder and content of an entry → a dataset that has that entry beside five good ones."""


def _adv(folder: Path, changes: Any) -> DatasetConfig:
    broken = adv_entry(0) | changes if isinstance(changes, dict) else changes
    return ref_adv(folder, {"broken": broken} | {f"good{i}": adv_entry(i) for i in range(1, 6)})


def _reasoning(folder: Path, changes: Any) -> DatasetConfig:
    broken = reasoning_entry(0) | changes if isinstance(changes, dict) else changes
    return ref_reasoning(folder, {"broken": broken} | {f"good{i}": reasoning_entry(i) for i in range(1, 6)})


def _cops(folder: Path, changes: Any) -> DatasetConfig:
    broken = cops_ref_entry(0) | changes if isinstance(changes, dict) else changes
    return cops_ref(folder, [broken, *(cops_ref_entry(i) for i in range(1, 6))])


def _rows(folder: Path, changes: Any) -> DatasetConfig:
    good = {"image": "a.png", "expression": "the red car", "box": [10, 10, 20, 20], "width": 100, "height": 80}
    rows = [good | changes if isinstance(changes, dict) else changes, *(good | {"id": f"good{i}"} for i in range(1, 6))]
    (folder / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    splits = {"test": ("test.jsonl",)}
    return config_of(folder, "jsonl").model_copy(update={"boxes": "xyxy", "splits": splits})


MAKE: dict[str, Make] = {"ref-adv": _adv, "ref-reasoning": _reasoning, "cops-ref": _cops, "jsonl": _rows}
FIELDS = {
    "ref-adv": ("img_file_name", "bbox_candidates_map", "most_confused_bbox_number", "most_confused_bbox_GT_desc"),
    "ref-reasoning": ("image_id", "bbox", "expression", "num_nodes"),
    "cops-ref": ("box", "image_id", "sentences", "neg_img_list", "valid_flag", "logic", "ref_id"),
    "jsonl": ("image", "expression", "box", "width", "height", "id", "level", "tuple_type", "truth"),
}
FILES = {
    "ref-adv": "refcocog_adv_annotations.json",
    "ref-reasoning": "test_expressions.json",
    "cops-ref": "refGQA_v0.json",
    "jsonl": "test.jsonl",
}
