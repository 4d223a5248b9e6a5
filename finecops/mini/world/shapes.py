"""The shape of each category. A shape reaches all four sides of its box, in each of its states."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from finecops.mini.world.brush import LINE, Brush, Rgb

_WOOD: Rgb = (132, 92, 58)
_GLASS: Rgb = (222, 240, 250)
_WHITE: Rgb = (250, 250, 250)
_LIGHT: Rgb = (255, 244, 140)
_GREY: Rgb = (150, 150, 152)
_LEAF: Rgb = (70, 140, 60)
_ROOF: Rgb = (150, 84, 70)
_CREAM: Rgb = (250, 244, 230)


def _car(b: Brush) -> None:
    b.polygon(0.2, 0.42, 0.32, 0, 0.7, 0, 0.84, 0.42, fill=_GLASS)
    b.box(0, 0.4, 1, 0.8)
    b.ellipse(0.1, 0.6, 0.36, 1, fill=LINE)
    b.ellipse(0.64, 0.6, 0.9, 1, fill=LINE)


def _tree(b: Brush) -> None:
    b.box(0.4, 0.6, 0.6, 1, fill=_WOOD)
    b.polygon(0.5, 0, 1, 0.72, 0, 0.72)


def _house(b: Brush) -> None:
    b.box(0.1, 0.42, 0.9, 1)
    b.polygon(0.5, 0, 1, 0.45, 0, 0.45, fill=_ROOF)
    b.box(0.4, 0.64, 0.6, 1, fill=_GLASS)


def _cup(b: Brush) -> None:
    b.ring(0.55, 0.18, 1, 0.72)
    b.polygon(0, 0, 0.76, 0, 0.66, 1, 0.1, 1)


def _fish(b: Brush) -> None:
    b.polygon(0.6, 0.5, 1, 0, 1, 1)
    b.ellipse(0, 0.08, 0.76, 0.92)
    b.ellipse(0.12, 0.3, 0.24, 0.5, fill=_WHITE)


def _boat(b: Brush) -> None:
    b.line(0.5, 0, 0.5, 0.7)
    b.polygon(0.54, 0, 0.95, 0.56, 0.54, 0.56, fill=_WHITE)
    b.polygon(0, 0.62, 1, 0.62, 0.78, 1, 0.22, 1)


def _flower(b: Brush) -> None:
    b.line(0.5, 0.4, 0.5, 1, fill=_LEAF)
    b.polygon(0.5, 0.9, 0.9, 0.66, 0.62, 0.92, fill=_LEAF)
    for corners in ((0.28, 0, 0.72, 0.3), (0.28, 0.3, 0.72, 0.6), (0, 0.14, 0.46, 0.46), (0.54, 0.14, 1, 0.46)):
        b.ellipse(*corners)
    b.ellipse(0.34, 0.2, 0.66, 0.42, fill=_LIGHT)


def _umbrella(b: Brush) -> None:
    if "closed" in b.attributes:
        b.line(0.5, 0.7, 0.5, 1, 0.9, 1)
        b.polygon(0.5, 0, 1, 0.75, 0, 0.75)
        return
    b.line(0.5, 0.5, 0.5, 1)
    b.line(0.5, 1, 0.66, 1, 0.66, 0.9)
    b.half(0, 0, 1, 1)


def _mushroom(b: Brush) -> None:
    b.box(0.34, 0.45, 0.66, 1, fill=_CREAM)
    b.half(0, 0, 1, 1.1)


def _kite(b: Brush) -> None:
    b.polygon(0.5, 0, 1, 0.32, 0.5, 0.74, 0, 0.32)
    b.line(0.5, 0, 0.5, 0.74, thin=True)
    b.line(0, 0.32, 1, 0.32, thin=True)
    b.line(0.5, 0.74, 0.3, 0.82, 0.62, 0.9, 0.4, 1)


def _table(b: Brush) -> None:
    b.box(0.08, 0.2, 0.2, 1, fill=_WOOD)
    b.box(0.8, 0.2, 0.92, 1, fill=_WOOD)
    b.box(0, 0, 1, 0.36)


def _balloon(b: Brush) -> None:
    b.line(0.5, 0.66, 0.4, 0.8, 0.56, 0.9, 0.5, 1, thin=True)
    b.ellipse(0, 0, 1, 0.7)
    b.ellipse(0.2, 0.1, 0.42, 0.28, fill=_WHITE)


def _lamp(b: Brush) -> None:
    # The bulb is what shines; the shade has the colour in both states.
    lit = "lit" in b.attributes
    b.ellipse(0.24, 0.34, 0.76, 0.72, fill=_LIGHT if lit else _GREY)
    b.line(0.5, 0.7, 0.5, 1)
    b.box(0.1, 0.9, 0.9, 1, fill=LINE)
    b.polygon(0.28, 0, 0.72, 0, 1, 0.5, 0, 0.5)
    if lit:
        b.line(0.02, 0.62, 0.2, 0.56, fill=_LIGHT)
        b.line(0.98, 0.62, 0.8, 0.56, fill=_LIGHT)


def _basket(b: Brush) -> None:
    b.draw.arc(b.at(0.12, 0, 0.88, 0.7), 180, 360, fill=LINE, width=2)
    b.polygon(0, 0.3, 1, 0.3, 0.86, 1, 0.14, 1)
    b.line(0.05, 0.52, 0.95, 0.52, thin=True)
    b.line(0.1, 0.76, 0.9, 0.76, thin=True)


def _bottle(b: Brush) -> None:
    b.box(0.32, 0, 0.68, 0.34, fill=_GLASS)
    b.box(0, 0.3, 1, 1, fill=_GLASS)
    # An empty one shows its colour in the label alone.
    b.box(0, 0.36 if "full" in b.attributes else 0.78, 1, 1)


def _book(b: Brush) -> None:
    if "open" in b.attributes:
        b.polygon(0, 0.1, 0.5, 0.24, 1, 0.1, 1, 0.9, 0.5, 1, 0, 0.9)
        b.polygon(0.06, 0, 0.5, 0.16, 0.5, 0.86, 0.06, 0.72, fill=_WHITE)
        b.polygon(0.94, 0, 0.5, 0.16, 0.5, 0.86, 0.94, 0.72, fill=_WHITE)
        return
    b.box(0, 0, 1, 1)
    b.box(0.82, 0, 1, 1, fill=_WHITE)
    b.line(0.16, 0.24, 0.6, 0.24, fill=_WHITE)


def _clock(b: Brush) -> None:
    b.line(0.2, 0.86, 0.1, 1)
    b.line(0.8, 0.86, 0.9, 1)
    b.ellipse(0, 0, 1, 0.95)
    b.ellipse(0.2, 0.2, 0.8, 0.76, fill=_WHITE)
    b.line(0.5, 0.26, 0.5, 0.48, 0.68, 0.48)


def _ball(b: Brush) -> None:
    b.ellipse(0, 0, 1, 1)
    b.draw.arc(b.at(-0.4, 0.1, 0.5, 0.9), 300, 60, fill=_WHITE, width=2)
    b.draw.arc(b.at(0.5, 0.1, 1.4, 0.9), 120, 240, fill=_WHITE, width=2)


def _hat(b: Brush) -> None:
    b.box(0.24, 0, 0.76, 0.8)
    b.box(0.24, 0.54, 0.76, 0.74, fill=_WHITE)
    b.ellipse(0, 0.68, 1, 1)


def _bird(b: Brush) -> None:
    b.line(0.42, 0.8, 0.36, 1)
    b.line(0.56, 0.8, 0.6, 1)
    b.ellipse(0.1, 0.3, 0.8, 0.9)
    b.polygon(0.7, 0.5, 1, 0.3, 1, 0.66)
    b.ellipse(0.08, 0, 0.42, 0.5)
    b.polygon(0.1, 0.18, 0, 0.3, 0.12, 0.34, fill=_LIGHT)


def _chair(b: Brush) -> None:
    b.box(0, 0, 0.24, 1)
    b.box(0, 0.5, 1, 0.66)
    b.box(0.8, 0.6, 1, 1)


def _candle(b: Brush) -> None:
    if "lit" in b.attributes:
        b.polygon(0.5, 0, 0.8, 0.22, 0.5, 0.36, 0.2, 0.22, fill=_LIGHT)
        b.box(0, 0.36, 1, 1)
        return
    b.line(0.5, 0, 0.5, 0.2)
    b.box(0, 0.16, 1, 1)


def _bench(b: Brush) -> None:
    b.box(0.12, 0.3, 0.22, 1)
    b.box(0.78, 0.3, 0.88, 1)
    b.box(0, 0, 1, 0.4)
    b.line(0.02, 0.2, 0.98, 0.2, thin=True)


def _boots(b: Brush) -> None:
    for left in (0.0, 0.54):
        b.polygon(left + 0.1, 0, left + 0.38, 0, left + 0.38, 1, left, 1, left, 0.7, left + 0.1, 0.62)
    b.line(0.92, 0, 1, 0.7, 1, 1, thin=True)


SHAPES: Final[dict[str, Callable[[Brush], None]]] = {
    "car": _car,
    "tree": _tree,
    "house": _house,
    "cup": _cup,
    "fish": _fish,
    "boat": _boat,
    "flower": _flower,
    "umbrella": _umbrella,
    "mushroom": _mushroom,
    "kite": _kite,
    "table": _table,
    "balloon": _balloon,
    "lamp": _lamp,
    "basket": _basket,
    "bottle": _bottle,
    "book": _book,
    "clock": _clock,
    "ball": _ball,
    "hat": _hat,
    "bird": _bird,
    "chair": _chair,
    "candle": _candle,
    "bench": _bench,
    "boots": _boots,
}
"""Category → what draws it."""
