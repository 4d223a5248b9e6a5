"""Building a split: its positives, their negative expressions and negative images, and all files."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ParamSpec, TypeVar

from PIL import Image

from finecops.construction.formats import (
    CocoEntry,
    VanillaRow,
    annotation_files,
    coco_entry,
    write_coco,
    write_vanilla,
)
from finecops.construction.graph import MAX_WORK, SceneGraph, TooMuchWorkError, dump_scene_graph
from finecops.mini.builder.image_edits import IMAGE_COLUMNS, ImageEdit, Refit, image_edit
from finecops.mini.builder.negatives import TEXT_COLUMNS, NegativeExpression, negative_expression
from finecops.mini.builder.positives import Positive, choose_positives
from finecops.mini.builder.rows import negative_expression_row, negative_image_row, positive_row
from finecops.mini.builder.vocabulary import Vocabulary
from finecops.paths import safe_path

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class SplitPlan:
    """How many samples a split has at most; the columns of negatives are those of the paper's Tables IV and V."""

    positives: Mapping[int, int]
    """Level → number of positives."""

    per_image: int
    """Positives of one image."""

    expressions_per_column: int
    """Negative expressions of each type and level."""

    images_per_column: int
    """Negative images of each type and level."""

    first_id: int
    """Id of the first positive; all other ids follow."""

    seed: int = 0


@dataclass(frozen=True)
class World:
    """Where a benchmark comes from: its words, its images, and the edits that can be made of them."""

    vocabulary: Vocabulary

    file_name: Callable[[str], str]
    """Image id → file name below the image folder."""

    draw: Callable[[SceneGraph], Image.Image] | None
    """Scene graph → its image, or None where the images exist already."""

    refit: Refit | None
    """Adapts an edited graph, or None where the flip is the only possible edit."""

    draw_edit: Callable[[ImageEdit], Image.Image]
    """Edit → the negative image."""


@dataclass(frozen=True)
class Split:
    """A split in memory."""

    graphs: list[SceneGraph]
    positives: list[Positive]
    expressions: list[NegativeExpression]
    edits: list[ImageEdit]

    def cut_short(self) -> dict[str, str]:
        """Image id → why not everything was tried for its graph."""
        why = f"more than {MAX_WORK} comparisons of its objects would be needed; not all expressions were tried"
        return {graph.image_id: why for graph in self.graphs if graph.work.exceeded}


def build_split(graphs: Sequence[SceneGraph], plan: SplitPlan, world: World) -> Split:
    """Choose positives and make negatives of them. The same graphs, plan and world give the same split."""
    positives = choose_positives(
        graphs, world.vocabulary, plan.positives, plan.per_image, plan.seed, first_id=plan.first_id
    )
    return Split(
        graphs=list(graphs),
        positives=positives,
        expressions=_negative_expressions(positives, plan, world.vocabulary),
        edits=_image_edits(positives, plan, world),
    )


def _negative_expressions(
    positives: Sequence[Positive], plan: SplitPlan, vocabulary: Vocabulary
) -> list[NegativeExpression]:
    """For each column, negatives of the positives in a random order until the column is full."""
    found: list[NegativeExpression] = []
    for type_, level in TEXT_COLUMNS:
        column: list[NegativeExpression] = []
        for positive in _shuffled(positives, f"{plan.seed}/{type_}/{level}/text"):
            if len(column) == plan.expressions_per_column:
                break
            # A generator per positive and column: a change to one column does not change the others.
            rng = random.Random(f"{plan.seed}/{positive.id}/{type_}/{level}/text")
            negative = _unless_too_much(negative_expression, positive, type_, level, vocabulary, rng)
            column += [negative] if negative is not None else []
        found += column
    return found


def _unless_too_much(make: Callable[P, T | None], *args: P.args, **kwargs: P.kwargs) -> T | None:
    try:
        return make(*args, **kwargs)
    except TooMuchWorkError:
        return None


def _image_edits(positives: Sequence[Positive], plan: SplitPlan, world: World) -> list[ImageEdit]:
    """As `_negative_expressions`, for negative images."""
    found: list[ImageEdit] = []
    for type_, level in IMAGE_COLUMNS:
        if world.refit is None and type_ != "flip":
            continue
        column: list[ImageEdit] = []
        for positive in _shuffled(positives, f"{plan.seed}/{type_}/{level}/image"):
            if len(column) == plan.images_per_column:
                break
            rng = random.Random(f"{plan.seed}/{positive.id}/{type_}/{level}/image")
            refit = world.refit or _cannot_refit
            edit = _unless_too_much(image_edit, positive, type_, level, world.vocabulary, refit, rng)
            column += [edit] if edit is not None else []
        found += column
    return found


