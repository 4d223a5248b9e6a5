"""Kosmos-2's boxes: `<object><patch_index_0044><patch_index_0863></object>`.

The image is a grid of 32 by 32 cells, numbered row by row. A box is its upper left and its lower right cell. Its
corners are the centres of the two cells, or their outer edges where both cells are in one row or column, as in
`Kosmos2Processor` of transformers.
"""

from __future__ import annotations

import math
import re
from typing import Final

from finecops.records import Xyxy
from finecops.replies.formats.grouping import Grouping
from finecops.replies.formats.quadruple import Found, ImageWh

GRID: Final = 32
"""Cells per side."""
_PAIR = re.compile(r"<patch_index_(\d{4})>\s*<patch_index_(\d{4})>")
_PAIRS = Grouping(re.compile(r"<patch_index_[^<>]*+>"), 2)


def encode(box: Xyxy, image_wh: ImageWh) -> str:
    """Write a box in pixels as its two cells."""
    w, h = image_wh
    # A corner on the border of two cells belongs to the box's side of it: floor for the first cell, ceil - 1 for the
    # last. A box thinner than a cell has one cell twice.
    first = [min(math.floor(v * GRID), GRID - 1) for v in (box[0] / w, box[1] / h)]
    last = [min(max(math.ceil(v * GRID - 1), low), GRID - 1) for v, low in zip((box[2] / w, box[3] / h), first)]
    cells = (first[1] * GRID + first[0], last[1] * GRID + last[0])
    return "<object>" + "".join(f"<patch_index_{cell:04d}>" for cell in cells) + "</object>"


def find(text: str, image_wh: ImageWh) -> list[Found]:
    """All boxes in a text; the result is that of `quadruple.find_boxes`."""
    found: list[Found] = []
    for match in _PAIRS.boxes(_PAIR, text):
        if isinstance(match, str):
            found.append(match)
            continue
        (y1, x1), (y2, x2) = (divmod(int(cell), GRID) for cell in match.groups())
        if max(y1, y2) >= GRID:
            found.append(f"{match[0]} has a cell above {GRID * GRID - 1}")
        elif x1 > x2 or y1 > y2:
            found.append(f"{match[0]} has its corners in the wrong order")
        else:
            # Position within a cell, as a share of its side: edges (0 and 1) or centres (0.5).
            low, high = (0.0, 1.0) if x1 == x2 or y1 == y2 else (0.5, 0.5)
            sides = (image_wh[0] / GRID, image_wh[1] / GRID)
            box = ((x1 + low) * sides[0], (y1 + low) * sides[1], (x2 + high) * sides[0], (y2 + high) * sides[1])
            found.append((box, match.span()))
    return found
