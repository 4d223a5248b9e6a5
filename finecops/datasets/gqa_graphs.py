"""Sizes and boxes of GQA's scene graphs (`train_sceneGraphs.json`, `val_sceneGraphs.json`, gzipped or not).

For datasets on GQA's images whose own files leave something open. Names, attributes and relations are not kept: the
training graphs have four million objects.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from finecops.datasets.sizes import first_file
from finecops.errors import DataError
from finecops.strict_json import parse_reduced_json

_FILES = ("train_sceneGraphs", "val_sceneGraphs")
_MAX_SIDE = 100_000
_MOST_BYTES = 640_000_000
"""GQA's larger file has some 320 million, unpacked."""


class GraphBoxes(NamedTuple):
    """A scene graph's image and the boxes of its objects."""

    image_wh: tuple[int, int]
    xywh: tuple[tuple[float, float, float, float], ...]


def graph_folders(root: Path) -> tuple[Path, ...]:
    """Where the graphs are looked for: the dataset's folder, and `gqa` beside it; in each also in `sceneGraphs`."""
    return tuple(folder / sub for folder in (root, root.parent / "gqa") for sub in ("", "sceneGraphs"))


def read_gqa_boxes(folders: Sequence[Path]) -> dict[str, GraphBoxes]:
    """The graphs of both files, as far as they are in one of the folders, by image id; graphs that are broken are not
    among them.

    Raises:
        DataError: a file is not one of GQA's.
    """
    found: dict[str, GraphBoxes] = {}
    for name in _FILES:
        path = first_file(tuple(folders), f"{name}.json", f"{name}.json.gz")
        if path is None:
            continue
        try:
            with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
                content = file.read(_MOST_BYTES + 1)
            if len(content) > _MOST_BYTES:
                raise DataError(f"{path} has more than {_MOST_BYTES:,} bytes, unpacked")
            raw = parse_reduced_json(content, _reduced)
        except (ValueError, EOFError, OSError, zlib.error) as error:
            raise DataError(f"{path} is not JSON: {error}") from error
        graphs = {key: graph for key, graph in raw.items() if isinstance(graph, GraphBoxes)} if _is_dict(raw) else {}
        if not graphs:
            raise DataError(f"{path} has no scene graph in GQA's format: image id → width, height, objects")
        found |= graphs
    return found


def _is_dict(raw: object) -> bool:
    return isinstance(raw, dict)


def _reduced(value: Mapping[str, Any]) -> object:
    """An object of the file, inner ones first: boxes and graphs as tuples, what is not needed as None."""
    if "objects" in value and isinstance(value["objects"], dict):
        wh = value.get("width"), value.get("height")
        if not all(type(side) is int and 0 < side <= _MAX_SIDE for side in wh):
            return None
        boxes = tuple(box for box in value["objects"].values() if isinstance(box, tuple))
        return GraphBoxes(wh, boxes)  # type: ignore[arg-type]
    if {"x", "y", "w", "h"} <= value.keys():
        numbers = tuple(value[key] for key in "xywh")
        # A box of GQA is of whole numbers; anything else is nobody's box here.
        return numbers if all(type(v) in (int, float) and abs(v) < 1e6 for v in numbers) else None
    return None if value and {"name", "object"} >= value.keys() else value
