"""The paper's Tables VIII, X and XI from runs: our rows, the paper's beside, and the commands for what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from pydantic import JsonValue

from finecops.evaluation.crs_tables import BASELINE, CRS, UNTUNED, CrsRow
from finecops.evaluation.paper_ablations import (
    DATASETS,
    PaperAblation,
    paper_rejection,
    paper_top_k,
    paper_tuning_data,
)
from finecops.report.document import Cell, Column, Document, Table, columns

TABLES = ("8", "10", "11")
SIZES = (2000, 4000, 6000, 8000, 10_000, 12_000)
RANKS = (3, 5, 8, 10)
_USUAL_K = 5
_MAKES = {
    UNTUNED: "`finecops crs select --none --mllm MODEL`, with a model that was not tuned",
    BASELINE: "`finecops crs tune-data --style baseline --positives 10000 --negatives 2500 --out FILE`, "
    "`finecops crs tune FILE --out DIR`, `finecops infer mllm --none --adapter DIR`",
    CRS: "`finecops crs tune-data --positives 10000 --negatives 2500 --out FILE`, "
    "`finecops crs tune FILE --out DIR`, `finecops crs select --none --adapter DIR`",
}
_IN_PAPER = {UNTUNED: "w/o instruction tuning", BASELINE: "Baseline", CRS: "CRS"}
"""What the paper calls them."""
Cells: TypeAlias = tuple[Cell, ...]


def crs_tables_document(rows: Sequence[CrsRow], tables: Sequence[str] = TABLES, paper: bool = False) -> Document:
    """The tables for every writer.

    Args:
        rows: what the runs have.
        tables: some of `TABLES`.
        paper: whether the paper's own rows stand in them too.
    """
    make = {"8": _table8, "10": _table10, "11": _table11}
    data: dict[str, JsonValue] = {"rows": [row.model_dump(mode="json") for row in rows]}
    if paper:
        data["paper"] = {
            "table8": [one.model_dump(mode="json") for one in paper_rejection()],
            "table10": [one.model_dump(mode="json") for one in paper_tuning_data()],
            "table11": [one.model_dump(mode="json") for one in paper_top_k()],
        }
    flat = [row.model_dump(mode="json") for row in rows]
    return Document([make[name](rows, paper) for name in tables], data=data, rows=flat, leading=tuple(flat[0]))


def _table8(rows: Sequence[CrsRow], paper: bool) -> Table:
    cells: list[Cells] = []
    notes: list[str] = []
    for setting in (UNTUNED, BASELINE, CRS):
        ours = [row for row in rows if row.setting == setting and row.usual]
        for row in ours:
            values = (row.precision_at_1, row.negative_accuracy, row.recall_text, row.recall_image)
            cells.append((f"{setting}: {_label(row, rows)}", *values))
        for one in paper_rejection() if paper else ():
            if one.setting == _IN_PAPER[setting]:
                printed = (one.accuracy_positive, one.accuracy_negative, one.recall_text, one.recall_image)
                cells.append((f"{setting}, paper: {one.model}", *printed))
        if not ours:
            notes.append(f"Missing, {setting}: {_MAKES[setting]}.")
    header = columns("", "positives", "negatives", "R@1 text", "R@1 image")
    notes += ["The paper's rows are of FineCops-Ref."] if paper else []
    return Table("Table VIII: accuracy with a None option, recall@1, %", header, tuple(cells), tuple(notes))


def _table10(rows: Sequence[CrsRow], paper: bool) -> Table:
    ours = [row for row in rows if _is_choice(row) and row.topk == _USUAL_K and row.tuned]
    # The paper's first row is the model that writes boxes itself.
    cells: list[Cells] = [(_label(row, rows), None, None, row.precision_at_1, row.n) for row in rows if _is_plain(row)]
    for row in sorted(ours, key=lambda row: (row.source or "", row.rows or 0)):
        cells.append((_label(row, rows), row.rows, row.source, row.precision_at_1, row.n))
    missing = [str(size) for size in SIZES if size not in {row.rows for row in ours}]
    notes = []
    if missing:
        notes.append(
            f"Missing, {', '.join(missing)} rows: `finecops crs tune-data --positives N --out FILE`, `finecops crs "
            "tune FILE --out DIR`, `finecops crs select --adapter DIR`."
        )
    unknown = [row.label for row in ours if row.rows is None]
    if unknown:
        notes.append(f"The adapter is gone or was tuned again, so its rows are not known: {', '.join(unknown)}.")
    if paper:
        for one in paper_tuning_data():
            cells.append((f"paper: {one.model}", one.label, one.source, _paper_value(one, rows), None))
        notes.append(_paper_note(rows))
    header = (
        Column("", side="left"),
        Column("rows"),
        Column("source", side="left"),
        Column("precision@1"),
        Column("n"),
    )
    return Table("Table X: the amount of tuning data, %", header, tuple(cells), tuple(notes))


def _table11(rows: Sequence[CrsRow], paper: bool) -> Table:
    ours = [row for row in rows if _is_choice(row)]
    cells: list[Cells] = [(_label(row, rows), None, row.precision_at_1, row.n) for row in rows if _is_plain(row)]
    for row in sorted(ours, key=lambda row: (not row.tuned, row.topk or 0)):
        cells.append((_label(row, rows), row.topk, row.precision_at_1, row.n))
    missing = [str(k) for k in RANKS if k not in {row.topk for row in ours if row.tuned}]
    notes = []
    if missing:
        notes.append(f"Missing, k = {', '.join(missing)} with a tuned model: `finecops crs select --topk K --run RUN`.")
    if paper:
        for one in paper_top_k():
            k = one.label.removeprefix("Top-")
            cells.append((f"paper: {one.model}", k, _paper_value(one, rows), None))
        notes.append(_paper_note(rows))
    header = columns("", "k", "precision@1", "n")
    return Table("Table XI: the number of candidates, %", header, tuple(cells), tuple(notes))


def _is_choice(row: CrsRow) -> bool:
    return not row.alone and not row.none and row.usual


def _is_plain(row: CrsRow) -> bool:
    return row.alone and not row.none and not row.tuned


def _paper_value(one: PaperAblation, rows: Sequence[CrsRow]) -> float:
    key = _dataset(rows).casefold().replace("-", "_")
    return one.precision_at_1.get(key, one.precision_at_1[DATASETS[0]])


def _paper_note(rows: Sequence[CrsRow]) -> str:
    key = _dataset(rows).casefold().replace("-", "_")
    of = _dataset(rows) if key in DATASETS else "FineCops-Ref"
    return f"The paper's precision@1 is of {of}."


def _dataset(rows: Sequence[CrsRow]) -> str:
    return rows[0].dataset


def _label(row: CrsRow, rows: Sequence[CrsRow]) -> str:
    """The label, with its run where several runs have one of that name."""
    same = [other for other in rows if other.label == row.label]
    return row.label if len(same) == 1 else f"{row.label} ({row.run})"
