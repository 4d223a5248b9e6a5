"""`(x1,y1),(x2,y2)` in thousandths of the image's sides: Qwen2-VL.

>>> encode((64.0, 96.0, 320.0, 480.0), (640, 480))
'<|box_start|>(100,200),(500,1000)<|box_end|>'
"""

from __future__ import annotations

import re

import numpy as np

from finecops.boxes import grid1000_to_xyxy, xyxy_to_grid1000
from finecops.records import Xyxy

_NUMBER = r"\s*(\d+(?:\.\d+)?)\s*"
_BOX = re.compile(rf"\({_NUMBER},{_NUMBER}\)\s*,?\s*\({_NUMBER},{_NUMBER}\)")


def encode(box: Xyxy, image_wh: tuple[int, int]) -> str:
    """A box in pixels as the model writes it, rounded to thousandths."""
    x1, y1, x2, y2 = (int(v) for v in xyxy_to_grid1000(np.array(box), image_wh))
    return f"<|box_start|>({x1},{y1}),({x2},{y2})<|box_end|>"


def find(text: str, image_wh: tuple[int, int]) -> list[tuple[Xyxy, tuple[int, int]] | str]:
    """All boxes in a text, with or without the markers, as pixels with the span of their coordinates; for a box
    that is none, a sentence that says why."""
    found: list[tuple[Xyxy, tuple[int, int]] | str] = []
    for match in _BOX.finditer(text):
        values = np.array([float(v) for v in match.groups()])
        if values.max() > 1000:
            found.append(f"{match[0]} has a coordinate above 1000")
        elif values[0] >= values[2] or values[1] >= values[3]:
            found.append(f"{match[0]} has its corners the wrong way round")
        else:
            x1, y1, x2, y2 = grid1000_to_xyxy(values, image_wh).tolist()
            found.append(((x1, y1, x2, y2), match.span()))
    return found
