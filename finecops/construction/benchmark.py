"""Building a split: positives, their negative expressions, their negative images, all files."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from finecops.construction.formats import (
    Row,
    coco_entry,
    negative_expression_row,
    negative_image_row,
    positive_row,
    write_coco,
    write_json,
)
from finecops.construction.graph import SceneGraph, dump_scene_graph
from finecops.construction.image_edits import IMAGE_COLUMNS, ImageEdit, Settle, image_edit
from finecops.construction.negatives import TEXT_COLUMNS, NegativeExpression, negative_expressions
from finecops.construction.positives import Positive, choose_positives
from finecops.construction.vocabulary import Vocabulary


@dataclass(frozen=True)
class SplitPlan:
    """How much of everything a split shall have: positives per level, negatives per column of the paper's tables."""

    positives: Mapping[int, int]
    per_image: int
    expressions_per_column: int
    images_per_column: int
    first_id: int
    seed: int = 0


@dataclass(frozen=True)
class World:
    """Where a benchmark comes from.

    Attributes:
        vocabulary: its words.
        file_name: image id → file name below the image folder.
        picture: scene graph → its image, or None where the images are there already.
        settle: makes an edited graph whole, or None where the only edit possible is the flip.
        picture_edit: edit → the negative image.
    """

    vocabulary: Vocabulary
    file_name: Callable[[str], str]
    picture: Callable[[SceneGraph], Image.Image] | None
    settle: Settle | None
    picture_edit: Callable[[ImageEdit], Image.Image]


@dataclass(frozen=True)
class Split:
    """What was built, in memory."""

    graphs: list[SceneGraph]
    positives: list[Positive]
    expressions: list[NegativeExpression]
    edits: list[ImageEdit]


def build_split(graphs: Sequence[SceneGraph], plan: SplitPlan, world: World) -> Split:
    """Choose positives and make negatives of them. The same graphs, plan and world give the same split."""
    vocabulary = world.vocabulary
    positives = choose_positives(graphs, vocabulary, plan.positives, plan.per_image, plan.seed, first_id=plan.first_id)
    expressions: list[NegativeExpression] = []
    for type_, level in TEXT_COLUMNS:
        found = 0
        for positive in _shuffled(positives, f"{plan.seed}/{type_}/{level}/text"):
            if found == plan.expressions_per_column:
                break
            rng = random.Random(f"{plan.seed}/{positive.id}/{type_}/{level}/text")
            negative = negative_expressions(positive, type_, level, vocabulary, rng)
            if negative is not None:
                expressions.append(negative)
                found += 1
    edits: list[ImageEdit] = []
    for type_, level in IMAGE_COLUMNS:
        found = 0
        if world.settle is None and type_ != "flip":
            continue
        for positive in _shuffled(positives, f"{plan.seed}/{type_}/{level}/image"):
            if found == plan.images_per_column:
                break
            rng = random.Random(f"{plan.seed}/{positive.id}/{type_}/{level}/image")
            edit = image_edit(positive, type_, level, vocabulary, world.settle or _unsettled, rng)
            if edit is not None:
                edits.append(edit)
                found += 1
    return Split(list(graphs), positives, expressions, edits)


def _shuffled(positives: list[Positive], seed: str) -> list[Positive]:
    order = list(positives)
    random.Random(seed).shuffle(order)
    return order


def _unsettled(graph: SceneGraph, changed: frozenset[str]) -> SceneGraph | None:
    return None


def write_split(split: Split, name: str, world: World, folder: Path) -> dict[str, int]:
    """Write a split's images, annotations in both formats and scene graphs; returns what was written.

    Files: `images/`, `negative_images/`, `vanilla/<name>_*.json`, `<name>_*_coco_format.json`,
    `scene_graphs/<name>.json.gz`. Only images that an expression uses are written.
    """
    vocabulary = world.vocabulary
    positive_rows, pairs = [], {}
    for positive in split.positives:
        row = positive_row(positive, vocabulary)
        positive_rows.append(row)
        pairs[positive.id] = coco_entry(row, *_place(positive, positive.graph, world, f"{positive.graph.image_id}"))
    next_id = max((p.id for p in split.positives), default=0) + 1
    text_rows, text_pairs = [], []
    for id_, negative in enumerate(split.expressions, start=next_id):
        row = negative_expression_row(negative, id_, vocabulary)
        text_rows.append(row)
        graph = negative.positive.graph
        text_pairs.append(coco_entry(row, *_place(negative.positive, graph, world, graph.image_id)))
    image_rows, image_pairs = [], []
    for id_, edit in enumerate(split.edits, start=next_id + len(text_rows)):
        image_id = f"{edit.positive.graph.image_id}~{id_}"
        row = negative_image_row(edit, id_, image_id, vocabulary)
        image_rows.append(row)
        file_name, image_wh, box = _place(edit.positive, edit.graph, world, image_id)
        image_pairs.append(coco_entry(row, file_name, image_wh, box))
        _save_image(world.picture_edit(edit), folder / "negative_images" / world.file_name(image_id))
    if world.picture is not None:
        used = {p.graph.image_id for p in split.positives}
        for graph in split.graphs:
            if graph.image_id in used:
                _save_image(world.picture(graph), folder / "images" / world.file_name(graph.image_id))
    _write_annotations(
        name, folder, positive_rows, text_rows, image_rows, list(pairs.values()), text_pairs, image_pairs
    )
    _write_graphs(split, folder / "scene_graphs" / f"{name}.json.gz")
    return {"positives": len(positive_rows), "negative expressions": len(text_rows), "negative images": len(image_rows)}


def _place(
    positive: Positive, graph: SceneGraph, world: World, image_id: str
) -> tuple[str, tuple[int, int], tuple[float, float, float, float]]:
    target = graph.objects[positive.object_ids[0]]
    return world.file_name(image_id), (graph.width, graph.height), target.xywh


def _write_annotations(
    name: str,
    folder: Path,
    positives: list[Row],
    texts: list[Row],
    images: list[Row],
    positive_pairs: list[tuple[Row, Row]],
    text_pairs: list[tuple[Row, Row]],
    image_pairs: list[tuple[Row, Row]],
) -> None:
    write_json(folder / "vanilla" / f"{name}_expression_pos.json", positives)
    write_json(folder / "vanilla" / f"{name}_expression_neg.json", texts)
    write_coco(folder / f"{name}_expression_pos_coco_format.json", positive_pairs)
    write_coco(folder / f"{name}_expression_all_coco_format.json", positive_pairs + text_pairs)
    if images:
        write_json(folder / "vanilla" / f"{name}_image_neg.json", images)
        write_coco(folder / f"{name}_image_neg_coco_format.json", image_pairs)


def _write_graphs(split: Split, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    used = {p.graph.image_id for p in split.positives}
    graphs = {g.image_id: dump_scene_graph(g) for g in split.graphs if g.image_id in used}
    text = json.dumps(graphs, separators=(",", ":"))
    path.write_bytes(gzip.compress(text.encode(), compresslevel=9, mtime=0))


def _save_image(image: Image.Image, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, optimize=True)
