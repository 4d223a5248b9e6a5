"""The paper's Tables VIII (rejection), IX (routers), X (tuning data) and XI (number of candidates), as printed."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from pydantic import Field

from finecops.records import Record

DATASETS = ("finecops_ref", "ref_adv", "ref_reasoning")


class PaperRouter(Record):
    """A row of Table IX."""

    name: str
    level_accuracy: float
    level2_recall: float
    precision_at_1: dict[str, float]
    """Of SFA with that router, by the dataset's name with underscores."""
    milliseconds: float


class PaperRejection(Record):
    """A row of Table VIII, of one model."""

    setting: str
    model: str
    accuracy_positive: float
    accuracy_negative: float
    recall_text: float
    recall_image: float


class PaperAblation(Record):
    """A row of Table X or XI: precision@1 by dataset."""

    model: str
    label: str
    """The amount of data, or the number of candidates; `-`: not tuned."""
    source: str = "-"
    """Of Table X: where the data is from."""
    precision_at_1: dict[str, float]


class _Rejection(Record):
    columns: tuple[str, ...]
    rows: dict[str, dict[str, tuple[float, float, float, float]]]


class _Routers(Record):
    columns: tuple[str, ...]
    rows: dict[str, tuple[float, ...]]


class _Row(Record, extra="ignore"):
    model: str
    values: tuple[float, float, float]
    data_source: str = ""
    data_size: str = ""
    top_k: str = ""


class _Ablation(Record):
    columns: tuple[str, ...]
    rows: tuple[_Row, ...]


class _Tables(Record, extra="ignore"):
    eighth: _Rejection = Field(alias="table8_rejection")
    ninth: _Routers = Field(alias="table9_routers")
    tenth: _Ablation = Field(alias="table10_tuning_data")
    eleventh: _Ablation = Field(alias="table11_top_k")


@cache
def _tables() -> _Tables:
    path = Path(__file__).parent / "paper_tables.json"
    return _Tables.model_validate(json.loads(path.read_text(encoding="utf-8")))


def paper_routers() -> list[PaperRouter]:
    """Table IX."""
    found = []
    for name, row in _tables().ninth.rows.items():
        named = dict(zip(_tables().ninth.columns, row))
        found.append(
            PaperRouter(
                name=name,
                level_accuracy=named["level_accuracy"],
                level2_recall=named["L2_recall"],
                precision_at_1={dataset: named[dataset] for dataset in DATASETS},
                milliseconds=named["time_ms"],
            )
        )
    return found


def paper_rejection() -> list[PaperRejection]:
    """Table VIII."""
    table = _tables().eighth
    return [
        PaperRejection(setting=setting, model=model, **dict(zip(table.columns, row)))
        for setting, rows in table.rows.items()
        for model, row in rows.items()
    ]


def paper_tuning_data() -> list[PaperAblation]:
    """Table X."""
    return [_ablation(row, row.data_size) for row in _tables().tenth.rows]


def paper_top_k() -> list[PaperAblation]:
    """Table XI."""
    return [_ablation(row, row.top_k) for row in _tables().eleventh.rows]


def _ablation(row: _Row, label: str) -> PaperAblation:
    return PaperAblation(
        model=row.model, label=label, source=row.data_source or "-", precision_at_1=dict(zip(DATASETS, row.values))
    )
