"""Box text formats: how a model writes a box, and how to read what it wrote.

A decoder is a pure function of the text. It never sees the truth, and takes the coordinate convention from the
dialect alone, not from the size of the numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from finecops.models.dialects import norm1000_paren
from finecops.records import PredictionStatus, Xyxy


@dataclass(frozen=True)
class Decoded:
    """What an answer says: `box` with boxes, `reject`, or `unparsed` with a reason. `at` are the character
    spans of the boxes' coordinates in the text, without the markers around them."""

    status: PredictionStatus
    boxes: tuple[Xyxy, ...] = ()
    at: tuple[tuple[int, int], ...] = ()
    reason: str | None = None


@dataclass(frozen=True)
class Dialect:
    """A box text format: `encode` (box, image size) → text, and `find` (text, image size) → boxes and spans."""

    encode: Callable[[Xyxy, tuple[int, int]], str]
    find: Callable[[str, tuple[int, int]], list[tuple[Xyxy, tuple[int, int]] | str]]


DIALECTS: Final[Mapping[str, Dialect]] = {
    "norm1000_paren": Dialect(norm1000_paren.encode, norm1000_paren.find),
}

_REFUSALS = ("none", "not found", "no target", "not present", "not in the image", "does not exist", "[]")


def decode(dialect: Dialect, text: str, image_wh: tuple[int, int]) -> Decoded:
    """Read an answer: boxes if it has any; else a refusal if it reads like one; else unparsed.

    An answer whose only boxes are broken (a corner past the other, a coordinate out of range) is unparsed, with
    the reason.
    """
    found = dialect.find(text, image_wh)
    good = [item for item in found if not isinstance(item, str)]
    if good:
        return Decoded("box", tuple(box for box, _ in good), tuple(span for _, span in good))
    broken = [item for item in found if isinstance(item, str)]
    if broken:
        return Decoded("unparsed", reason=broken[0])
    plain = text.strip().strip("\"'“”.").lower()
    if any(refusal in plain for refusal in _REFUSALS):
        return Decoded("reject")
    return Decoded("unparsed", reason="the answer has no box" if plain else "the answer is empty")
