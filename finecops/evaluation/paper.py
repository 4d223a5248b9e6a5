"""The paper's tables (TPAMI 2025) as data, for comparison with a dataset (Tables I and II) or a run (III to VII).

They are `paper_tables.json`, as printed: numbers of samples, and per cent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field

from finecops.errors import UsageError
from finecops.evaluation.results import BesidePaper, Evaluation, MethodResult, PaperFigure
from finecops.metrics.values import MEAN_OF_COLUMNS, MetricValue
from finecops.names import no_such
from finecops.records import NegativeKind, Record

DATASETS = ("finecops_ref", "ref_adv", "ref_reasoning")
PaperMethod = Literal["alone", "sfa", "crs"]
_COLUMN = re.compile(r"(?P<type>[a-z_]+)_L(?P<level>\d)")


class _Table(Record):
    """Columns and rows of a table whose rows are models."""

    columns: tuple[str, ...]
    rows: dict[str, tuple[float | None, ...]]

    def row(self, name: str) -> Iterator[tuple[str, float]]:
        """Column and figure of a row, without those that the paper does not report."""
        for column, value in zip(self.columns, self.rows.get(name, ())):
            if value is not None:
                yield column, value


class _FocusTable(Record):
    """Table VII: each model with the whole expression and with focus."""

    columns: tuple[str, ...]
    rows: dict[str, dict[Literal["expression", "focus"], tuple[float | None, ...]]]


class PaperCounts(Record):
    """How many samples a split has according to the paper; None where it reports nothing."""

    table: str
    positive: int | None
    negative_expression: int | None
    negative_image: int | None


class _CountsTable(Record):
    """Tables I and II."""

    columns: tuple[str, ...]
    rows: dict[str, tuple[int | None, int | None, int | None]]


class _Tables(Record, extra="ignore"):
    first: _CountsTable = Field(alias="table1_test_sets")
    second: _CountsTable = Field(alias="table2_statistics")
    third: _Table = Field(alias="table3_precision_at_1_positive")
    fourth: _Table = Field(alias="table4_recall_at_1_negative_expressions")
    fifth: _Table = Field(alias="table5_recall_at_1_negative_images")
    sixth: _Table = Field(alias="table6_precision_at_1_router_levels")
    seventh: _FocusTable = Field(alias="table7_focus_enhancement")


@cache
def _tables() -> _Tables:
    path = Path(__file__).parent / "paper_tables.json"
    return _Tables.model_validate(json.loads(path.read_text(encoding="utf-8")))


def paper_counts(dataset: str, split: str) -> PaperCounts | None:
    """How many samples the paper reports for a split; None where it reports nothing.

    For train and val, the paper's "positive" is the sum of all rows of the published files, negatives included. Of
    Ref-Adv it counts adversarial expressions as negatives; each of them has a target.

    Args:
        dataset: its name ("finecops-ref"), in any capitals, with hyphens or underscores.
        split: the split's name. Table I has test sets only.
    """
    name, split = dataset.casefold().replace("_", "-"), split.casefold()
    for number, rows, wanted in (
        ("II", _tables().second.rows, split if name == "finecops-ref" else ""),
        ("I", _tables().first.rows, name if split == "test" else ""),
    ):
        for row, counts in rows.items():
            if row.casefold() == wanted:
                return PaperCounts(
                    table=number, positive=counts[0], negative_expression=counts[1], negative_image=counts[2]
                )
    return None


def model_names() -> list[str]:
    """Names of the models that have a row in Table III, V or VI."""
    return list(dict.fromkeys([*_tables().third.rows, *_tables().sixth.rows]))


def paper_figures(dataset: str, model: str, method: PaperMethod = "alone", focus: bool = False) -> list[PaperFigure]:
    """What the paper reports of a model on a dataset; empty where it reports nothing.

    Args:
        dataset: its name with hyphens or underscores ("finecops-ref").
        model: the row's name in the tables ("Qwen2-VL-7B").
        focus: with target focus (Tables VI and VII).
    """
    # The JSON file has underscores.
    key = dataset.replace("-", "_")
    if key not in DATASETS:
        return []
    figures = _by_router_level(key, model=model, method=method, focus=focus)
    if method == "alone" and focus:
        figures += _focused(key, model)
    if method == "alone" and not focus and key == "finecops_ref":
        # Table VI's overall figure and Table III's are one number; it is kept once.
        overall = any(figure.router_level is None for figure in figures)
        figures += [figure for figure in _by_level(model) if figure.level is not None or not overall]
        figures += _recalls(model)
    return figures


def paper_router_levels() -> list[tuple[str, dict[str, tuple[float | None, ...]]]]:
    """Table VI's rows: by dataset (its name with underscores) precision@1 on router levels 1 and 2, and of all."""
    table = _tables().sixth
    return [
        (name, {key: tuple(v for c, v in zip(table.columns, row) if c.startswith(f"{key}_")) for key in DATASETS})
        for name, row in table.rows.items()
    ]


