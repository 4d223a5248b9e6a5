"""Gains as tables and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pydantic import JsonValue

from finecops.evaluation.gain_groups import ALL, FEWEST
from finecops.evaluation.gains import Gain, Gains
from finecops.report.document import Cell, Column, Document, Range, Table
from finecops.text import counted

_LEADING = (
    *("run", "visual_tokens", "condition", "group", "strategy", "n", "mllm", "precision_at_1", "gain"),
    *("ci_low", "ci_high", "found", "localisation_loss", "loss_of_found", "candidate_recall", "topk", "simulated"),
)
_RECALL = "candidate recall"


def gains_document(found: Gains) -> Document:
    """Gains for every writer; the rows have every group, and every candidate recall."""
    data = found.model_dump(mode="json")
    rows: list[dict[str, JsonValue]] = list(data["gains"])
    for row in found.recalls:
        flat = row.model_dump(mode="json", exclude={"recall"})
        # In the columns of the other rows.
        recall: dict[str, JsonValue] = {
            "condition": _RECALL,
            "group": f"{row.recall:.1f}",
            "candidate_recall": row.recall,
        }
        rows.append({**flat, **recall, "mllm": row.precision_at_1 - row.gain})
    tables = [_whole(found)]
    for run in found.runs:
        tables += _of_run(found, run)
    return Document([*tables, _rules(found)], data=data, rows=rows, leading=_LEADING)


def _whole(found: Gains) -> Table:
    rows = [row for row in found.gains if row.condition == ALL]
    lines = [_line(_name(found, run), [r for r in rows if r.run == run], _strategies(rows)) for run in found.runs]
    even = any(row.ci_low == row.ci_high for row in found.gains)
    notes = (
        f"found: the MLLM's box has an IoU above {found.found_iou:g}. lost: of these, per cent whose IoU is not above "
        f"{found.iou:g} (localisation).",
        "Intervals are paired 95% bootstrap intervals, each alone: among twenty groups one may be clear by chance.",
        *(["An interval without width: all answers there are alike, and a bootstrap sees no others."] if even else []),
        *found.notes,
    )
    title = f"Gain over the MLLM alone, points of precision@1, on {counted(found.positives, 'positive')}"
    return Table(title, _header(rows), tuple(lines), notes)


def _of_run(found: Gains, run: str) -> Iterator[Table]:
    """The groups of a run, where its gains come from, and its gains by recall."""
    rows = [row for row in found.gains if row.run == run and row.condition != ALL]
    section = f"{run}  ·  {found.dataset}, {found.split}"
    tokens = next(row.visual_tokens for row in found.gains if row.run == run)
    section += f"  ·  {tokens} visual tokens" if tokens is not None else ""
    groups = dict.fromkeys((row.condition, row.group) for row in rows)
    lines = []
    for condition, group in groups:
        some = [row for row in rows if (row.condition, row.group) == (condition, group)]
        lines.append(_line(f"{condition}: {group}", some, _strategies(rows)))
    if lines:
        yield Table("By groups of positives", _header(rows), tuple(lines), section=section)
    yield _origins(found, run, section)
    recalls = [row for row in found.recalls if row.run == run]
    for strategy in dict.fromkeys(row.strategy for row in recalls):
        points = [row for row in recalls if row.strategy == strategy]
        cells: list[tuple[Cell, ...]] = [
            (
                f"{row.recall:.1f}{'' if row.simulated else ' (measured)'}",
                row.precision_at_1,
                row.gain + 0.0,
                Range(row.ci_low + 0.0, row.ci_high + 0.0),
            )
            for row in points
        ]
        header = (Column(f"recall@{points[0].topk}", side="left"), Column("P@1", ".1f"), *_gain_columns(""))
        note = "Below the measured recall, the candidate nearest to the truth is left out of random questions."
        yield Table(f"{strategy} by candidate recall, %", header, tuple(cells), (note,), section)


def _origins(found: Gains, run: str, section: str) -> Table:
    rows = [row for row in found.origins if row.run == run]
    strategies = list(dict.fromkeys(row.strategy for row in rows))
    lines: list[tuple[Cell, ...]] = []
    for kind in dict.fromkeys(row.mllm for row in rows):
        some = [row for row in rows if row.mllm == kind]
        cells = [cell for row in some for cell in (row.right, row.points + 0.0)]
        lines.append((kind, some[0].share, *cells))
    columns = [c for name in strategies for c in (Column(f"{name} right", ".1f"), Column("points", "+.1f"))]
    note = "right: how many of these the strategy has right. The points of a column sum to its gain."
    header = (Column("the MLLM alone", side="left"), Column("share", ".1f"), *columns)
    return Table("Where the gain comes from, %", header, tuple(lines), (note,), section)


def _name(found: Gains, run: str) -> str:
    tokens = next(row.visual_tokens for row in found.gains if row.run == run)
    budgets = [row.visual_tokens for row in found.gains if row.condition == ALL and row.run != run]
    # Two runs at one budget differ by their names.
    return run if tokens is None or tokens in budgets else counted(tokens, "visual token")


def _header(rows: Sequence[Gain]) -> tuple[Column, ...]:
    columns = [
        Column("", side="left"),
        Column("n"),
        Column("MLLM", ".1f"),
        Column("found", ".1f"),
        Column("lost", ".1f"),
    ]
    for strategy in _strategies(rows):
        columns += _gain_columns(strategy)
    return tuple(columns)


def _gain_columns(strategy: str) -> list[Column]:
    return [Column(strategy or "gain", "+.1f"), Column("95% interval", "+.1f")]


def _line(name: str, rows: Sequence[Gain], strategies: Sequence[str]) -> tuple[Cell, ...]:
    """The cells of a group; a strategy that the run lacks has empty ones."""
    of = {row.strategy: row for row in rows}
    cells: list[Cell] = [name, rows[0].n, rows[0].mllm, rows[0].found, rows[0].loss_of_found]
    for strategy in strategies:
        row = of.get(strategy)
        # + 0.0 makes -0.0 a plain zero.
        cells += [None, None] if row is None else [row.gain + 0.0, Range(row.ci_low + 0.0, row.ci_high + 0.0)]
    return tuple(cells)


def _strategies(rows: Sequence[Gain]) -> list[str]:
    return list(dict.fromkeys(row.strategy for row in rows))


def _rules(found: Gains) -> Table:
    sentences = [rule.sentence for rule in found.loss_rules] + [rule.sentence for rule in found.recall_rules]
    nothing = f"No rule: in no group the MLLM finds {FEWEST} targets, and no run has CRS."
    return Table(notes=("What follows:", *(f"  {sentence}" for sentence in sentences or [nothing])))
