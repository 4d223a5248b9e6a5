"""finecops-mini: the scenes of its splits, and building them by the chain that builds from GQA's graphs."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from finecops.construction.chain.build import Built, Plan, build
from finecops.construction.chain.settings import BuildSettings
from finecops.construction.graph import SceneGraph, dump_scene_graph
from finecops.mini.world2.draw import draw_scene
from finecops.mini.world2.edits import WORLD
from finecops.mini.world2.scenes import sample_scene
from finecops.progress import progress

LICENCE: Final = "cc0-1.0"


@dataclass(frozen=True)
class SplitPlan:
    """How large a split is.

    Attributes:
        seed: of its first scene; the others count up. The models are trained with seeds from ten million on.
        scenes: how many are drawn.
        positives: of levels 1 to 3, at most.
        per_image: most positives of one image.
        expressions: negative expressions of each column of the paper's Table IV, at most.
        images: negative images of each column of Table V, at most.
    """

    seed: int
    scenes: int
    positives: tuple[int, int, int]
    per_image: int
    expressions: int
    images: int


PLANS: Final = {
    "test": SplitPlan(1_000_000, 700, (500, 450, 250), 3, 110, 95),
    "val": SplitPlan(2_000_000, 300, (200, 180, 100), 3, 40, 30),
    # No negative images: tuning learns from negative expressions alone.
    "train": SplitPlan(3_000_000, 2600, (4000, 5600, 2800), 6, 400, 0),
}


def split_scenes(split: str, count: int | None = None) -> Iterator[SceneGraph]:
    """The first scenes of a split, or all; ids are `<split>_<number>`."""
    plan = PLANS[split]
    for i in range(plan.scenes if count is None else count):
        yield sample_scene(random.Random(plan.seed + i), f"{split}_{i:05d}")


def build_mini(folder: Path, split: str, seed: int = 0, workers: int = 1) -> Built:
    """Build one split of finecops-mini into a folder.

    Args:
        folder: as `finecops data build gqa --out`; images are drawn below it.
        split: test, val or train.
        seed: changes the choice of samples. The scenes stay the same.
        workers: processes.
    """
    plan = PLANS[split]
    graphs = folder / "build" / f"{split}_scenes.json.gz"
    _draw(folder / "images", graphs, split)
    settings = BuildSettings(
        scene_graphs=graphs,
        out=folder,
        images=folder / "images",
        name=split,
        complete_graphs=True,
        drawn=WORLD,
        seed=seed,
        workers=workers,
        positives=plan.positives,
        per_image=plan.per_image,
        sides=0.5,
        rewriter="rules",
        expressions=plan.expressions,
        edits=plan.images,
        flips=plan.images,
        refine="blind",
        licence=LICENCE,
    )
    return build(settings, Plan())


def _draw(images: Path, graphs: Path, split: str) -> None:
    """Write a split's scene graphs, and draw its images where they are missing."""
    images.mkdir(parents=True, exist_ok=True)
    graphs.parent.mkdir(parents=True, exist_ok=True)
    found = {}
    for graph in progress(split_scenes(split), what="drawing", unit="image", total=PLANS[split].scenes, leave=False):
        found[graph.image_id] = dump_scene_graph(graph)
        path = images / f"{graph.image_id}.png"
        if not path.exists():
            part = path.with_name(f".{path.name}.part")
            draw_scene(graph).save(part, format="PNG", optimize=True)
            part.replace(path)
    text = json.dumps(found, separators=(",", ":")).encode()
    # mtime=0: gzip would write the time into the file, and no two builds had the same bytes.
    content = gzip.compress(text, compresslevel=6, mtime=0)
    if not graphs.exists() or graphs.read_bytes() != content:
        graphs.write_bytes(content)
