"""The paper's Tables VI (precision@1 by router level) and VII (focus) from runs."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

from finecops.evaluation.crs_tables import CrsRow
from finecops.evaluation.paper import paper_focus, paper_router_levels
from finecops.report.crs_lines import SPREAD_NOTE, DataSplit, Line, lines_of, split_name, splits_of
from finecops.report.document import Cell, Column, Spread, Table

USUAL_ROWS = 10_000
"""So many rows the paper tunes on. Where there are adapters of other sizes too, they are Table X's."""
USUAL_K = 5
_LEVELS = ("router_1", "router_2", "precision_at_1")
_MAKES_SFA = "`finecops sfa run --both --no-focus` (alone, and SFA), `finecops sfa run --both` (the same with focus)"


def table_vi(rows: Sequence[CrsRow], paper: bool) -> Table:
    """Every method by router level, one column group for each test set, with its cost."""
    tests = splits_of(rows)
    lines = _in_order([row for row in rows if _of_table_vi(row, rows)])
    cells: list[tuple[Cell, ...]] = []
    for line in lines:
        figures = [line.cell(one, attrgetter(name)) for one in tests for name in _LEVELS]
        costs = [line.mean(tests[0], attrgetter(name)) for name in ("to_mllm", "gflops")]
        cells.append((line.title, *figures, *(None if cost is None else cost[0] for cost in costs)))
    notes = [*_notes(cells), "L1, L2: the router's levels."]
    where = f" Both on {split_name(tests[0], tests)}." if len(tests) > 1 else ""
    notes.append(f"MLLM: % of samples that it is asked about. GFLOP: 10⁹ operations a sample.{where}")
    notes += _missing_sfa(lines)
    if paper:
        cells += [(f"paper: {name}", *_beside(values, tests), None, None) for name, values in paper_router_levels()]
        notes.append(paper_note(tests))
    header = [Column("", side="left")]
    for one in tests:
        of = f"{split_name(one, tests)} " if len(tests) > 1 else ""
        header += [Column(f"{of}L1"), Column(f"{of}L2"), Column(f"{of}all")]
    header += [Column("MLLM", ".1f"), Column("GFLOP", ".3f")]
    return Table("Table VI: precision@1 by router level, %", tuple(header), tuple(cells), tuple(notes))


def table_vii(rows: Sequence[CrsRow], paper: bool) -> Table:
    """Each model alone with the whole expression and with focus."""
    tests = splits_of(rows)
    alone = [row for row in rows if row.method in ("specialist", "mllm") and not row.none and not row.tuned]
    lines = _in_order(alone)
    plain = {line.label: line for line in lines if not line.first.focus}
    focused = {line.label.replace(" + focus", ""): line for line in lines if line.first.focus}
    cells: list[tuple[Cell, ...]] = []
    for label in dict.fromkeys([*plain, *focused]):
        pairs = [(side.get(label), one) for one in tests for side in (plain, focused)]
        figures = [None if line is None else line.cell(one, attrgetter("precision_at_1")) for line, one in pairs]
        cells.append((label, *figures))
    notes = [] if plain and focused else [f"Missing: {_MAKES_SFA}."]
    if paper:
        cells += [(f"paper: {name}", *_beside(values, tests)) for name, values in paper_focus()]
        notes.append(paper_note(tests))
    header = [Column("", side="left")]
    for one in tests:
        of = f"{split_name(one, tests)} " if len(tests) > 1 else ""
        header += [Column(f"{of}expression"), Column(f"{of}focus")]
    return Table("Table VII: focus on the target, precision@1, %", tuple(header), tuple(cells), tuple(notes))


def of_usual_size(row: CrsRow, rows: Sequence[CrsRow]) -> bool:
    """Whether a tuned row has the paper's amount of data, where any has it."""
    return row.size == USUAL_ROWS or all(other.size != USUAL_ROWS for other in rows if other.by_crs and not other.none)


def paper_note(tests: Sequence[DataSplit]) -> str:
    """Of which dataset the paper's figures beside some test sets are."""
    named = [name for name, _ in tests if _key(name) in PAPER_SETS]
    return f"The paper's precision@1 is of {', '.join(dict.fromkeys(named)) or 'FineCops-Ref'}."


PAPER_SETS = ("finecops_ref", "ref_adv", "ref_reasoning")
"""The datasets of the paper's columns."""


def paper_set(tests: DataSplit, among: Sequence[DataSplit]) -> str | None:
    """The paper's dataset whose figures stand below a test set: its own, or FineCops-Ref below the first of others."""
    if _key(tests[0]) in PAPER_SETS:
        return _key(tests[0])
    others = all(_key(name) not in PAPER_SETS for name, _ in among)
    return PAPER_SETS[0] if others and tests == among[0] else None


def _key(name: str) -> str:
    return name.casefold().replace("-", "_")


def _beside(values: dict[str, tuple[float | None, ...]], tests: Sequence[DataSplit]) -> list[Cell]:
    """The paper's figures below each test set, or empty cells."""
    width = len(next(iter(values.values())))
    found: list[Cell] = []
    for one in tests:
        name = paper_set(one, tests)
        found += values.get(name or "", (None,) * width)
    return found


def _of_table_vi(row: CrsRow, rows: Sequence[CrsRow]) -> bool:
    if row.none or (row.alone and row.tuned):
        return False
    if not row.by_crs:
        return True
    return row.tuned and row.usual and row.topk == USUAL_K and of_usual_size(row, rows)


def _in_order(rows: Sequence[CrsRow]) -> list[Line]:
    """Models alone, SFA, CRS, and SFA with CRS, as in the paper's table."""
    ranks = {"specialist": 0, "mllm": 1, "sfa": 2, "crs": 3}
    lines = lines_of(rows)
    return sorted(
        lines,
        key=lambda line: (
            ranks[line.first.method] + (line.first.method == "sfa" and line.first.by_crs) * 2,
            line.first.focus,
        ),
    )


def _notes(cells: Sequence[tuple[Cell, ...]]) -> list[str]:
    return [SPREAD_NOTE] if any(isinstance(cell, Spread) for row in cells for cell in row) else []


def _missing_sfa(lines: Sequence[Line]) -> list[str]:
    there = {line.first.focus for line in lines if line.first.method == "sfa" and not line.first.by_crs}
    return [] if there == {True, False} else [f"Missing, SFA without or with focus: {_MAKES_SFA}."]
