"""The paper's tables (TPAMI 2025, Tables III to VIII) as tidy rows, to stand beside ours.

The figures are `paper_tables.json`, in per cent, as printed.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

DATASETS = ("finecops_ref", "ref_adv", "ref_reasoning")
_COLUMN = re.compile(r"(?P<type>[a-z_]+)_L(?P<level>\d)")


@cache
def paper_tables() -> dict[str, Any]:
    """All tables by name."""
    found: dict[str, Any] = json.loads((Path(__file__).parent / "paper_tables.json").read_text(encoding="utf-8"))
    return found


def model_names() -> list[str]:
    """Names of the models that have a row in Table III, V or VI."""
    tables = paper_tables()
    rows = (tables[name]["rows"] for name in ("table3_precision_at_1_positive", "table6_precision_at_1_router_levels"))
    return list(dict.fromkeys(name for part in rows for name in part))


def paper_rows(dataset: str, model: str, method: str = "alone", focus: bool = False) -> list[dict[str, Any]]:
    """What the paper reports of a model on a dataset, as tidy rows with `table`; empty where it reports nothing.

    Args:
        dataset: its name with hyphens or underscores ("finecops-ref").
        model: the row's name in the tables ("Qwen2-VL-7B").
        method: "alone", "sfa" or "crs".
        focus: with target focus (Tables VI and VII).
    """
    key = dataset.replace("-", "_")
    if key not in DATASETS:
        return []
    tables = paper_tables()
    named = {"alone": model, "sfa": f"{model} SFA{'+focus' if focus else ''}", "crs": f"{model} CRS"}[method]
    rows: list[dict[str, Any]] = []
    sixth = tables["table6_precision_at_1_router_levels"]
    if named in sixth["rows"] and not (method == "alone" and focus):
        for column, value in zip(sixth["columns"], sixth["rows"][named]):
            if column.startswith(key):
                level = column.removeprefix(f"{key}_L")
                at = {"router_level": int(level)} if level.isdecimal() else {}
                rows.append(_row("precision@1", value, "VI", **at))
    if method == "alone" and focus and model in tables["table7_focus_enhancement"]["rows"]:
        seventh = tables["table7_focus_enhancement"]
        rows.append(_row("precision@1", seventh["rows"][model]["focus"][seventh["columns"].index(key)], "VII"))
    if key == "finecops_ref" and method == "alone" and not focus:
        third = tables["table3_precision_at_1_positive"]
        for column, value in zip(third["columns"], third["rows"].get(model, ())):
            of: dict[str, Any] = {} if column == "All" else {"level": int(column[1:])}
            if of or not any(r["level"] is None and r["router_level"] is None for r in rows):
                rows.append(_row("precision@1", value, "III", **of))
        for name, kind, number in (
            ("table4_recall_at_1_negative_expressions", "text", "IV"),
            ("table5_recall_at_1_negative_images", "image", "V"),
        ):
            for column, value in zip(tables[name]["columns"], tables[name]["rows"].get(model, ())):
                match = _COLUMN.fullmatch(column)
                of = {"type": match["type"], "level": int(match["level"])} if match else {"type": "mean of columns"}
                rows.append(_row("recall@1", value, number, kind=kind, **of))
    return [row for row in rows if row["value"] is not None]


def beside_paper(ours: list[dict[str, Any]], papers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The paper's rows that ours answer, each with our value as `ours` and the difference, ours minus the paper's."""
    places = ("metric", "kind", "type", "level", "router_level", "tuple_type")
    mine = {tuple(r[k] for k in places): r["value"] for r in ours if not r.get("calibrated") and "arithmetic" not in r}
    rows = []
    for row in papers:
        value = mine.get(tuple(row[k] for k in places))
        if value is not None:
            rows.append(row | {"ours": value, "difference": value - row["value"]})
    return rows


def _row(metric: str, value: float | None, table: str, **of: Any) -> dict[str, Any]:
    places = dict.fromkeys(("kind", "type", "level", "router_level", "tuple_type"))
    return {"metric": metric, **places, "value": value, "table": table} | of
