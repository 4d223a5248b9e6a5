"""Values of strangers' prediction files: numbers, boxes and ids, each checked in one place."""

from __future__ import annotations

import math
from typing import Any


def as_number(value: object) -> float | None:
    """A number as a float, an infinite one where it is beyond every float; None for what is no number.

    >>> as_number(3), as_number(10**400), as_number(True), as_number("3")
    (3.0, inf, None, None)
    """
    if type(value) is float:
        return value
    if type(value) is not int:
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def as_numbers(value: object, count: int) -> list[float] | None:
    """A list of so many numbers; None for anything else."""
    if not isinstance(value, list) or len(value) != count:
        return None
    numbers: list[Any] = [v if type(v) is float else as_number(v) for v in value]
    return None if None in numbers else numbers
