"""Drawing a scene graph of the mini world with Pillow. The same graph gives the same pixels."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Sequence

from PIL import Image, ImageDraw

from finecops.construction.graph import SceneGraph, SceneObject
from finecops.mini.world.catalogue import COLOURS, LOCATIONS

Rgb = tuple[int, int, int]
_LINE: Rgb = (60, 48, 44)
_WOOD: Rgb = (132, 92, 58)
_GLASS: Rgb = (222, 240, 250)


class _Brush:
    """Draws one object; coordinates are fractions of its box: (0, 0) is the top left pixel, (1, 1) the bottom right."""

    def __init__(self, draw: ImageDraw.ImageDraw, obj: SceneObject, body: Rgb) -> None:
        x, y, w, h = obj.xywh
        self.draw, self.body = draw, body
        self.x, self.y, self.w, self.h = x, y, w - 1, h - 1

    def at(self, *points: float) -> list[tuple[float, float]]:
        pairs = zip(points[::2], points[1::2], strict=True)
        return [(round(self.x + fx * self.w), round(self.y + fy * self.h)) for fx, fy in pairs]

    def polygon(self, *points: float, fill: Rgb | None = None) -> None:
        self.draw.polygon(self.at(*points), fill=fill or self.body, outline=_LINE)

    def ellipse(self, *corners: float, fill: Rgb | None = None) -> None:
        self.draw.ellipse(self.at(*corners), fill=fill or self.body, outline=_LINE)

    def box(self, *corners: float, fill: Rgb | None = None) -> None:
        self.draw.rectangle(self.at(*corners), fill=fill or self.body, outline=_LINE)

    def line(self, *points: float, width: int = 2, fill: Rgb = _LINE) -> None:
        self.draw.line(self.at(*points), fill=fill, width=width)


def _car(b: _Brush) -> None:
    b.polygon(0.2, 0.42, 0.32, 0, 0.7, 0, 0.84, 0.42, fill=_GLASS)
    b.box(0, 0.4, 1, 0.8)
    b.ellipse(0.1, 0.6, 0.36, 1, fill=_LINE)
    b.ellipse(0.64, 0.6, 0.9, 1, fill=_LINE)


def _tree(b: _Brush) -> None:
    b.box(0.4, 0.6, 0.6, 1, fill=_WOOD)
    b.polygon(0.5, 0, 1, 0.72, 0, 0.72)


def _house(b: _Brush) -> None:
    b.box(0.1, 0.42, 0.9, 1)
    b.polygon(0.5, 0, 1, 0.45, 0, 0.45, fill=(150, 84, 70))
    b.box(0.4, 0.64, 0.6, 1, fill=_GLASS)


def _cup(b: _Brush) -> None:
    b.draw.ellipse(b.at(0.55, 0.18, 1, 0.72), outline=_LINE, width=2)
    b.polygon(0, 0, 0.76, 0, 0.66, 1, 0.1, 1)


def _fish(b: _Brush) -> None:
    b.polygon(0.6, 0.5, 1, 0, 1, 1)
    b.ellipse(0, 0.08, 0.76, 0.92)
    b.ellipse(0.12, 0.3, 0.24, 0.5, fill=(255, 255, 255))


def _boat(b: _Brush) -> None:
    b.line(0.5, 0, 0.5, 0.7)
    b.polygon(0.54, 0, 0.95, 0.56, 0.54, 0.56, fill=(250, 250, 250))
    b.polygon(0, 0.62, 1, 0.62, 0.78, 1, 0.22, 1)


def _flower(b: _Brush) -> None:
    b.line(0.5, 0.4, 0.5, 1, fill=(70, 130, 60))
    b.polygon(0.5, 0.9, 0.9, 0.66, 0.62, 0.92, fill=(70, 150, 60))
    for corners in ((0.28, 0, 0.72, 0.3), (0.28, 0.3, 0.72, 0.6), (0, 0.14, 0.46, 0.46), (0.54, 0.14, 1, 0.46)):
        b.ellipse(*corners)
    b.ellipse(0.34, 0.2, 0.66, 0.42, fill=(255, 240, 150))


def _umbrella(b: _Brush) -> None:
    b.draw.pieslice(b.at(0, 0, 1, 1), 180, 360, fill=b.body, outline=_LINE)
    b.line(0.5, 0.5, 0.5, 1)
    b.line(0.5, 1, 0.66, 1, 0.66, 0.9)


def _mushroom(b: _Brush) -> None:
    b.box(0.34, 0.45, 0.66, 1, fill=(250, 244, 230))
    b.draw.chord(b.at(0, 0, 1, 1.1), 180, 360, fill=b.body, outline=_LINE)


def _kite(b: _Brush) -> None:
    b.polygon(0.5, 0, 1, 0.32, 0.5, 0.74, 0, 0.32)
    b.line(0.5, 0, 0.5, 0.74, width=1)
    b.line(0, 0.32, 1, 0.32, width=1)
    b.line(0.5, 0.74, 0.3, 0.82, 0.62, 0.9, 0.4, 1)


def _table(b: _Brush) -> None:
    b.box(0.08, 0.3, 0.2, 1, fill=_WOOD)
    b.box(0.8, 0.3, 0.92, 1, fill=_WOOD)
    b.box(0, 0, 1, 0.36)


def _balloon(b: _Brush) -> None:
    b.line(0.5, 0.66, 0.4, 0.8, 0.56, 0.9, 0.5, 1, width=1)
    b.ellipse(0, 0, 1, 0.7)
    b.ellipse(0.2, 0.1, 0.42, 0.28, fill=(255, 255, 255))


_DRAWERS: dict[str, Callable[[_Brush], None]] = {
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
}


def draw_scene(graph: SceneGraph) -> Image.Image:
    """Draw a whole scene as an RGB image of the graph's size."""
    image = _background(graph)
    draw = ImageDraw.Draw(image)
    for obj in graph.objects.values():
        _draw_object(image, draw, obj)
    return image


