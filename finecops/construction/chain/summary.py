"""What a build made and what it left out, as tables: `finecops data build gqa` prints it at the end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from pydantic import JsonValue

from finecops.benchmark_words import type_order
from finecops.construction.chain.folder import BuildFolder, StageRecord
from finecops.construction.chain.outcome import DROPPED, FAILED, KEPT
from finecops.construction.chain.stage import ORDER
from finecops.report.document import Cell, Column, Document, Table, columns

_MOST: Final = 6
"""Reasons of a stage that the text shows; the data have all."""
_LEFT = Column("reason", side="left")


def summary_document(folder: BuildFolder) -> Document:
    """The stages of a build with their counts and reasons."""
    stages = {name: folder.stages[name] for name in ORDER if folder.is_done(name)}
    data: dict[str, JsonValue] = {
        "version": 1,
        "split": folder.split,
        "stages": {name: stage_data(record) for name, record in stages.items()},
    }
    where = f"The rows of each stage are in {folder.path}/."
    return Document(
        [_stages(stages), *_columns(stages), _reasons(stages, where)],
        data=data,
        rows=list(_tidy(stages)),
        leading=("stage", "status", "reason", "column", "count"),
    )


def stage_data(record: StageRecord) -> dict[str, JsonValue]:
    """A stage's counts and reasons as JSON."""
    return {
        "counts": dict(record.counts),
        "reasons": dict(record.reasons),
        "inside": dict(record.inner),
        "columns": dict(record.columns),
        "notes": list(record.notes),
    }


def _stages(stages: Mapping[str, StageRecord]) -> Table:
    keys = (KEPT, DROPPED, FAILED)
    rows = tuple(_row(name, [record.counts.get(key, 0) for key in keys]) for name, record in stages.items())
    notes = tuple(f"{name}: {note}" for name, record in stages.items() for note in record.notes)
    return Table("Rows of each stage", columns("stage", *keys), rows, notes)


def _columns(stages: Mapping[str, StageRecord]) -> Iterator[Table]:
    """Negatives by type and level."""
    counts = {name: record.columns for name, record in stages.items() if record.columns}
    if counts:
        keys = sorted({key for found in counts.values() for key in found}, key=_column_order)
        rows = tuple(
            _row(key.replace("/", ", level "), [found.get(key, 0) for found in counts.values()]) for key in keys
        )
        yield Table("Negatives made by type and level", columns("type", *counts), rows)


def _column_order(key: str) -> tuple[tuple[int, str], str]:
    type_, _, level = key.partition("/")
    return type_order(type_), level


def _row(name: str, counts: Sequence[int]) -> tuple[Cell, ...]:
    return (name, *counts)


def _reasons(stages: Mapping[str, StageRecord], where: str) -> Table:
    rows: list[tuple[str | int, ...]] = []
    hidden = 0
    for name, record in stages.items():
        found = sorted(record.inner.items(), key=lambda item: (-item[1], item[0]))
        # What failed stands first, however rare: a missing photograph is what a user can fix.
        found = [*sorted(record.reasons.items(), key=lambda item: (-item[1], item[0])), *found]
        # The most frequent first; a pipe reads all of them with --json.
        rows += [(name, count, reason) for reason, count in found[:_MOST]]
        hidden += max(0, len(found) - _MOST)
    rarer = "One rarer reason is" if hidden == 1 else f"{hidden} rarer reasons are"
    notes = (f"{rarer} in --json. {where}" if hidden else where,)
    return Table("Why", (Column("stage", side="left"), Column("count"), _LEFT), tuple(rows), notes) if rows else Table()


def _tidy(stages: Mapping[str, StageRecord]) -> Iterator[dict[str, JsonValue]]:
    def row(**values: JsonValue) -> dict[str, JsonValue]:
        return values

    for name, record in stages.items():
        for status, count in record.counts.items():
            yield row(stage=name, status=status, count=count)
        for what, found in (("row", record.reasons), ("inside a row", record.inner)):
            for reason, count in found.items():
                yield row(stage=name, status=what, reason=reason, count=count)
        for column, count in record.columns.items():
            yield row(stage=name, column=column, count=count)
