"""What is in the world: categories with their shapes, colours, sizes, states, surfaces and containers, locations."""

from __future__ import annotations

from typing import Final

IMAGE_SIZE: Final = 224
"""Side of every image in pixels."""

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
    "lamp": 0.7,
    "basket": 1.2,
    "bottle": 0.45,
    "book": 1.25,
    "clock": 0.95,
    "ball": 1.0,
    "hat": 1.5,
    "bird": 1.35,
    "chair": 0.65,
    "candle": 0.5,
    "bench": 2.2,
    "boots": 1.1,
}
"""Category → width divided by height; `boots` is a pair of them."""

CLOSED_UMBRELLA: Final = 0.3
"""Width divided by height of a closed umbrella."""

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
"""Colour → RGB of an object's body."""

SIZES: Final[dict[str, tuple[int, int]]] = {"tiny": (10, 14), "small": (18, 26), "large": (34, 48)}
"""Size → range of the geometric mean of an object's sides, in pixels."""

STATES: Final[dict[str, tuple[str, str]]] = {
    "umbrella": ("open", "closed"),
    "book": ("open", "closed"),
    "lamp": ("lit", "unlit"),
    "candle": ("lit", "unlit"),
    "bottle": ("full", "empty"),
}
"""Category → its two states, of which every object of it has one."""

STRIPED: Final = "striped"
"""The one pattern. A plain object has no attribute for it, and a tiny one is plain: nobody could see the stripes."""

SURFACES: Final = frozenset({"table", "bench"})
"""Categories on which smaller things stand."""

CONTAINERS: Final = frozenset({"basket"})
"""Categories in which smaller things lie."""

LOCATIONS: Final[dict[str, tuple[tuple[int, int, int], tuple[int, int, int]]]] = {
    "meadow": ((203, 226, 245), (196, 222, 176)),
    "beach": ((190, 224, 240), (240, 226, 190)),
    "snow": ((222, 230, 240), (244, 246, 250)),
    "desert": ((248, 228, 206), (232, 206, 170)),
    "room": ((234, 226, 214), (206, 190, 174)),
    "lake": ((214, 224, 232), (170, 204, 220)),
}
"""Location → colour of the upper and of the lower part of the background."""


def aspect(name: str, attributes: tuple[str, ...]) -> float:
    """Width divided by height of an object."""
    return CLOSED_UMBRELLA if name == "umbrella" and "closed" in attributes else ASPECTS[name]


def size_of(attributes: tuple[str, ...]) -> str:
    """The size among an object's attributes.

    Raises:
        StopIteration: it has none.
    """
    return next(a for a in attributes if a in SIZES)
