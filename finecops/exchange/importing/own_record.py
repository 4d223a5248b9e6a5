"""What `finecops export lmms-eval` and `export vlmevalkit` put into a dataset, as it comes back with the answers."""

from __future__ import annotations

from typing import Any, Final

from finecops.exchange.importing.published import Collector, Line
from finecops.records import Negative, Sample
from finecops.text import shortly

FIELDS: Final = ("id", "expression", "truth", "box", "width", "height")
"""Fields that tell such a record from others."""


def read_record(line: Line, found: Collector, dataset: str, split: str) -> Sample:
    """The sample of a record; `line.row` is the record.

    Raises:
        DataError: it is no such record.
    """
    row = line.row
    missing = [key for key in FIELDS if key not in row]
    if missing:
        raise line.error(f"the record has no {', '.join(missing)}")
    kind, type_, level, positive = (
        _or_none(row.get(key)) for key in ("negative_kind", "negative_type", "negative_level", "positive_id")
    )
    negative = None
    if any(v is not None for v in (kind, type_, level, positive)):
        negative = {"kind": kind, "type": type_, "level": level, "positive_id": positive}
    try:
        made = Negative.model_validate(negative) if negative is not None else None
    except ValueError as error:
        raise line.error(f"its negative is {shortly(negative)}") from error
    return found.sample(
        line,
        id=line.id("id"),
        dataset=dataset,
        split=split,
        image=str(_or_none(row.get("file_name")) or ""),
        width=_whole(line, "width"),
        height=_whole(line, "height"),
        expression=line.text("expression"),
        truth=row["truth"],
        box=line.box("box"),
        level=_or_none(row.get("level")),
        tuple_type=_or_none(row.get("tuple_type")),
        negative=made,
    )


def _whole(line: Line, key: str) -> int:
    value = line.row[key]
    if type(value) is not int or not 0 < value < 10**6:
        raise line.error(f"{key} is {shortly(value)}; a number of pixels is meant")
    return value


def _or_none(value: Any) -> Any:
    # A table of texts has "" where there is nothing.
    return None if value == "" else value
