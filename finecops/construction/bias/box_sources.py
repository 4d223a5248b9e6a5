"""Where the boxes of blind guesses come from: scene graphs, a run's candidates, or the dataset's own targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np

from finecops.boxes import xywh_to_xyxy
from finecops.construction.bias.guesses import ImageBoxes
from finecops.construction.graph import parse_scene_graph
from finecops.construction.graph_file import read_entries
from finecops.datasets.dataset import Dataset
from finecops.datasets.fields import FieldError
from finecops.datasets.problems import Problem
from finecops.errors import DataError
from finecops.records import Candidates, Sample
from finecops.runs.jsonl import read_rows
from finecops.text import printable

GRAPH_FILES = ("scene_graphs/{split}.json.gz", "scene_graphs/{split}.json")
"""Where a dataset of this program has its scene graphs, below its folder."""


@dataclass
class BoxSource:
    """Boxes by sample id, and in words where they are from."""

    said: str
    boxes: dict[str, ImageBoxes]
    problems: list[Problem] = field(default_factory=list)


def find_boxes(dataset: Dataset, graphs: Path | None = None, candidates: Path | None = None) -> BoxSource:
    """The boxes of a split's positives, from what the user named, else from its scene graphs, else from its targets.

    Raises:
        DataError: a named file cannot be read, or has nothing for these samples.
    """
    positives = [sample for sample in dataset.samples if sample.positive]
    if candidates is not None:
        found = boxes_of_candidates(candidates, positives)
    else:
        beside = [dataset.root / name.format(split=dataset.split) for name in GRAPH_FILES]
        graphs = graphs or next((path for path in beside if path.is_file()), None)
        if graphs is None:
            return boxes_of_targets(positives)
        found = boxes_of_graphs(graphs, positives)
    if positives and not found.boxes:
        raise DataError(f"{candidates or graphs} has no box for any positive of {dataset.config.name}:{dataset.split}")
    return found


def boxes_of_graphs(path: Path, positives: Sequence[Sample]) -> BoxSource:
    """The objects of each image, with their names. An image's id in the graphs is its file name without the suffix."""
    wanted = {PurePosixPath(sample.image).stem for sample in positives}
    source, graphs = BoxSource(f"objects of the scene graphs in {path.name}", {}), dict[str, ImageBoxes]()
    for image_id, raw in read_entries(path):
        if image_id not in wanted:
            continue
        try:
            objects = parse_scene_graph(image_id, raw).objects.values()
        except FieldError as error:
            source.problems.append(Problem(path, printable(image_id), str(error)))
            continue
        xywh = np.array([obj.xywh for obj in objects], dtype=np.float64).reshape(-1, 4)
        graphs[image_id] = ImageBoxes(xywh_to_xyxy(xywh), tuple(obj.name for obj in objects))
    stems = ((sample.id, PurePosixPath(sample.image).stem) for sample in positives)
    source.boxes = {id_: graphs[stem] for id_, stem in stems if stem in graphs}
    return source


def boxes_of_candidates(path: Path, positives: Sequence[Sample]) -> BoxSource:
    """The candidates of a run after NMS. A specialist proposed them for the expression: only the choice is blind."""
    ids = {sample.id for sample in positives}
    boxes = {
        row.sample_id: ImageBoxes(np.array(row.best(len(row.kept)), dtype=np.float64).reshape(-1, 4))
        for row in read_rows(path, Candidates)
        if row.sample_id in ids
    }
    return BoxSource(f"candidates in {path.name}, proposed for the expression: only the choice is blind", boxes)


def boxes_of_targets(positives: Sequence[Sample]) -> BoxSource:
    """The targets of all positives on the same image: no object that nobody asks for, so guesses are too good."""
    by_image: dict[str, dict[tuple[float, ...], None]] = {}
    for sample in positives:
        by_image.setdefault(sample.image, {})[sample.box or ()] = None
    boxes = {image: ImageBoxes(np.array(list(found), dtype=np.float64)) for image, found in by_image.items()}
    said = "targets of the other expressions on the image: no object that nobody asks for, so guesses are too good"
    return BoxSource(said, {sample.id: boxes[sample.image] for sample in positives})
