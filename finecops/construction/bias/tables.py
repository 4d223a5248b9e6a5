"""The audit of a benchmark's bias as tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Final

from pydantic import JsonValue

from finecops.construction.bias.audit import READERS, Audit, TypeAudit
from finecops.construction.bias.blind import BlindScore
from finecops.report.document import Cell, Column, Document, Range, Table

VERSION: Final = 1
LEADING: Final = ("name", "table", "kind", "type", "reader", "value", "low", "high", "positives", "negatives", "reason")
_ROOM: Final = 40
"""Characters of the words that are named in a row."""
_TABLES: Final = (
    ("What the texts alone tell", ("words", "writing")),
    ("What the images alone tell", ("image", "image_model")),
    ("Which positives negatives were made from", ("words_all", "box")),
)
"""Title of a table, and its readers."""
_SHORT: Final = {"words_all": "words", "image_model": "model"}
CHANCE = "AUROC in %, out of 5 folds by image, with 95% intervals that draw images. 50 is chance."


def audit_document(audits: Sequence[Audit]) -> Document:
    """Audits for every writer."""
    tables = [table for audit in audits for table in _audit_tables(audit)]
    rows = [row for audit in audits for row in _audit_rows(audit)]
    data: dict[str, JsonValue] = {
        "version": VERSION,
        "readers": dict(READERS),
        "audits": [_audit_json(audit) for audit in audits],
    }
    return Document(tables, data=data, rows=rows, leading=LEADING)


def _audit_tables(audit: Audit) -> Iterator[Table]:
    tables = [_readers(audit, *one) for one in _TABLES]
    tables[1:1] = [_telling(audit.types)]
    found = [table for table in (*tables, _guesses(audit)) if table.rows]
    if not found:
        yield Table("Nothing to audit", notes=("There is neither a negative nor a positive.",), section=audit.name)
    for i, table in enumerate(found):
        first = (CHANCE,) if i == 0 and table.title == _TABLES[0][0] else ()
        last = tuple(audit.notes) if i == len(found) - 1 else ()
        yield Table(table.title, table.columns, table.rows, (*first, *table.notes, *last), section=audit.name)


def _readers(audit: Audit, title: str, readers: Sequence[str]) -> Table:
    """A row per type with what some readers tell of it, and how many negatives they saw."""
    types = [one for one in audit.types if any(reader in one.readers for reader in readers)]
    there = [reader for reader in readers if any(reader in one.readers for one in types)]
    header = [Column("", side="left"), Column("negatives")]
    for reader in there:
        header += [Column(_SHORT.get(reader, reader), ".1f"), Column("95%", ".1f")]
    rows = tuple(
        (
            *(_title(one), max(one.readers[r].negatives for r in there if r in one.readers)),
            *(cell for r in there for cell in auroc_cells(one.readers.get(r))),
        )
        for one in types
    )
    notes = [f"{_SHORT.get(reader, reader)}: {READERS[reader]}." for reader in there]
    return Table(title, tuple(header), rows, (*notes, *_reasons(types, there)))


def _telling(types: Sequence[TypeAudit]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for one in types:
        if one.for_negatives:
            rows.append((_title(one), "positive", _as_many(one.for_positives)))
            rows.append(("", "negative", _as_many(one.for_negatives)))
    header = tuple(Column(title, side="left") for title in ("", "speaks for a", "words and pairs of words"))
    return Table("What tells most in the writing", header, tuple(rows))


def _as_many(words: Sequence[str]) -> str:
    """As many words as there is room for."""
    text = ""
    for word in words:
        longer = f"{text}  {word}" if text else word
        if len(longer) > _ROOM:
            break
        text = longer
    return text or words[0][:_ROOM]


def _guesses(audit: Audit) -> Table:
    levels = sorted({level for guess in audit.guesses for level in guess.levels})
    header = (
        *(Column("", side="left"), Column("P@1", ".1f"), Column("95%", ".1f")),
        *(Column(f"level {level}", ".1f") for level in levels),
    )
    rows = tuple(
        (
            *(guess.name, guess.value),
            Range(guess.interval.low, guess.interval.high) if guess.interval is not None else None,
            *(guess.levels.get(level) for level in levels),
        )
        for guess in audit.guesses
    )
    count = audit.guesses[0].samples if audit.guesses else 0
    return Table(f"Blind guesses on {count} positives", header, rows, (f"Boxes: {audit.boxes_from}.",))


def _title(one: TypeAudit) -> str:
    return f"{one.kind} {one.type}"


def auroc_cells(score: BlindScore | None) -> tuple[Cell, Cell]:
    """A value and its interval."""
    if score is None or score.auroc is None:
        return None, None
    return score.auroc, Range(score.interval.low, score.interval.high) if score.interval is not None else None


def _reasons(types: Sequence[TypeAudit], readers: Sequence[str]) -> Iterator[str]:
    """Why values are missing, each reason once."""
    found: dict[str, list[str]] = {}
    for one in types:
        for reader in readers:
            if reader in one.readers and (reason := one.readers[reader].reason) is not None:
                found.setdefault(reason, []).append(_title(one))
    for reason, names in found.items():
        yield f"–: {reason} ({', '.join(dict.fromkeys(names))})."


def _audit_rows(audit: Audit) -> Iterator[dict[str, JsonValue]]:
    for one in audit.types:
        for reader, score in one.readers.items():
            yield {
                "name": audit.name,
                "table": "blind",
                "kind": one.kind,
                "type": one.type,
                "reader": reader,
                "value": score.auroc,
                "positives": score.positives,
                "negatives": score.negatives,
                **_interval(score),
                "reason": score.reason,
            }
    for guess in audit.guesses:
        row: dict[str, JsonValue] = {"name": audit.name, "table": "guess", "reader": guess.name, "value": guess.value}
        row |= {"positives": guess.samples}
        row |= {"low": guess.interval.low, "high": guess.interval.high} if guess.interval is not None else {}
        yield row | {f"level_{level}": value for level, value in guess.levels.items()}


def _interval(score: BlindScore) -> dict[str, JsonValue]:
    return {"low": score.interval.low, "high": score.interval.high} if score.interval is not None else {}


def _audit_json(audit: Audit) -> JsonValue:
    return {
        "name": audit.name,
        "types": [dict(asdict(one)) for one in audit.types],
        "guesses": [asdict(g) | {"levels": {str(k): v for k, v in g.levels.items()}} for g in audit.guesses],
        "boxes_from": audit.boxes_from,
        "notes": list(audit.notes),
    }
