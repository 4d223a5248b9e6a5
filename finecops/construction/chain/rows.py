"""Rows of the chain's own files, beside those of `finecops.construction.samples`."""

from __future__ import annotations

from pydantic import JsonValue

from finecops.records import Record


class GraphRow(Record):
    """The scene graph of an image that has a positive, in GQA's format."""

    image_id: str
    graph: dict[str, JsonValue]


class ReviewedRow(Record):
    """What people said of a sample."""

    id: int
    kept: bool
    reason: str | None = None
    text: str | None = None
    """The corrected expression; None: as it was."""
    votes: int = 0
    """How many spoke of it."""
