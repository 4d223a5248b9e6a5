"""The pictures of the page: the image with the boxes of one step, as text that stands in the page itself."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Final

from PIL import Image

from finecops.demo.shown import Choice, Shown
from finecops.drawing import Mark, Role, draw_marks, fitted, scaled

SIDE: Final = 900
"""The longer side of a picture in pixels; a smaller image is enlarged, since letters on it would be coarse."""
_LINE: Final = 5
"""So that letters can be read where the picture is a third as wide."""


def picture(image: Image.Image, marks: Sequence[Mark]) -> str:
    """An image with boxes, as an address that holds the whole picture (`data:`, JPEG)."""
    small, scale = fitted(image, SIDE)
    if max(image.size) < SIDE:
        scale = SIDE / max(image.size)
        small = image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))))
    buffer = io.BytesIO()
    draw_marks(small, [scaled(mark, scale) for mark in marks], _LINE).save(buffer, format="JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def final_marks(found: Shown) -> list[Mark]:
    """The final box."""
    return [Mark(found.box, "answer", "sfa")] if found.box is not None else []


def router_marks(found: Shown) -> list[Mark]:
    """What the router counted, with scores."""
    if found.router is None:
        return []
    return [Mark(box, f"{score:.2f}", "router") for box, score in zip(found.router.boxes, found.router.scores)]


def pathway_marks(found: Shown) -> list[Mark]:
    """The boxes of specialist and MLLM."""
    roles: dict[str, Role] = {"Specialist": "specialist", "MLLM": "mllm"}
    named = ((answer, roles.get(answer.method)) for answer in found.answers)
    return [Mark(answer.box, answer.method, role) for answer, role in named if answer.box is not None and role]


def choice_marks(choice: Choice) -> list[Mark]:
    """The candidates with their letters; the chosen one lies on top."""
    options = sorted(choice.options, key=lambda option: option.chosen)
    return [
        Mark(option.box, option.letter, "crs" if option.chosen else "candidate")
        for option in options
        if option.box is not None
    ]
