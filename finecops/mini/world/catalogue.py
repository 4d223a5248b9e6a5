"""The catalogue of the mini world: categories, colours, sizes, patterns, locations, relations."""

from __future__ import annotations

from typing import Final

from finecops.mini.builder.vocabulary import Vocabulary

IMAGE_SIZE: Final = 140
"""Side of every image in pixels: five by five merged tokens of a Qwen2-VL (patch 14, merge 2)."""

LATTICE_STEP: Final = 14
"""Distance in pixels between the points of the lattice on which objects are centred, before the jitter."""

JITTER: Final = 3
"""Largest shift of a centre from its lattice point, in pixels, on each axis."""

RELATION_GAP: Final = 21
"""Two objects are in a relation if their centres are further apart than this on an axis, in pixels. One lattice step
with its jitter is below it (14 + 2·3 = 20), two are above it (28 − 2·3 = 22): no rounding decides a relation."""

ASPECTS: Final[dict[str, float]] = {
    "car": 1.55,
    "tree": 0.75,
    "house": 1.0,
    "cup": 1.05,
    "fish": 1.6,
    "boat": 1.25,
    "flower": 0.72,
    "umbrella": 1.0,
    "mushroom": 0.95,
    "kite": 0.8,
    "table": 1.45,
    "balloon": 0.66,
}
"""Category → width divided by height."""

COLOURS: Final[dict[str, tuple[int, int, int]]] = {
    "red": (214, 34, 40),
    "orange": (247, 140, 20),
    "yellow": (246, 220, 40),
    "green": (40, 158, 62),
    "blue": (38, 88, 214),
    "purple": (138, 52, 174),
    "pink": (248, 150, 190),
    "black": (36, 36, 40),
}
"""Colour name → RGB of an object's body."""

SIZES: Final[dict[str, tuple[int, int]]] = {"small": (18, 22), "large": (31, 37)}
"""Size name → range of the geometric mean of an object's sides, in pixels."""

PATTERNS: Final = ("striped",)
"""Patterns that an object may have. A plain object has no attribute for it."""

LOCATIONS: Final[dict[str, tuple[tuple[int, int, int], tuple[int, int, int]]]] = {
    "meadow": ((203, 226, 245), (196, 222, 176)),
    "beach": ((190, 224, 240), (240, 226, 190)),
    "snow": ((222, 230, 240), (244, 246, 250)),
    "desert": ((248, 228, 206), (232, 206, 170)),
    "room": ((234, 226, 214), (206, 190, 174)),
    "lake": ((214, 224, 232), (170, 204, 220)),
}
"""Location → colour of the upper and of the lower part of the background."""

OPPOSITES: Final[dict[str, str]] = {
    "to the left of": "to the right of",
    "to the right of": "to the left of",
    "above": "below",
    "below": "above",
}
"""Relation → the relation seen from the other object."""

ATTRIBUTE_TYPES: Final[dict[str, str]] = {
    **dict.fromkeys(COLOURS, "colour"),
    **dict.fromkeys(SIZES, "size"),
    **dict.fromkeys(PATTERNS, "pattern"),
}
"""Attribute → its type. An object has one colour and one size."""

VOCABULARY: Final = Vocabulary(
    attribute_types=ATTRIBUTE_TYPES,
    exclusive_types=frozenset({"colour", "size"}),
    contradictions={name: (opposite,) for name, opposite in OPPOSITES.items()},
    mirror={"to the left of": "to the right of", "to the right of": "to the left of"},
    relation_phrases={
        "to the left of": ("to the left of", "left of", "on the left of"),
        "to the right of": ("to the right of", "right of", "on the right of"),
        "above": ("above", "over"),
        "below": ("below", "under"),
    },
    categories=tuple(ASPECTS),
    complete=True,
)
"""The words of this world as the builder needs them."""
