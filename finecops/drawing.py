"""Boxes with labels on a picture, and a caption below it: for people who want to see an answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from PIL import Image, ImageDraw, ImageFont

from finecops.records import Xyxy
from finecops.text import printable

Role = Literal["truth", "specialist", "mllm", "sfa", "crs", "file", "candidate", "router"]
COLOURS: Final[dict[Role, str]] = {
    "truth": "#00b884",
    "specialist": "#4fb3f0",
    "mllm": "#f0a500",
    "sfa": "#d98ab8",
    "crs": "#ff7043",
    "file": "#b3a6ff",
    "candidate": "#f5ec5a",
    "router": "#c9c9c9",
}
"""Distinguishable with any common colour blindness (Okabe and Ito, 2008), and light enough for dark labels."""
_DARK: Final = "#14171c"
_PAPER: Final = "#ffffff"
_PARTS: Final = 360
"""A line is as wide as the picture's longer side has parts of this many pixels."""


@dataclass(frozen=True)
class Mark:
    """A box to be drawn.

    Attributes:
        xyxy: in pixels of the picture; corners in any order.
        label: what stands at it; empty: nothing.
        role: what the box is, which gives its colour.
    """

    xyxy: Xyxy
    label: str = ""
    role: Role = "specialist"


def draw_marks(image: Image.Image, marks: Sequence[Mark], line_width: int | None = None) -> Image.Image:
    """A copy of a picture with boxes on it; the first marks lie below the later ones.

    Lines and labels grow with the picture. A label stands above its box, or where there is room: inside the picture,
    and not on another label.

    Args:
        image: it is not changed.
        marks: the boxes.
        line_width: in pixels, with letters five times as high; None: as fits the picture.
    """
    found = image.convert("RGB")
    if found is image:
        found = image.copy()
    pen, width = ImageDraw.Draw(found), line_width or _line_width(found)
    font = _font(width)
    for mark in marks:
        box = _inside(mark.xyxy, found.size)
        # A dark line around the coloured one: seen on any ground.
        pen.rectangle(_grown(box, width // 2 + 1), outline=_DARK, width=2 * (width // 2) + width)
        pen.rectangle(box, outline=COLOURS[mark.role], width=width)
    taken: list[Xyxy] = []
    for mark in marks:
        if mark.label:
            taken.append(_draw_label(pen, mark, found.size, font, taken))
    return found


def captioned(image: Image.Image, lines: Sequence[str]) -> Image.Image:
    """A picture with lines of text in a strip below it; long lines are wrapped, control characters replaced."""
    size = max(12, min(28, image.width // 36))
    font = ImageFont.load_default(size)
    gap = size // 2
    wrapped = [part for line in lines for part in _wrapped(printable(line), font, image.width - 2 * gap)]
    high = sum(_height(font) for _ in wrapped) + 2 * gap
    found = Image.new("RGB", (image.width, image.height + high), _PAPER)
    found.paste(image)
    pen = ImageDraw.Draw(found)
    for number, line in enumerate(wrapped):
        pen.text((gap, image.height + gap + number * _height(font)), line, fill=_DARK, font=font)
    return found


def fitted(image: Image.Image, side: int) -> tuple[Image.Image, float]:
    """A picture whose longer side is at most `side` pixels, and by which factor it was made smaller."""
    scale = min(1.0, side / max(image.size))
    if scale == 1.0:
        return image, scale
    width, height = (max(1, round(length * scale)) for length in image.size)
    return image.resize((width, height), Image.Resampling.LANCZOS), scale


def scaled(mark: Mark, scale: float) -> Mark:
    """The mark on a picture that was made smaller."""
    x1, y1, x2, y2 = (value * scale for value in mark.xyxy)
    return Mark((x1, y1, x2, y2), mark.label, mark.role)


def _line_width(image: Image.Image) -> int:
    return max(2, round(max(image.size) / _PARTS))


def _font(line_width: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(max(10, 5 * line_width))


def _inside(xyxy: Xyxy, wh: tuple[int, int]) -> Xyxy:
    """A box as it can be drawn: corners in order, in the picture."""
    xs, ys = sorted((xyxy[0], xyxy[2])), sorted((xyxy[1], xyxy[3]))
    left, right = (min(max(x, 0.0), wh[0] - 1.0) for x in xs)
    top, bottom = (min(max(y, 0.0), wh[1] - 1.0) for y in ys)
    return left, top, right, bottom


def _grown(box: Xyxy, by: int) -> Xyxy:
    return box[0] - by, box[1] - by, box[2] + by, box[3] + by


def _draw_label(
    pen: ImageDraw.ImageDraw,
    mark: Mark,
    wh: tuple[int, int],
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    taken: Sequence[Xyxy],
) -> Xyxy:
    text, pad = printable(mark.label), 2
    high = _height(font) + pad
    while len(text) > 2 and pen.textlength(text, font=font) + 2 * pad > wh[0]:
        text = text[:-2] + "…"
    wide = pen.textlength(text, font=font) + 2 * pad
    place = _label_place(_inside(mark.xyxy, wh), (wide, high), wh, taken)
    pen.rectangle(place, fill=COLOURS[mark.role])
    pen.text((place[0] + pad, place[1]), text, fill=_DARK, font=font)
    return place


def _label_place(box: Xyxy, label_wh: tuple[float, float], wh: tuple[int, int], taken: Sequence[Xyxy]) -> Xyxy:
    """Above the box, in its upper corner, below it, or further down: the first place that is free."""
    wide, high = label_wh
    left = min(max(0.0, box[0]), max(0.0, wh[0] - wide))
    # Above the box, in its upper corner, below it, and then line by line down the picture.
    rows = [box[1] - high, box[1], box[3], *(box[1] + high * step for step in range(1, 12))]
    places = [(left, top, left + wide, top + high) for top in rows if 0 <= top <= wh[1] - high]
    free = (place for place in places if not any(_meet(place, other) for other in taken))
    top = min(max(0.0, box[1]), max(0.0, wh[1] - high))
    return next(free, (left, top, left + wide, top + high))


def _meet(a: Xyxy, b: Xyxy) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _height(font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> int:
    box = font.getbbox("Ágjy|")
    return int(box[3] - min(0, box[1])) + 3


def _wrapped(line: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> list[str]:
    found, current = [], ""
    for word in line.split(" "):
        longer = f"{current} {word}" if current else word
        if font.getlength(longer) <= width:
            current = longer
            continue
        if current:
            found.append(current)
        # A word that is longer than a line is cut.
        while len(word) > 1 and font.getlength(word) > width:
            fits = max(1, int(len(word) * width / font.getlength(word)))
            found.append(word[:fits])
            word = word[fits:]
        current = word
    return [*found, current] if current or not found else found
