"""What `finecops export lmms-eval` and `export vlmevalkit` put into a dataset, as it comes back with the answers."""

from __future__ import annotations

from typing import Any, Final

from finecops.exchange.importing.published import Collector, Line
from finecops.paths import name_problem
from finecops.records import Negative, Sample
from finecops.text import clean_line, shortly

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
    kind, type_, positive, tuple_type, file_name = (
        _or_none(row.get(key)) for key in ("negative_kind", "negative_type", "positive_id", "tuple_type", "file_name")
    )
    level = _level(line, "negative_level")
    problem = name_problem(file_name) if file_name is not None else None
    if problem is not None:
        raise line.error(f"file_name: {problem}")
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
        image=file_name or "",
        width=_whole(line, "width"),
        height=_whole(line, "height"),
        expression=line.text("expression"),
        truth=row["truth"],
        box=line.box("box"),
        level=_level(line, "level"),
        tuple_type=tuple_type,
        negative=made,
    )


def _whole(line: Line, key: str) -> int:
    value = line.row[key]
    if type(value) is not int or not 0 < value < 10**6:
        raise line.error(f"{key} is {shortly(value)}; a number of pixels is meant")
    return value


def _level(line: Line, key: str) -> int | None:
    value = _or_none(line.row.get(key))
    if value is not None and (type(value) is not int or not 0 < value < 100):
        raise line.error(f"{key} is {shortly(value)}; a level from 1 on is meant, or null")
    return value


def _or_none(value: Any) -> Any:
    return (clean_line(value) or None) if isinstance(value, str) else value
