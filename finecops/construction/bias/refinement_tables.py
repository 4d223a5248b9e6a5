"""Refinements of pairs of texts as tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Final

from pydantic import JsonValue

from finecops.construction.bias.adversarial import AdversarialRefinement, BalancedType
from finecops.construction.bias.audit import READERS
from finecops.construction.bias.blind import BlindScore
from finecops.construction.bias.pairs import READINGS
from finecops.construction.bias.refine_blind import BlindRefinement, RefinedType
from finecops.construction.bias.tables import CHANCE, auroc_cells
from finecops.report.document import Cell, Column, Document, Table

VERSION: Final = 1
_TELL: Final = {"words": "tell", "writing": "tells"}
_KEPT: Final = (
    *(Column("", side="left"), Column("pairs"), Column("kept"), Column("%", ".1f")),
    *(Column("before", ".1f"), Column("after", ".1f"), Column("95%", ".1f")),
)


def blind_document(name: str, found: BlindRefinement) -> Document:
    """A refinement against blind classifiers for every writer."""
    tables = [_blind_table(found, reading) for reading in READINGS]
    tables += [_measured_otherwise(found, reading) for reading in found.settings.readings]
    tables += [_held_out(found, reading) for reading in found.settings.readings]
    titled = [Table(t.title, t.columns, t.rows, t.notes, section=name) for t in tables if t.rows]
    types: list[JsonValue] = [dict(asdict(one)) for one in found.types]
    data: dict[str, JsonValue] = {
        "version": VERSION,
        "name": name,
        "refine": "blind",
        "settings": asdict(found.settings) | {"readings": list(found.settings.readings)},
        "pairs": sum(one.pairs for one in found.types),
        "kept": len(found.kept),
        "types": types,
    }
    rows = [row for one in found.types for row in _blind_rows(name, one)]
    return Document(titled, data=data, rows=rows, leading=("name", "type", "pairs", "kept", "reading"))


def _blind_rows(name: str, one: RefinedType) -> Iterator[dict[str, JsonValue]]:
    for reading, found in one.readings.items():
        row: dict[str, JsonValue] = {"name": name, "type": one.type, "pairs": one.pairs, "kept": one.kept}
        row |= {"reading": reading, "reason": one.reason}
        measures = {
            "before": found.before,
            "after": found.after,
            "fresh": found.fresh,
            "dropped_too": found.dropped_too,
        }
        for measure, score in measures.items():
            row[measure] = score.auroc
            if score.interval is not None:
                row |= {f"{measure}_low": score.interval.low, f"{measure}_high": score.interval.high}
        if one.held_out is not None:
            row |= {"held_out_kept": one.held_out.kept}
            row |= {"held_out_before": one.held_out.before[reading], "held_out_after": one.held_out.after[reading]}
        yield row


def _blind_table(found: BlindRefinement, reading: str) -> Table:
    rows = tuple(_kept_row(one, one.readings[reading].before, one.readings[reading].after) for one in found.types)
    notes = []
    if reading == next(iter(READINGS)):
        notes = [CHANCE, "after: a classifier trained anew on the kept pairs, measured out of fold."]
    if reading not in found.settings.readings:
        notes.append(f"No target: --reading {reading} gives it one. {reading}: {READERS[reading]}.")
    target = f"{found.settings.target:g}"
    if reading in found.settings.readings:
        notes += [
            f"{one.type}: the target of {target} is not reached: {one.reason}." for one in found.types if one.reason
        ]
    return Table(f"Kept, and what the {reading} alone {_TELL[reading]}", _KEPT, rows, tuple(notes))


def _measured_otherwise(found: BlindRefinement, reading: str) -> Table:
    columns = (
        *(Column("", side="left"), Column("other folds", ".1f"), Column("95%", ".1f")),
        *(Column("learned from all", ".1f"), Column("95%", ".1f")),
    )
    rows = tuple(
        (one.type, *auroc_cells(one.readings[reading].fresh), *auroc_cells(one.readings[reading].dropped_too))
        for one in found.types
    )
    notes = (
        "other folds: as after, with folds that decided nothing.",
        "learned from all: of the kept pairs, by classifiers that learned from dropped pairs too, of other images.",
    )
    return Table(f"The {reading} of the kept pairs, measured otherwise", columns, rows, notes)


def _held_out(found: BlindRefinement, reading: str) -> Table:
    rows = tuple(
        (
            *(one.type, one.held_out.pairs, one.held_out.kept, _share(one.held_out.kept, one.held_out.pairs)),
            *(one.held_out.before[reading], one.held_out.after[reading]),
        )
        for one in found.types
        if one.held_out is not None
    )
    notes = (
        "One half of the images is refined alone; a classifier of all pairs of the other half is tested on it, before "
        "and after. Means of both directions.",
    )
    return Table(f"The {reading} of a half that had no part in the choice", _KEPT[:-1], rows, notes)


def adversarial_document(name: str, found: AdversarialRefinement) -> Document:
    """SugarCrepe's refinement for every writer."""
    rows = tuple(_kept_row(one, one.before, one.after) for one in found.types)
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


def _kept_row(one: RefinedType | BalancedType, before: BlindScore, after: BlindScore) -> tuple[Cell, ...]:
    return (one.type, one.pairs, one.kept, _share(one.kept, one.pairs), before.auroc, *auroc_cells(after))


def _share(part: int, whole: int) -> float | None:
    return 100 * part / whole if whole else None
