"""Reading a whole JSON annotation file, with messages that say what was found instead."""

from __future__ import annotations

from itertools import islice
from typing import Any

from finecops.datasets.problems import not_json
from finecops.datasets.source import SourceFile
from finecops.errors import DataError
from finecops.strict_json import RepeatedKeys, parse_marked_json
from finecops.text import shortly


def parsed_file(source: SourceFile) -> Any:
    """The content of a JSON file.

    Raises:
        DataError: it is not JSON (a broken download ends in the middle), or a key stands twice at its top.
    """
    try:
        raw = parse_marked_json(source.content)
    except ValueError as error:
        raise not_json(source.path, error, len(source.content)) from error
    if isinstance(raw, RepeatedKeys):
        raise DataError(f"{source.path}: the key {shortly(raw.key)} stands twice")
    return raw


def first_objects(raw: object) -> list[dict[str, Any]]:
    """The objects among the first hundred values of an object: one of them may be the broken one."""
    return [value for value in islice(raw.values(), 100) if isinstance(value, dict)] if isinstance(raw, dict) else []


def described(raw: object) -> str:
    """What a file holds, for a message that it is not what was meant."""
    if isinstance(raw, dict):
        first = next(iter(raw.values()), None)
        inside = f", the first of them {_keys(first)}" if isinstance(first, dict) else ""
        return f"{_keys(raw)}{inside}"
    if isinstance(raw, list):
        inside = f", the first of them {_keys(raw[0])}" if raw and isinstance(raw[0], dict) else ""
        return f"a list of {len(raw)}{inside}"
    return shortly(raw)


def _keys(raw: dict[str, Any]) -> str:
    named = ", ".join(shortly(key, 30) for key in list(raw)[:8])
    return f"an object of {len(raw)} keys ({named}{', …' if len(raw) > 8 else ''})"
