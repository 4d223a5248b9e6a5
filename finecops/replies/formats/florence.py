"""Florence-2 grounds every phrase of a caption: `A red car<loc_52>…<loc_774>a door<loc_0>…`. Which box is meant?"""

from __future__ import annotations

import re
from collections.abc import Sequence

_LOC = re.compile(r"<loc_\d+>")
_WORD = re.compile(r"[a-z]+")
_TAG = re.compile(r"</?[a-z_]+>")


def label_before(text: str, start: int) -> str:
    """The phrase that a box at `start` belongs to: what stands before its locations and those of its twins."""
    before = text[:start]
    while (last := _ends_with_location(before)) is not None:
        before = before[:last]
    begin = max((match.end() for match in _LOC.finditer(before)), default=0)
    return _TAG.sub("", before[begin:]).strip()


def target_first(text: str, starts: Sequence[int], target: str) -> list[int]:
    """Order of the boxes that start at `starts`: those whose phrase shares most words with the target come first."""
    wanted = set(_WORD.findall(target.lower()))

    def shared(place: int) -> float:
        words = set(_WORD.findall(label_before(text, starts[place]).lower()))
        return len(words & wanted) / len(words | wanted) if words | wanted else 0.0

    return sorted(range(len(starts)), key=lambda place: (-shared(place), place))


def _ends_with_location(text: str) -> int | None:
    match = re.search(r"<loc_\d+>$", text)
    return match.start() if match else None
