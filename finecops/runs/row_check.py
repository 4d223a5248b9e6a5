"""Whether lines are rows of a type, without making the rows: a check by msgspec, which is several times as fast.

What it accepts, the type's own validation accepts. It accepts what `finecops` writes; other lines are validated.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, Protocol

import msgspec

from finecops.records import StageRow
from finecops.strict_json import has_keys_once, parse_record


class Head(Protocol):
    """What is asked of a row that is not made."""

    @property
    def sample_id(self) -> str:
        """As in the row."""
        ...

    @property
    def reason(self) -> str | None:
        """As in the row."""
        ...


Checked = tuple[list[Head], ValueError | None]
"""Heads of the rows of some lines up to the first that is no row, and what is wrong with that."""


@lru_cache(maxsize=32)
def rows_check(row_type: type[StageRow]) -> Callable[[list[bytes]], Checked]:
    """A function from lines to the heads of their rows."""
    struct = _struct(row_type)
    check = row_check(row_type)
    if struct is None:
        return lambda lines: _one_by_one(check, lines)
    decoder: Any = msgspec.json.Decoder(list[struct | str])  # type: ignore[valid-type]
    fields = len(row_type.model_fields)

    def check_all(lines: list[bytes]) -> Checked:
        # Between two lines stands a text that no file can know, so that two rows on one line are not taken for two
        # lines. Every row has every key: if there are as many as that, none stands twice in a row.
        between = secrets.token_hex(8)
        text = b"[" + f',"{between}",'.encode().join(lines) + b"]"
        if has_keys_once(text, fields * len(lines)):
            try:
                together: list[Any] = decoder.decode(text)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                return _one_by_one(check, lines)
            found = together[::2]
            whole = len(together) == 2 * len(lines) - 1 and together[1::2].count(between) == len(lines) - 1
            if whole and str not in set(map(type, found)) and all(map(_has_its_box, found)):
                return found, None
        return _one_by_one(check, lines)

    return check_all


def _one_by_one(check: Callable[[bytes], Head], lines: Iterable[bytes]) -> Checked:
    found: list[Head] = []
    for line in lines:
        try:
            found.append(check(line))
        except ValueError as error:
            return found, error
    return found, None


@lru_cache(maxsize=32)
def row_check(row_type: type[StageRow]) -> Callable[[bytes], Head]:
    """A function from a line to a head of its row. It raises ValueError where the line is no such row."""
    struct = _struct(row_type)
    if struct is None:
        return lambda line: parse_record(line, row_type)
    decoder: Any = msgspec.json.Decoder(struct)
    fields = len(row_type.model_fields)

    def check(line: bytes) -> Head:
        if has_keys_once(line, fields):
            try:
                found: Any = decoder.decode(line)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                return parse_record(line, row_type)
            if _has_its_box(found):
                return found  # type: ignore[no-any-return]
        return parse_record(line, row_type)

    return check


def _has_its_box(row: Any) -> bool:
    # `Prediction` has this rule of its own.
    return getattr(row, "status", None) != "box" or bool(row.boxes)


def _struct(row_type: type[StageRow]) -> Any:
    """What msgspec calls a row of the type; None: it has types that msgspec does not know, as rows of rows have."""
    # Our own rows have all keys.
    described = [(name, field.annotation) for name, field in row_type.model_fields.items()]
    try:
        struct = msgspec.defstruct(row_type.__name__, described, forbid_unknown_fields=True, gc=False)
        msgspec.json.Decoder(struct)
    except TypeError:
        return None
    return struct