def _shuffled(positives: Sequence[Positive], seed: str) -> list[Positive]:
    """All positives in a random order, so that a column is not filled from the first images alone."""
    order = list(positives)
    random.Random(seed).shuffle(order)
    return order


def _cannot_refit(graph: SceneGraph, changed: frozenset[str]) -> SceneGraph | None:
    """The refit of photographs, which cannot be drawn again."""
    return None


@dataclass
class _Rows:
    """Rows of one kind in both formats."""

    vanilla: list[VanillaRow] = field(default_factory=list)
    coco: list[CocoEntry] = field(default_factory=list)

    def add(self, row: VanillaRow, file_name: str, graph: SceneGraph, target_id: str) -> None:
        """Add a row; its box is that of the positive's target, in the row's own image."""
        xywh = graph.objects[target_id].xywh
        self.vanilla.append(row)
        self.coco.append(coco_entry(row, file_name, (graph.width, graph.height), xywh))


def write_split(split: Split, name: str, world: World, folder: Path) -> dict[str, int]:
    """Write a split's images, annotations in both formats and scene graphs; returns how many samples of each kind.

    Files: `images/`, `negative_images/`, `vanilla/<name>_*.json`, `<name>_*_coco_format.json`,
    `scene_graphs/<name>.json.gz`. Only images that an expression uses are written.
    """
    positives, texts, images = _Rows(), _Rows(), _Rows()
    for positive in split.positives:
        graph = positive.graph
        row = positive_row(positive)
        positives.add(row, world.file_name(graph.image_id), graph, positive.object_ids[0])
    # Ids count on over the three kinds, so that an id names one sample of the split.
    next_id = max((p.id for p in split.positives), default=0) + 1
    for id_, negative in enumerate(split.expressions, start=next_id):
        graph, target_id = negative.positive.graph, negative.positive.object_ids[0]
        row = negative_expression_row(negative, id_)
        texts.add(row, world.file_name(graph.image_id), graph, target_id)
    for id_, edit in enumerate(split.edits, start=next_id + len(split.expressions)):
        # "~" is in no image id of GQA or of the mini world, so the name cannot be that of an original.
        image_id = f"{edit.positive.graph.image_id}~{id_}"
        row = negative_image_row(edit, id_, image_id)
        images.add(row, world.file_name(image_id), edit.graph, edit.positive.object_ids[0])
        _save_image(world.draw_edit(edit), folder / "negative_images", world.file_name(image_id))
    _write_annotations(name, folder, positives, texts, images)
    graphs = _used_graphs(split)
    _write_graphs(graphs, folder / "scene_graphs" / f"{name}.json.gz")
    if world.draw is not None:
        for graph in graphs:
            _save_image(world.draw(graph), folder / "images", world.file_name(graph.image_id))
    return {
        "positives": len(split.positives),
        "negative expressions": len(split.expressions),
        "negative images": len(split.edits),
    }


def _used_graphs(split: Split) -> list[SceneGraph]:
    """Graphs of the images that have a positive, in the split's order."""
    used = {p.graph.image_id for p in split.positives}
    return [graph for graph in split.graphs if graph.image_id in used]


def _write_annotations(name: str, folder: Path, positives: _Rows, texts: _Rows, images: _Rows) -> None:
    write_vanilla(folder / "vanilla" / f"{name}_expression_pos.json", positives.vanilla)
    write_vanilla(folder / "vanilla" / f"{name}_expression_neg.json", texts.vanilla)
    write_coco(folder / f"{name}_expression_pos_coco_format.json", positives.coco)
    expressions, negative_images = annotation_files(name)
    write_coco(folder / expressions, positives.coco + texts.coco)
    # A split for training has no negative images, and then no file of them.
    if images.vanilla:
        write_vanilla(folder / "vanilla" / f"{name}_image_neg.json", images.vanilla)
        write_coco(folder / negative_images, images.coco)


def _write_graphs(graphs: Sequence[SceneGraph], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({graph.image_id: dump_scene_graph(graph) for graph in graphs}, separators=(",", ":"))
    # mtime=0: gzip would write the time into the file, and no two builds had the same bytes.
    path.write_bytes(gzip.compress(text.encode(), compresslevel=9, mtime=0))


def _save_image(image: Image.Image, folder: Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    image.save(safe_path(folder, name), optimize=True)
