"""Sets of objects as bit masks: bit i is object i of the graph."""

from __future__ import annotations

from collections.abc import Iterable


def bits(mask: int) -> list[int]:
    """The numbers of the bits of a mask, in ascending order.

    >>> bits(0b1011)
    [0, 1, 3]
    """
    found = []
    while mask:
        low = mask & -mask
        found.append(low.bit_length() - 1)
        mask ^= low
    return found


def union(masks: Iterable[int]) -> int:
    """All bits of some masks.

    >>> union([0b1, 0b100])
    5
    """
    out = 0
    for mask in masks:
        out |= mask
    return out
