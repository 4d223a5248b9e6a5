"""What scene graphs say of samples' targets: how many things of their kind there are, and the word for their size."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

import numpy as np

from finecops.boxes import iou_xyxy
from finecops.construction.graph import SceneGraph, parse_scene_graph
from finecops.construction.graph_file import read_entries
from finecops.construction.words import gqa_lexicon
from finecops.datasets.fields import FieldError
from finecops.evaluation.gain_groups import TargetFacts
from finecops.records import Sample
from finecops.runs.manifest import Manifest
from finecops.text import counted

log = logging.getLogger(__name__)

_SAME: Final = 0.9
"""IoU from which on an object of the graph is a sample's target: boxes may be rounded."""


def graph_files(manifest: Manifest) -> tuple[Path, ...]:
    """The scene graphs of a run's split, where the dataset has them as `scene_graphs/SPLIT.json` or `.json.gz`."""
    if manifest.images is None:
        return ()
    folder = Path(manifest.images.root) / "scene_graphs"
    files = [folder / f"{manifest.dataset.split}{suffix}" for suffix in (".json.gz", ".json")]
    return tuple(file for file in files if file.is_file())[:1]


def target_facts(samples: Iterable[Sample], files: Sequence[Path]) -> dict[str, TargetFacts]:
    """The facts of the samples with a box whose image has a graph and whose target is in it, by sample id.

    Args:
        samples: a graph's key is the name of the image without its ending, or the graph names the image itself.
        files: in GQA's format, gzipped or not.

    Raises:
        DataError: a file is missing, damaged, too large, or no JSON dictionary.

    Graphs that cannot be read are counted in a warning; their targets have no facts.
    """
    wanted: dict[str, list[Sample]] = {}
    for sample in samples:
        if sample.box is not None:
            wanted.setdefault(PurePosixPath(sample.image).stem, []).append(sample)
    sizes = (
        {name for name, attribute in gqa_lexicon().attributes.items() if attribute.kind == "size"} if files else set()
    )
    found: dict[str, TargetFacts] = {}
    broken: list[FieldError] = []
    for key, raw in (entry for file in files for entry in read_entries(file)):
        named = raw.get("file_name") if isinstance(raw, Mapping) else None
        asked = wanted.get(PurePosixPath(named).stem if isinstance(named, str) else key)
        if asked is None:
            continue
        try:
            graph = parse_scene_graph(key, raw)
        except FieldError as error:
            broken.append(error)
            continue
        found |= {sample.id: facts for sample in asked if (facts := _facts(sample, graph, sizes)) is not None}
    if broken:
        log.warning("%s cannot be read, the first one: %s", counted(len(broken), "scene graph"), broken[0])
    return found


def _facts(sample: Sample, graph: SceneGraph, sizes: set[str]) -> TargetFacts | None:
    objects = list(graph.objects.values())
    if not objects:
        return None
    xywh = np.array([one.xywh for one in objects], dtype=np.float64)
    xyxy = np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1)
    overlap = iou_xyxy(xyxy, np.array(sample.box))
    best = int(overlap.argmax())
    if overlap[best] < _SAME:
        return None
    target = objects[best]
    size = next((word for word in target.attributes if word in sizes), None)
    return TargetFacts(of_its_kind=sum(one.name == target.name for one in objects), size=size)
