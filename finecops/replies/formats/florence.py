"""Florence-2 gives boxes to every phrase of a caption: `A red car<loc_52>…<loc_774>a door<loc_0>…`.

This module finds the boxes of the target's phrase.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_LOC = re.compile(r"<loc_\d+>")
_WORD = re.compile(r"[a-z]+")
_TAG = re.compile(r"</?[a-z_]+>")


def label_before(text: str, start: int) -> str:
    """The phrase of the box whose first location token starts at `start`.

    A phrase may have several boxes, one after the other. Their tokens are skipped.

    >>> label_before("a car<loc_1><loc_2><loc_3><loc_4>", 5)
    'a car'
    """
    before = text[:start]
    while (last := _ends_with_location(before)) is not None:
        before = before[:last]
    # The phrase begins after the location tokens of the phrase before it.
    begin = max((match.end() for match in _LOC.finditer(before)), default=0)
    return _TAG.sub("", before[begin:]).strip()


def target_first(text: str, starts: Sequence[int], target: str) -> list[int]:
    """Order of the boxes that start at `starts`: best word overlap of phrase and target first.

    The overlap is the number of shared words divided by the number of different words in both (Jaccard).
    """
    wanted = set(_WORD.findall(target.lower()))

    def overlap(index: int) -> float:
        words = set(_WORD.findall(label_before(text, starts[index]).lower()))
        return len(words & wanted) / len(words | wanted) if words | wanted else 0.0

    # Among equal overlaps the model's own order stays.
    return sorted(range(len(starts)), key=lambda index: (-overlap(index), index))


def _ends_with_location(text: str) -> int | None:
    match = re.search(r"<loc_\d+>$", text)
    return match.start() if match else None
