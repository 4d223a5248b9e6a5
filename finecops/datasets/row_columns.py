"""Which columns of a file of rows are used, and what the numbers of its boxes mean."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from finecops.datasets.conventions import CONVENTIONS, Kind, choices
from finecops.datasets.fields import FieldError
from finecops.datasets.source import SourceFile
from finecops.errors import ConfigError, DataError, UsageError
from finecops.text import shortly

log = logging.getLogger(__name__)
Row = Mapping[str, Any]

COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "image": ("image", "file_name", "filename", "image_path", "img_path", "img_file_name", "image_file", "img", "path"),
    "expression": (
        "expression",
        "caption",
        "sentence",
        "referring_expression",
        "phrase",
        "query",
        "text",
        "sent",
    ),
    "box": ("box", "bbox", "gt_bbox", "gt_box", "ground_truth", "solution"),
    "width": ("width", "image_width", "img_width"),
    "height": ("height", "image_height", "img_height"),
    "id": ("id", "sample_id", "sent_id", "question_id"),
    "level": ("level",),
    "tuple_type": ("tuple_type",),
    "truth": ("truth",),
}
"""What a sample needs → names of columns, the first one that is there is used. Upper case is the same as lower."""
CORNERS: Final[Mapping[tuple[str, str, str, str], Kind]] = {
    ("x1", "y1", "x2", "y2"): "corners",
    ("xmin", "ymin", "xmax", "ymax"): "corners",
    ("left", "top", "right", "bottom"): "corners",
    ("x", "y", "w", "h"): "size",
    ("cx", "cy", "w", "h"): "centre",
}
"""Four columns that are a box together, and what kind of box their names say."""


@dataclass(frozen=True)
class Layout:
    """Which columns of a file are used."""

    columns: Mapping[str, str]
    """What a sample needs → the column."""
    corners: tuple[str, ...]
    """The four columns of a box; empty where it is one column or none."""
    boxes: str | None
    """The convention; None where there is no box."""

    def raw_box(self, row: Row) -> object:
        """The box as it is in the file; None: none."""
        if self.corners:
            values = [row.get(column) for column in self.corners]
            return None if all(value in (None, "") for value in values) else values
        value = row.get(self.columns["box"]) if "box" in self.columns else None
        return None if value in (None, "", []) else value


def layout_of(source: SourceFile, rows: Sequence[tuple[str, Any]]) -> Layout:
    """Which columns of the rows are used; each row is behind its place in the file.

    Raises:
        DataError: there is no row, or no column with images or expressions.
        ConfigError: the source's convention of boxes is unknown.
        UsageError: boxes without a convention, a convention without boxes, or one that the columns' names deny.
    """
    objects = [row for _, row in rows if isinstance(row, dict)]
    if not objects and rows:
        place, row = rows[0]
        fault = str(row) if isinstance(row, FieldError) else f"it is {shortly(row)}, not an object"
        raise DataError(f"{source.path} has no row that can be read; {place}: {fault}")
    if not objects:
        raise DataError(f"{source.path} has no rows")
    names = list(dict.fromkeys(name for row in objects[:1000] for name in row))
    lower = {name.strip().lower(): name for name in reversed(names)}
    columns = {
        need: lower[known]
        for need, accepted in COLUMNS.items()
        for known in [next((name for name in accepted if name in lower), None)]
        if known is not None
    }
    missing = [need for need in ("image", "expression") if need not in columns]
    if missing:
        accepted = "; ".join(f"for the {need}: {', '.join(COLUMNS[need])}" for need in missing)
        raise DataError(
            f"{source.path} has no column for {' and '.join(missing)}; it has {shortly(names, 300)}. Known names: "
            f"{accepted}"
        )
    quartet = next((four for four in CORNERS if all(name in lower for name in four)), None)
    corners = tuple(lower[name] for name in quartet) if quartet and "box" not in columns else ()
    kind = CORNERS[quartet] if quartet and corners else None
    layout = Layout(columns, corners, source.boxes if corners or "box" in columns else None)
    _check_declared(source, layout, kind, objects[0])
    used = [f"{need} from {column!r}" for need, column in columns.items()]
    used += [f"box from {', '.join(map(repr, corners))}"] if corners else []
    others = [name for name in names if name not in (*columns.values(), *corners)]
    log.info(
        "%s: %s%s%s",
        source.path.name,
        ", ".join(used),
        f"; boxes are {layout.boxes} ({CONVENTIONS[layout.boxes].words})" if layout.boxes else "; no boxes",
        f"; not used: {shortly(', '.join(others), 200)}" if others else "",
    )
    return layout


def _check_declared(source: SourceFile, layout: Layout, kind: Kind | None, first: Row) -> None:
    """
    Raises:
        ConfigError: there is no such convention.
        UsageError: boxes without a convention, a convention without boxes, or one that the columns' names deny.
    """
    boxes = source.boxes
    if boxes is not None and boxes not in CONVENTIONS:
        raise ConfigError(f"unknown convention of boxes {boxes!r}; there are:\n{choices()}")
    has_box = bool(layout.corners) or "box" in layout.columns
    if has_box and boxes is None:
        columns = ", ".join(layout.corners) or layout.columns["box"]
        raise UsageError(
            f"{source.path} has a box ({columns}), and nothing says what its numbers mean. Say it:\n{choices()}\n"
            f"The first row: {shortly(dict(first), 400)}"
        )
    if not has_box and boxes is not None:
        raise UsageError(
            f"--boxes {boxes}: {source.path} has no column with a box; it has {shortly(list(first), 300)}. Known "
            f"names: {', '.join(COLUMNS['box'])}, or four columns: {'; '.join(' '.join(four) for four in CORNERS)}"
        )
    if boxes is not None and kind is not None and CONVENTIONS[boxes].kind != kind:
        fitting_names = ", ".join(name for name, convention in CONVENTIONS.items() if convention.kind == kind)
        raise UsageError(
            f"--boxes {boxes} and the columns {', '.join(layout.corners)} of {source.path} contradict each other; with "
            f"these columns: {fitting_names}"
        )
