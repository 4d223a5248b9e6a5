"""The scene graphs of the chosen images, read one at a time from `graphs.jsonl`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from finecops.construction.chain.rows import GraphRow
from finecops.construction.graph import SceneGraph, dump_scene_graph, parse_scene_graph
from finecops.datasets.fields import FieldError
from finecops.errors import RunError
from finecops.paths import open_regular
from finecops.runs.jsonl import replace_rows
from finecops.strict_json import parse_record

GRAPHS: Final = "graphs.jsonl"
_KEPT: Final = 64
"""Parsed graphs in memory: rows come image by image, or in any order."""


class GraphStore:
    """Graphs by image id; in memory is where each stands, and the last ones."""

    def __init__(self, path: Path) -> None:
        """
        Raises:
            RunError: a line is no graph.
        """
        self.path = path
        self._at: dict[str, tuple[int, int]] = {}
        # Offsets instead of graphs: those of a training set have gigabytes.
        at = 0
        with open_regular(path) as file:
            for number, line in enumerate(file, start=1):
                try:
                    self._at[parse_record(line, GraphRow).image_id] = (at, len(line))
                except ValueError as error:
                    raise RunError(f"{path}:{number}: no scene graph: {error}. --again positives") from error
                at += len(line)
        self._cached = lru_cache(maxsize=_KEPT)(self._read)

    def __len__(self) -> int:
        return len(self._at)

    def __getitem__(self, image_id: str) -> SceneGraph:
        return self._cached(image_id)

    def __iter__(self) -> Iterator[SceneGraph]:
        """All of them, in the file's order."""
        return map(self._read, self._at)

    def _read(self, image_id: str) -> SceneGraph:
        if image_id not in self._at:
            raise RunError(f"{self.path} has no graph of image {image_id}: --again positives")
        start, length = self._at[image_id]
        with open_regular(self.path) as file:
            file.seek(start)
            return graph_of(image_id, parse_record(file.read(length), GraphRow).graph)


def write_graphs(path: Path, graphs: Iterable[SceneGraph]) -> None:
    """Write the file, in one step."""
    replace_rows(path, (graph_row(graph) for graph in graphs))


def graph_row(graph: SceneGraph) -> GraphRow:
    """The row of a graph."""
    return GraphRow.model_validate({"image_id": graph.image_id, "graph": dump_scene_graph(graph)})


def graph_of(image_id: str, raw: Any) -> SceneGraph:
    """A graph of a row of the build.

    Raises:
        RunError: it is none.
    """
    try:
        return parse_scene_graph(image_id, raw)
    except FieldError as error:
        raise RunError(f"the graph of {image_id} in the build folder is broken: {error}") from error