def _background(graph: SceneGraph) -> Image.Image:
    # The texture depends only on the location and the id of the original image: an edited copy (its id has a "~") keeps
    # its background. A CRC, since Python's own hash of a string differs between processes.
    rng = random.Random(zlib.crc32(f"{graph.location}/{graph.image_id.split('~')[0]}".encode()))
    upper, lower = LOCATIONS[graph.location or "meadow"]
    horizon = rng.randint(graph.height // 3, 2 * graph.height // 3)
    image = Image.new("RGB", (graph.width, graph.height), upper)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, horizon, graph.width, graph.height), fill=lower)
    # Faint blots: the background is not one flat colour, as in photographs.
    for _ in range(14):
        x, y = rng.randrange(graph.width), rng.randrange(graph.height)
        reach, shade = rng.randint(4, 16), rng.randint(-12, 8)
        base = lower if y >= horizon else upper
        draw.ellipse((x - reach, y - reach // 3, x + reach, y + reach // 3), fill=_shift(base, shade))
    return image


def _draw_object(image: Image.Image, draw: ImageDraw.ImageDraw, obj: SceneObject) -> None:
    colour = next((COLOURS[a] for a in obj.attributes if a in COLOURS), (128, 128, 128))
    if "striped" not in obj.attributes:
        _DRAWERS[obj.name](_Brush(draw, obj, colour))
        return
    # Stripes cover the body alone. So the object is drawn on a patch with a key colour as body, and then the pixels of
    # this colour are replaced. No other colour of the world is the key colour.
    x, y, w, h = (int(v) for v in obj.xywh)
    patch = image.crop((x, y, x + w, y + h))
    local = SceneObject(obj.id, obj.name, (0, 0, w, h), obj.attributes)
    key = (1, 254, 3)
    _DRAWERS[obj.name](_Brush(ImageDraw.Draw(patch), local, key))
    light = _shift(colour, 150) if sum(colour) < 200 else (255, 255, 255)
    pixels = list(_pixels(patch))
    # Diagonal stripes: two of every six pixels along a row, shifted by one from row to row.
    patch.putdata([(light if (i % w + i // w) % 6 < 2 else colour) if p == key else p for i, p in enumerate(pixels)])
    image.paste(patch, (x, y))


def _pixels(image: Image.Image) -> Sequence[Rgb]:
    raw = image.tobytes()
    return [(raw[i], raw[i + 1], raw[i + 2]) for i in range(0, len(raw), 3)]


def _shift(colour: Rgb, by: int) -> Rgb:
    red, green, blue = (max(0, min(255, c + by)) for c in colour)
    return red, green, blue
