"""What two datasets share, as tables."""

from __future__ import annotations

from dataclasses import asdict
from typing import Final

from pydantic import JsonValue

from finecops.datasets.overlap import Overlap, Share
from finecops.report.document import Column, Document, Table

VERSION: Final = 1
LEADING: Final = ("what", "a", "a_in_b", "b", "b_in_a")
_NOTES = (
    "images by id: of one COCO id, or of one file name. by looks: hashes differ in few bits.",
    "samples with their expression: the other side has the same words on that image.",
)


def overlap_document(found: Overlap, listed: bool = False) -> Document:
    """An overlap for every writer.

    Args:
        listed: whether shared images and samples are listed one by one.
    """
    rows: list[dict[str, JsonValue]] = [dict(asdict(share)) for share in found.shares]
    data: dict[str, JsonValue] = {
        "version": VERSION,
        "a": found.a,
        "b": found.b,
        "shares": list(rows),
        "notes": list(found.notes),
    }
    if listed:
        rows += [
            {"what": f"image by {pair.by}", "a": pair.a, "b": pair.b, "bits": pair.distance} for pair in found.images
        ]
        rows += [{"what": "sample", "a": a, "b": b} for a, b in found.samples]
        data["images"] = [dict(asdict(pair)) for pair in found.images]
        data["samples"] = [list(pair) for pair in found.samples]
    return Document(overlap_tables(found, listed), data=data, rows=rows, leading=LEADING)


def overlap_tables(found: Overlap, listed: bool = False) -> list[Table]:
    """The shares, and if asked for the shared images and samples."""
    header = (
        Column("", side="left"),
        *(Column("A"), Column("in B"), Column("%", ".1f")),
        *(Column("B"), Column("in A"), Column("%", ".1f")),
    )
    rows = tuple(
        (
            *(share.what, share.a, share.a_in_b, _percent(share.a_in_b, share.a)),
            *(share.b, share.b_in_a, _percent(share.b_in_a, share.b)),
        )
        for share in found.shares
    )
    section = f"A: {found.a}  ·  B: {found.b}"
    tables = [Table("Shared", header, rows, notes=(*_NOTES, *found.notes, _answer(found)), section=section)]
    if listed:
        images = tuple((pair.a, pair.b, pair.by, pair.distance) for pair in found.images)
        columns = (*(Column(name, side="left") for name in ("A", "B", "by")), Column("bits that differ"))
        tables.append(Table("Shared images", columns, images, section=section))
        columns = (Column("A", side="left"), Column("B", side="left"))
        tables.append(
            Table("Samples with the same expression on the same image", columns, found.samples, section=section)
        )
    # What was asked for and is empty is said.
    return [table if table.rows else Table(table.title, notes=("none",), section=section) for table in tables]


def _percent(part: int, whole: int) -> float | None:
    return 100 * part / whole if whole else None


def _answer(found: Overlap) -> str:
    """What it comes to, in one sentence."""
    shares: dict[str, Share] = {share.what: share for share in found.shares}
    on_images, with_words = shares["samples on shared images"], shares["samples with their expression"]
    if not on_images.b_in_a:
        return "No sample of B is on an image of A, as far as was compared."
    return (
        f"Of B's {on_images.b} samples, {on_images.b_in_a} are on an image of A, {with_words.b_in_a} of them with the "
        "same expression."
    )
