"""Set-of-Mark: candidates drawn on a copy of the image, each with its number on a plate that stays readable."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from finecops.boxes import iou_xyxy
from finecops.records import Xyxy

_COLOURS = (
    "#e6194b",
    "#3cb44b",
    "#4363d8",
    "#f58231",
    "#911eb4",
    "#008080",
    "#9a6324",
    "#800000",
    "#808000",
    "#000075",
)
_SMALLEST_FONT = 9


def draw_marks(image: Image.Image, boxes: Sequence[Xyxy]) -> Image.Image:
    """A copy with box i outlined and numbered i + 1.

    Line and type grow with the image. A plate stands at its box's top left corner, inside the image; where another
    plate is, it moves along the box's outline to the first free corner.
    """
    marked = image.copy()
    marked.info = {}
    draw = ImageDraw.Draw(marked)
    side = min(image.size)
    width = max(1, round(side / 200))
    font = ImageFont.load_default(max(_SMALLEST_FONT, round(side / 22)))
    plates: list[Xyxy] = []
    for i, (x1, y1, x2, y2) in enumerate(boxes):
        colour = _COLOURS[i % len(_COLOURS)]
        draw.rectangle((x1, y1, max(x1, x2 - 1), max(y1, y2 - 1)), outline=colour, width=width)
        text = str(i + 1)
        left, top, right, bottom = draw.textbbox((0, 0), text, font=font)
        w, h = right - left + 2 * width + 2, bottom - top + 2 * width + 2
        # Inside the box first, at each of its corners; then outside, above it and below it.
        corners = ((x1, y1), (x2 - w, y1), (x1, y2 - h), (x2 - w, y2 - h), (x1, y1 - h), (x1, y2))
        positions = [_inside(corner, (w, h), image.size) for corner in corners]
        position = next((p for p in positions if not any(_overlap(p, other) for other in plates)), positions[0])
        plates.append(position)
        draw.rectangle(position, fill=colour)
        draw.text((position[0] + width + 1 - left, position[1] + width + 1 - top), text, fill="white", font=font)
    return marked


def _inside(corner: tuple[float, float], size: tuple[float, float], image_wh: tuple[int, int]) -> Xyxy:
    x = min(max(corner[0], 0), max(image_wh[0] - size[0], 0))
    y = min(max(corner[1], 0), max(image_wh[1] - size[1], 0))
    return (x, y, x + size[0], y + size[1])


def _overlap(a: Xyxy, b: Xyxy) -> bool:
    import numpy as np

    return bool(iou_xyxy(np.array(a), np.array(b)) > 0)
