"""Refinements of pairs of texts as tables."""

from __future__ import annotations

from dataclasses import asdict
from typing import Final

from pydantic import JsonValue

from finecops.construction.bias.adversarial import AdversarialRefinement, BalancedType
from finecops.construction.bias.refine_blind import BlindRefinement, RefinedType
from finecops.construction.bias.tables import CHANCE, auroc_cells
from finecops.report.document import Cell, Column, Document, Table

VERSION: Final = 1
_KEPT: Final = (
    *(Column("", side="left"), Column("pairs"), Column("kept"), Column("%", ".1f")),
    *(Column("before", ".1f"), Column("after", ".1f"), Column("95%", ".1f")),
)


def blind_document(name: str, found: BlindRefinement) -> Document:
    """A refinement against blind classifiers for every writer."""
    tables = (_blind_table, _measured_otherwise, _held_out)
    made = [table(found) for table in tables]
    titled = [Table(t.title, t.columns, t.rows, t.notes, section=name) for t in made if t.rows]
    types: list[JsonValue] = [dict(asdict(one)) for one in found.types]
    rows = [_blind_row(name, one) for one in types if isinstance(one, dict)]
    data: dict[str, JsonValue] = {
        "version": VERSION,
        "name": name,
        "refine": "blind",
        "settings": dict(asdict(found.settings)),
        "pairs": sum(one.pairs for one in found.types),
        "kept": len(found.kept),
        "types": types,
    }
    return Document(titled, data=data, rows=rows, leading=("name", "type", "pairs", "kept"))


def _blind_row(name: str, one: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """One flat row: values of nested measures get their names before them."""
    row: dict[str, JsonValue] = {"name": name}
    for key, value in one.items():
        if not isinstance(value, dict):
            row[key] = value
            continue
        for inner, number in value.items():
            if isinstance(number, dict):
                row |= {f"{key}_{end}": number[end] for end in ("low", "high")}
            elif inner != "reason":
                row[f"{key}_{inner}"] = number
    return row


def _blind_table(found: BlindRefinement) -> Table:
    rows = tuple(_kept_row(one) for one in found.types)
    notes = [CHANCE, "after: a classifier trained anew on the kept pairs, measured out of fold."]
    target = f"{found.settings.target:g}"
    notes += [f"{one.type}: the target of {target} is not reached: {one.reason}." for one in found.types if one.reason]
    return Table("Kept, and what the words alone tell", _KEPT, rows, tuple(notes))


def _measured_otherwise(found: BlindRefinement) -> Table:
    columns = (
        *(Column("", side="left"), Column("other folds", ".1f"), Column("95%", ".1f")),
        *(Column("learned from all", ".1f"), Column("95%", ".1f")),
    )
    rows = tuple((one.type, *auroc_cells(one.fresh), *auroc_cells(one.dropped_too)) for one in found.types)
    notes = (
        "other folds: as after, with folds that decided nothing.",
        "learned from all: of the kept pairs, by classifiers that learned from dropped pairs too, of other images.",
    )
    return Table("The kept pairs, measured otherwise", columns, rows, notes)


def _held_out(found: BlindRefinement) -> Table:
    columns = (
        *(Column("", side="left"), Column("pairs"), Column("kept"), Column("%", ".1f")),
        *(Column("before", ".1f"), Column("after", ".1f")),
    )
    rows = tuple(
        (
            *(one.type, one.held_out.pairs, one.held_out.kept, _share(one.held_out.kept, one.held_out.pairs)),
            *(one.held_out.before, one.held_out.after),
        )
        for one in found.types
        if one.held_out is not None
    )
    notes = (
        "One half of the images is refined alone; a classifier of all pairs of the other half is tested on it, before "
        "and after. Means of both directions.",
    )
    return Table("A half that had no part in the choice", columns, rows, notes)


def adversarial_document(name: str, found: AdversarialRefinement) -> Document:
    """SugarCrepe's refinement for every writer."""
    rows = tuple(_kept_row(one) for one in found.types)
    words = Table("Kept, and what the words alone tell", _KEPT, rows, (CHANCE,), section=name)
    header = (
        *(Column("", side="left"), Column("scorer", side="left")),
        *(Column(title, ".1f") for title in ("before", "ties", "after", "ties")),
    )
    preferences = tuple(
        (one.type, p.scorer, p.before, p.ties_before, p.after, p.ties_after)
        for one in found.types
        for p in one.preferences
    )
    note = "In % of pairs. After refinement a scorer prefers as many negatives; the rest are ties."
    preferred = Table("How often a scorer prefers the positive", header, preferences, (note,), section=name)
    types: list[JsonValue] = [dict(asdict(one)) for one in found.types]
    flat: list[dict[str, JsonValue]] = [
        {"name": name, "type": one.type, "pairs": one.pairs, "kept": one.kept, **asdict(p)}
        for one in found.types
        for p in one.preferences
    ]
    data: dict[str, JsonValue] = {
        "version": VERSION,
        "name": name,
        "refine": "adversarial",
        "seed": found.seed,
        "pairs": sum(one.pairs for one in found.types),
        "kept": len(found.kept),
        "types": types,
    }
    return Document([words, preferred], data=data, rows=flat, leading=("name", "type", "scorer"))


def _kept_row(one: RefinedType | BalancedType) -> tuple[Cell, ...]:
    return (one.type, one.pairs, one.kept, _share(one.kept, one.pairs), one.before.auroc, *auroc_cells(one.after))


def _share(part: int, whole: int) -> float | None:
    return 100 * part / whole if whole else None
