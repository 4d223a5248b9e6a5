"""What is left of a build at its end: positives, negative expressions and negative images, in their last words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from finecops.construction.chain.folder import BuildFolder
from finecops.construction.chain.graphs import GRAPHS, GraphStore, graph_of
from finecops.construction.chain.rows import ReviewedRow
from finecops.construction.edits.candidates import checked_candidate
from finecops.construction.graph import SceneGraph
from finecops.construction.samples import ChosenRow, EditRow, NegativeRow, PositiveRow, RewriteRow
from finecops.records import Record
from finecops.runs.jsonl import read_rows

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True)
class Scene:
    """What the files say of a sample's image. The graphs of 75,000 images are gigabytes.

    Attributes:
        image_id: of the graph.
        file_name: that the graph names.
        width, height: in pixels.
        target_xywh: the target's box.
    """

    image_id: str
    file_name: str | None
    width: int
    height: int
    target_xywh: tuple[float, float, float, float]

    @classmethod
    def of(cls, graph: SceneGraph, target_id: str) -> Scene:
        """Of a graph and the id of the target in it."""
        return cls(graph.image_id, graph.file_name, graph.width, graph.height, graph.objects[target_id].xywh)


@dataclass(frozen=True)
class Positive:
    """A positive, its final words, and its image."""

    row: PositiveRow
    text: str
    scene: Scene


@dataclass(frozen=True)
class NegativeText:
    """A negative expression in its final words."""

    row: NegativeRow
    text: str
    positive: Positive


@dataclass(frozen=True)
class NegativeImage:
    """A negative image: the chosen candidate, in the build folder, and what it shows. The row has lost its graph."""

    row: EditRow
    picture: Path
    scene: Scene
    positive: Positive
    text: str


@dataclass(frozen=True)
class Finished:
    """All samples that are exported."""

    folder: BuildFolder
    positives: list[Positive]
    texts: list[NegativeText]
    images: list[NegativeImage]

    @property
    def rows(self) -> int:
        """How many samples there are."""
        return len(self.positives) + len(self.texts) + len(self.images)

    def original_graphs(self) -> Iterator[SceneGraph]:
        """The graphs of the positives' images, in their order."""
        used = {positive.row.image_id for positive in self.positives}
        store = GraphStore(self.folder.path / GRAPHS)
        yield from (graph for graph in store if graph.image_id in used)

    def edited_graphs(self) -> Iterator[SceneGraph]:
        """The graphs of the negative images, in their order."""
        used = {image.row.id for image in self.images}
        for row in _rows(self.folder, "edits", EditRow):
            if row.id in used:
                yield graph_of(row.image_id, row.graph)


def finished(folder: BuildFolder) -> Finished:
    """Gather what the stages kept.

    A negative whose positive went goes too: no pair is left of which one half is missing.

    Raises:
        RunError: a stage's file is missing or broken.
    """
    chosen = _by_id(folder, "chosen", ChosenRow)
    reviewed = _by_id(folder, "reviewed", ReviewedRow)
    last = _LastWord(chosen, reviewed)
    rewrites = _by_id(folder, "rewrites", RewriteRow)
    graphs = GraphStore(folder.path / GRAPHS)
    positives: dict[int, Positive] = {}
    for row in _rows(folder, "positives", PositiveRow):
        if last.keeps(row.id):
            words = rewrites[row.id].expression if row.id in rewrites else row.expression
            positives[row.id] = Positive(
                row, last.text(row.id, words.text), Scene.of(graphs[row.image_id], row.objects[0])
            )
    texts = [
        NegativeText(row, last.text(row.id, row.expression.text), positives[row.positive_id])
        for row in _rows(folder, "negatives", NegativeRow)
        if row.status == "kept" and row.expression and row.positive_id in positives and last.keeps(row.id)
    ]
    images = [
        found
        for row in _rows(folder, "edits", EditRow)
        if row.status == "kept" and row.positive_id in positives and last.keeps(row.id)
        for found in _image(folder, row, chosen.get(row.id), positives[row.positive_id], last)
    ]
    return Finished(folder, list(positives.values()), texts, images)


class _LastWord:
    """What `chosen` and then people said of a sample. A sample that neither speaks of stays."""

    def __init__(self, chosen: Mapping[int, ChosenRow], reviewed: Mapping[int, ReviewedRow]) -> None:
        self._chosen, self._reviewed = chosen, reviewed

    def keeps(self, id_: int) -> bool:
        return all(rows[id_].kept for rows in (self._chosen, self._reviewed) if id_ in rows)

    def text(self, id_: int, text: str) -> str:
        row = self._reviewed.get(id_)
        return row.text if row is not None and row.text is not None else text


def _image(
    folder: BuildFolder, row: EditRow, chosen: ChosenRow | None, positive: Positive, last: _LastWord
) -> Iterator[NegativeImage]:
    # A drawn image and a flip have one candidate.
    number = chosen.candidate if chosen is not None and chosen.candidate is not None else 0
    picture = checked_candidate(row, number, folder.path)
    if picture is not None:
        scene = Scene.of(graph_of(row.image_id, row.graph), positive.row.objects[0])
        row = row.model_copy(update={"graph": {}})
        yield NegativeImage(row, picture, scene, positive, last.text(row.id, positive.text))


def _rows(folder: BuildFolder, stage: str, row_type: type[R]) -> Iterable[R]:
    return read_rows(folder.file(stage), row_type) if folder.is_done(stage) else ()


def _by_id(folder: BuildFolder, stage: str, row_type: type[R]) -> dict[int, R]:
    return {getattr(row, "id"): row for row in _rows(folder, stage, row_type)}  # noqa: B009