def paper_focus() -> list[tuple[str, dict[str, tuple[float | None, ...]]]]:
    """Table VII's rows: by dataset (its name with underscores) precision@1 of the whole expression, and focused."""
    table = _tables().seventh
    return [
        (name, {key: (both["expression"][i], both["focus"][i]) for i, key in enumerate(table.columns)})
        for name, both in table.rows.items()
    ]


def beside_paper(ours: Sequence[MetricValue], papers: Iterable[PaperFigure]) -> list[BesidePaper]:
    """Each figure of the paper that has a measured value, with that value and the difference (measured minus paper)."""
    # Calibrated values and the scripts' arithmetic are other numbers than the paper's.
    mine = {(v.metric, v.subset): v.value for v in ours if not v.calibrated and v.arithmetic is None}
    found = ((figure, mine.get((figure.metric, figure.subset))) for figure in papers)
    return [
        BesidePaper(**dict(figure), ours=value, difference=value - figure.value)
        for figure, value in found
        if value is not None
    ]


def with_paper(evaluation: Evaluation, row_name: str | None = None) -> Evaluation:
    """An evaluation with the paper's figures beside those of each method.

    Args:
        row_name: the model's row, instead of the one that its configuration names.

    Raises:
        UsageError: the paper has no such row.
    """
    if row_name is not None and row_name not in model_names():
        raise UsageError(no_such(f"the paper has no row {row_name!r}", row_name, model_names()))
    methods = [
        method.model_copy(
            update={"paper": tuple(beside_paper(method.values, _figures_of(method, evaluation, row_name)))}
        )
        for method in evaluation.methods
    ]
    return evaluation.model_copy(update={"methods": tuple(methods)})


def _figures_of(method: MethodResult, evaluation: Evaluation, row_name: str | None) -> list[PaperFigure]:
    who = method.answering
    if who is None:
        # A prediction file does not say which model answered, so the user names the row; the benchmark is the paper's.
        return paper_figures("finecops-ref", row_name or "")
    how: PaperMethod = who.method if who.method in ("sfa", "crs") else "alone"
    return paper_figures(evaluation.dataset.name, model=row_name or who.paper_row or "", method=how, focus=who.focus)


def _by_router_level(key: str, model: str, method: PaperMethod, focus: bool) -> list[PaperFigure]:
    """Table VI."""
    named = {"alone": model, "sfa": f"{model} SFA{'+focus' if focus else ''}", "crs": f"{model} CRS"}[method]
    if method == "alone" and focus:
        return []
    figures = []
    for column, value in _tables().sixth.row(named):
        if column.startswith(key):
            level = column.removeprefix(f"{key}_L")
            at = int(level) if level.isdecimal() else None
            figures.append(PaperFigure(metric="precision@1", value=value, table="VI", router_level=at))
    return figures


def _by_level(model: str) -> list[PaperFigure]:
    """Table III."""
    return [
        PaperFigure(metric="precision@1", value=value, table="III", level=None if column == "All" else int(column[1:]))
        for column, value in _tables().third.row(model)
    ]


def _focused(key: str, model: str) -> list[PaperFigure]:
    """Table VII."""
    table = _tables().seventh
    values = table.rows.get(model, {}).get("focus", ())
    found = [value for column, value in zip(table.columns, values) if column == key and value is not None]
    return [PaperFigure(metric="precision@1", value=value, table="VII") for value in found]


def _recalls(model: str) -> list[PaperFigure]:
    """Tables IV and V."""
    tables: tuple[tuple[_Table, NegativeKind, str], ...] = (
        (_tables().fourth, "text", "IV"),
        (_tables().fifth, "image", "V"),
    )
    figures = []
    for table, kind, number in tables:
        for column, value in table.row(model):
            # A column without type and level is the table's "Avg.".
            match = _COLUMN.fullmatch(column)
            type_, level = (match["type"], int(match["level"])) if match else (MEAN_OF_COLUMNS, None)
            figures.append(
                PaperFigure(metric="recall@1", value=value, table=number, kind=kind, type=type_, level=level)
            )
    return figures
