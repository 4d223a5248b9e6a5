"""The brush that draws one object: coordinates are fractions of its box."""

from __future__ import annotations

from PIL import ImageDraw

Rgb = tuple[int, int, int]
LINE: Rgb = (60, 48, 44)
"""Colour of outlines."""
_THIN = 20
"""Objects with a shorter side below this many pixels have lines of one pixel."""


class Brush:
    """Draws one object; (0, 0) is the top left pixel of its box, (1, 1) the bottom right one.

    Attributes:
        body: colour of the object's body.
        attributes: the object's, of which some change its shape ("closed").
    """

    def __init__(
        self, draw: ImageDraw.ImageDraw, xywh: tuple[float, ...], body: Rgb, attributes: tuple[str, ...]
    ) -> None:
        x, y, w, h = xywh
        self.draw, self.body, self.attributes = draw, body, attributes
        self._x, self._y, self._w, self._h = x, y, w - 1, h - 1
        self._width = 1 if min(w, h) < _THIN else 2

    def at(self, *points: float) -> list[tuple[float, float]]:
        """Fractions x, y, x, y, … as pixels."""
        pairs = zip(points[::2], points[1::2], strict=True)
        return [(round(self._x + fx * self._w), round(self._y + fy * self._h)) for fx, fy in pairs]

    def polygon(self, *points: float, fill: Rgb | None = None) -> None:
        """A filled polygon; without a colour, in that of the body."""
        self.draw.polygon(self.at(*points), fill=fill or self.body, outline=LINE)

    def ellipse(self, *corners: float, fill: Rgb | None = None) -> None:
        """A filled ellipse in a box."""
        self.draw.ellipse(self.at(*corners), fill=fill or self.body, outline=LINE)

    def box(self, *corners: float, fill: Rgb | None = None) -> None:
        """A filled rectangle."""
        self.draw.rectangle(self.at(*corners), fill=fill or self.body, outline=LINE)

    def ring(self, *corners: float) -> None:
        """An ellipse without a filling."""
        self.draw.ellipse(self.at(*corners), outline=LINE, width=self._width)

    def half(self, *corners: float) -> None:
        """The upper half of a filled ellipse."""
        self.draw.chord(self.at(*corners), 180, 360, fill=self.body, outline=LINE)

    def line(self, *points: float, thin: bool = False, fill: Rgb = LINE) -> None:
        """A line through points."""
        self.draw.line(self.at(*points), fill=fill, width=1 if thin else self._width)
