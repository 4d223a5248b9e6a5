"""Drawing a scene graph with Pillow. The same graph gives the same pixels."""

from __future__ import annotations

import random
import zlib

import numpy as np
from PIL import Image, ImageDraw

from finecops.construction.graph import SceneGraph, SceneObject
from finecops.mini.world.brush import Brush, Rgb
from finecops.mini.world.catalogue import COLOURS, LOCATIONS, STRIPED
from finecops.mini.world.shapes import SHAPES

_KEY: Rgb = (1, 254, 3)
"""A colour that nothing in the world has."""


def draw_scene(graph: SceneGraph) -> Image.Image:
    """Draw a whole scene as an RGB image of the graph's size; later objects cover earlier ones.

    The texture of the background depends on the location and the id of the image.
    """
    image = _background(graph)
    draw = ImageDraw.Draw(image)
    for obj in graph.objects.values():
        _draw_object(image, draw, obj)
    return image


def _background(graph: SceneGraph) -> Image.Image:
    # A CRC, since Python's own hash of a string differs between processes.
    rng = random.Random(zlib.crc32(f"{graph.location}/{graph.image_id}".encode()))
    upper, lower = LOCATIONS[graph.location or "meadow"]
    horizon = rng.randint(graph.height // 3, 2 * graph.height // 3)
    image = Image.new("RGB", (graph.width, graph.height), upper)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, horizon, graph.width, graph.height), fill=lower)
    # Faint blots: the background is not one flat colour, as in photographs.
    for _ in range(20):
        x, y = rng.randrange(graph.width), rng.randrange(graph.height)
        reach, shade = rng.randint(5, 22), rng.randint(-12, 8)
        base = lower if y >= horizon else upper
        draw.ellipse((x - reach, y - reach // 3, x + reach, y + reach // 3), fill=_shift(base, shade))
    return image


def _draw_object(image: Image.Image, draw: ImageDraw.ImageDraw, obj: SceneObject) -> None:
    colour = next((COLOURS[a] for a in obj.attributes if a in COLOURS), (128, 128, 128))
    if STRIPED not in obj.attributes:
        SHAPES[obj.name](Brush(draw, obj.xywh, colour, obj.attributes))
        return
    # Stripes cover the body alone. So the object is drawn on a patch with a key colour as body, and then the pixels of
    # this colour are replaced.
    x, y, w, h = (int(v) for v in obj.xywh)
    patch = image.crop((x, y, x + w, y + h))
    SHAPES[obj.name](Brush(ImageDraw.Draw(patch), (0, 0, w, h), _KEY, obj.attributes))
    pixels = np.array(patch)
    light = _shift(colour, 150) if sum(colour) < 200 else (255, 255, 255)
    # Diagonal stripes: three of every eight pixels along a row, shifted by one from row to row.
    stripes = (np.arange(w)[None, :] + np.arange(h)[:, None]) % 8 < 3
    body = (pixels == np.array(_KEY, dtype=np.uint8)).all(axis=-1)
    pixels[body & stripes] = light
    pixels[body & ~stripes] = colour
    image.paste(Image.fromarray(pixels), (x, y))


def _shift(colour: Rgb, by: int) -> Rgb:
    red, green, blue = (max(0, min(255, c + by)) for c in colour)
    return red, green, blue
