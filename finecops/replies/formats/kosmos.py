"""`<object><patch_index_0044><patch_index_0863></object>`: Kosmos-2's cells of a 32 by 32 grid, row by row.

A box is its first and last cell. The model's own processor takes the cells' centres as corners, and their outer
edges where both are in one row or column.
"""

from __future__ import annotations

import math
import re
from typing import Final

from finecops.records import Xyxy
from finecops.replies.formats.quadruple import Found, ImageWh

GRID: Final = 32
_PAIR = re.compile(r"<patch_index_(\d{4})>\s*<patch_index_(\d{4})>")


def encode(box: Xyxy, image_wh: ImageWh) -> str:
    """A box in pixels as its first and last cell."""
    w, h = image_wh
    first = [min(math.floor(v * GRID), GRID - 1) for v in (box[0] / w, box[1] / h)]
    last = [min(max(math.ceil(v * GRID - 1), low), GRID - 1) for v, low in zip((box[2] / w, box[3] / h), first)]
    cells = (first[1] * GRID + first[0], last[1] * GRID + last[0])
    return "<object>" + "".join(f"<patch_index_{cell:04d}>" for cell in cells) + "</object>"


def find(text: str, image_wh: ImageWh) -> list[Found]:
    """All boxes in a text, as `quadruple.find_boxes` gives them."""
    found: list[Found] = []
    for match in _PAIR.finditer(text):
        (y1, x1), (y2, x2) = (divmod(int(cell), GRID) for cell in match.groups())
        if max(y1, y2) >= GRID:
            found.append(f"{match[0]} has a cell above {GRID * GRID - 1}")
        elif x1 > x2 or y1 > y2:
            found.append(f"{match[0]} has its corners the wrong way round")
        else:
            low, high = (0.0, 1.0) if x1 == x2 or y1 == y2 else (0.5, 0.5)
            sides = (image_wh[0] / GRID, image_wh[1] / GRID)
            box = ((x1 + low) * sides[0], (y1 + low) * sides[1], (x2 + high) * sides[0], (y2 + high) * sides[1])
            found.append((box, match.span()))
    return found
