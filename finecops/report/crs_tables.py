"""The paper's Tables VI, VII, VIII, X and XI from runs: our rows, the paper's beside, and the commands for what is
missing. Answers that differ in the seed of tuning are one row, a mean with its spread.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import TypeAlias

from pydantic import JsonValue

from finecops.evaluation.crs_tables import BASELINE, CRS, UNTUNED, CrsRow
from finecops.evaluation.paper_ablations import PaperAblation, paper_rejection, paper_top_k, paper_tuning_data
from finecops.report.crs_lines import (
    SPREAD_NOTE,
    DataSplit,
    Line,
    lines_data,
    lines_of,
    split_name,
    split_of,
    splits_of,
)
from finecops.report.document import Cell, Column, Document, Spread, Table, columns
from finecops.report.router_tables import USUAL_K, of_usual_size, paper_note, paper_set, table_vi, table_vii

TABLES = ("6", "7", "8", "10", "11")
SIZES = (2000, 4000, 6000, 8000, 10_000, 12_000)
RANKS = (3, 5, 8, 10)
_OF_REJECTION = ("precision_at_1", "negative_accuracy", "recall_text", "recall_image")
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
    found: list[Table] = []
    for name in tables:
        if name == "8":
            found += _table8(rows, paper)
        else:
            make = {"6": table_vi, "7": table_vii, "10": _table10, "11": _table11}[name]
            found.append(make(rows, paper))
    flat: list[dict[str, JsonValue]] = [row.model_dump(mode="json") for row in rows]
    data: dict[str, JsonValue] = {"rows": [*flat], "lines": lines_data(lines_of(rows))}
    if paper:
        data["paper"] = {
            "table8": [one.model_dump(mode="json") for one in paper_rejection()],
            "table10": [one.model_dump(mode="json") for one in paper_tuning_data()],
            "table11": [one.model_dump(mode="json") for one in paper_top_k()],
        }
    # A row of CSV has numbers and texts alone.
    csv = [row | {"seeds": "/".join(map(str, of.seeds or ())) or None} for row, of in zip(flat, rows)]
    return Document(found, data=data, rows=csv, leading=tuple(flat[0]))


def _table8(rows: Sequence[CrsRow], paper: bool) -> list[Table]:
    """One for each test set that has a row in it; one that says what is missing if there is none."""
    tests = [one for one in splits_of(rows) if any(row.setting and split_of(row) == one for row in rows)]
    return [_rejection(rows, one, tests, paper) for one in tests or splits_of(rows)[:1]]


def _rejection(rows: Sequence[CrsRow], tests: DataSplit, among: Sequence[DataSplit], paper: bool) -> Table:
    cells: list[Cells] = []
    notes: list[str] = []
    for setting in (UNTUNED, BASELINE, CRS):
        ours = lines_of([row for row in rows if row.setting == setting and row.usual and split_of(row) == tests])
        for line in ours:
            cells.append((f"{setting}: {line.title}", *(line.cell(tests, attrgetter(name)) for name in _OF_REJECTION)))
        for one in paper_rejection() if paper else ():
            if one.setting == _IN_PAPER[setting]:
                printed = (one.accuracy_positive, one.accuracy_negative, one.recall_text, one.recall_image)
                cells.append((f"{setting}, paper: {one.model}", *printed))
        if not ours:
            notes.append(f"Missing, {setting}: {_MAKES[setting]}.")
    notes = _spread_note(cells) + notes
    header = columns("", "positives", "negatives", "R@1 text", "R@1 image")
    notes += ["The paper's rows are of FineCops-Ref."] if paper else []
    where = f" on {split_name(tests, among)}" if len(among) > 1 else ""
    return Table(f"Table VIII: accuracy with a None option, recall@1{where}, %", header, tuple(cells), tuple(notes))


def _table10(rows: Sequence[CrsRow], paper: bool) -> Table:
    tests = splits_of(rows)
    ours = [row for row in rows if _is_choice(row) and row.topk == USUAL_K and row.tuned]
    # The paper's first row is the model that writes boxes itself.
    cells: list[Cells] = [(line.label, None, None, *_precision(line, tests)) for line in lines_of(_plain(rows))]
    for line in sorted(lines_of(ours), key=lambda line: (line.first.source or "", line.first.rows or 0)):
        size, source = line.first.rows, line.first.source
        cells.append((line.title, size, source, *_precision(line, tests)))
    notes = _spread_note(cells)
    if missing := [str(size) for size in SIZES if size not in {row.size for row in ours}]:
        notes.append(
            f"Missing, {', '.join(missing)} rows: `finecops crs tune-data --positives N --out FILE`, `finecops crs "
            "tune FILE --out DIR`, `finecops crs select --adapter DIR`."
        )
    unknown = list(dict.fromkeys(row.label for row in ours if row.rows is None))
    if unknown:
        notes.append(f"The adapter is gone or was tuned again, so its rows are not known: {', '.join(unknown)}.")
    if paper:
        for one in paper_tuning_data():
            cells.append((f"paper: {one.model}", one.label, one.source, *_paper(one, tests)))
        notes.append(paper_note(tests))
    header = (Column("", side="left"), Column("rows"), Column("source", side="left"), *_precision_columns(tests))
    return Table("Table X: the amount of tuning data, %", header, tuple(cells), tuple(notes))


def _table11(rows: Sequence[CrsRow], paper: bool) -> Table:
    tests = splits_of(rows)
    ours = [row for row in rows if _is_choice(row) and (not row.tuned or of_usual_size(row, rows))]
    cells: list[Cells] = [(line.label, None, *_precision(line, tests)) for line in lines_of(_plain(rows))]
    for line in sorted(lines_of(ours), key=lambda line: (not line.first.tuned, line.first.topk or 0)):
        cells.append((line.title, line.first.topk, *_precision(line, tests)))
    notes = _spread_note(cells)
    if missing := [str(k) for k in RANKS if k not in {row.topk for row in ours if row.tuned}]:
        notes.append(f"Missing, k = {', '.join(missing)} with a tuned model: `finecops crs select --topk K --run RUN`.")
    if paper:
        for one in paper_top_k():
            cells.append((f"paper: {one.model}", one.label.removeprefix("Top-"), *_paper(one, tests)))
        notes.append(paper_note(tests))
    header = (Column("", side="left"), Column("k"), *_precision_columns(tests))
    return Table("Table XI: the number of candidates, %", header, tuple(cells), tuple(notes))


def _is_choice(row: CrsRow) -> bool:
    return row.method == "crs" and not row.none and row.usual


def _plain(rows: Sequence[CrsRow]) -> list[CrsRow]:
    return [row for row in rows if row.alone and not row.none and not row.tuned]


def _precision(line: Line, tests: Sequence[DataSplit]) -> Cells:
    """Precision@1 on each test set, each with its number of positives."""
    cells: list[Cell] = []
    for one in tests:
        there = line.on(one)
        cells += [line.cell(one, attrgetter("precision_at_1")), there[0].n if there else None]
    return tuple(cells)


def _precision_columns(tests: Sequence[DataSplit]) -> tuple[Column, ...]:
    if len(tests) == 1:
        return Column("precision@1"), Column("n")
    return tuple(column for one in tests for column in (Column(split_name(one, tests)), Column("n")))


def _paper(one: PaperAblation, tests: Sequence[DataSplit]) -> Cells:
    cells: list[Cell] = []
    for there in tests:
        cells += [one.precision_at_1.get(paper_set(there, tests) or ""), None]
    return tuple(cells)


def _spread_note(cells: Sequence[Cells]) -> list[str]:
    return [SPREAD_NOTE] if any(isinstance(cell, Spread) for row in cells for cell in row) else []
