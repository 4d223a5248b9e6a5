"""Elements of SVG as text. Every attribute and every text goes through here, and is escaped here."""

from __future__ import annotations

import math
from html import escape

from finecops.report.charts.palette import SIGNS, Look
from finecops.text import printable

SIZE = 11.0
"""Of the texts, where a drawing is 400 wide: readable at 400 pixels."""
_CHARACTER = 0.6
"""Mean width of a character, in sizes of its text."""


def clean(text: str) -> str:
    """A text for markup: nothing in it is markup, and no control character is left."""
    return escape(printable(text))


def element(tag: str, content: str = "", **attributes: str | float) -> str:
    """An element. `content` is markup; names of attributes have hyphens for underscores; numbers are rounded."""
    written = "".join(f' {name.strip("_").replace("_", "-")}="{_value(value)}"' for name, value in attributes.items())
    return f"<{tag}{written}>{content}</{tag}>" if content else f"<{tag}{written}/>"


def text_at(x: float, y: float, text: str, fill: str, anchor: str = "start", size: float = SIZE) -> str:
    """A line of text; `y` is its base line."""
    return element("text", clean(text), x=x, y=y, fill=fill, text_anchor=anchor, font_size=size)


def line(x1: float, y1: float, x2: float, y2: float, stroke: str, width: float = 1.0, dash: str = "") -> str:
    """A straight line."""
    dashed = {"stroke_dasharray": dash} if dash else {}
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, stroke=stroke, stroke_width=width, **dashed)


def rectangle(x: float, y: float, width: float, height: float, fill: str, tip: str = "") -> str:
    """A filled rectangle, with a text that a pointer shows."""
    return element("rect", _tip(tip), x=x, y=y, width=max(width, 0.0), height=height, fill=fill)


def sign(x: float, y: float, number: int, look: Look, colour: int, tip: str = "", radius: float = 4.5) -> str:
    """The mark of a series."""
    fill, name = look.colour(colour), SIGNS[number % len(SIGNS)]
    if name == "circle":
        return element("circle", _tip(tip), cx=x, cy=y, r=radius, fill=fill)
    # Corners on a circle, from its top; those of a star alternate with an inner circle.
    corners = {"square": 4, "diamond": 4, "triangle": 3, "star": 10}[name]
    turn = math.pi / 4 if name == "square" else 0.0
    points = []
    for i in range(corners):
        far = radius * (0.5 if name == "star" and i % 2 else 1.25)
        angle = 2 * math.pi * i / corners + turn
        points.append(f"{x + far * math.sin(angle):.1f},{y - far * math.cos(angle):.1f}")
    return element("polygon", _tip(tip), points=" ".join(points), fill=fill)


def width_of(text: str, size: float = SIZE) -> float:
    """About how wide a text is."""
    return len(text) * size * _CHARACTER


def wrapped(text: str, width: float, size: float = SIZE) -> list[str]:
    """Lines of at most that width, cut between words; a longer word is cut anywhere, with a sign that it was."""
    most = max(int(width / (size * _CHARACTER)), 4)
    lines = [""]
    for word in printable(text).split():
        short = word if len(word) <= most else f"{word[: most - 1]}…"
        joined = f"{lines[-1]} {short}".strip()
        if len(joined) <= most:
            lines[-1] = joined
        else:
            lines.append(short)
    return [one for one in lines if one] or [""]


def _tip(text: str) -> str:
    return element("title", clean(text)) if text else ""


def _value(value: str | float) -> str:
    if isinstance(value, str):
        return clean(value)
    return f"{value:.1f}".removesuffix(".0")
