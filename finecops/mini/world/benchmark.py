"""finecops-mini: the scenes and the plan of its three splits, and building them."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Final

from finecops.construction.graph import SceneGraph
from finecops.mini.builder.benchmark import SplitPlan, World, build_split, write_split
from finecops.mini.world.catalogue import VOCABULARY
from finecops.mini.world.draw import draw_scene
from finecops.mini.world.edits import draw_edit, refit
from finecops.mini.world.scenes import sample_scene

SCENE_COUNTS: Final = {"test": 600, "val": 260, "train": 1300}
SPLIT_SEEDS: Final = {"test": 1_000_000, "val": 2_000_000, "train": 3_000_000}
"""Seed of each split's first scene; the others count up. The mini models are trained with seeds from ten million on."""

PLANS: Final = {
    "test": SplitPlan({1: 500, 2: 450, 3: 250}, 3, 110, 95, first_id=1),
    "val": SplitPlan({1: 200, 2: 180, 3: 100}, 3, 40, 30, first_id=100_001),
    # No negative images: tuning learns from negative expressions alone.
    "train": SplitPlan({1: 3400, 2: 3200, 3: 1400}, 7, 260, 0, first_id=200_001),
}
MINI_WORLD: Final = World(
    vocabulary=VOCABULARY,
    file_name=lambda image_id: f"{image_id}.png",
    draw=draw_scene,
    refit=refit,
    draw_edit=draw_edit,
)


def split_scenes(split: str, count: int) -> list[SceneGraph]:
    """The first `count` scenes of a split; ids are `<split>_<number>`."""
    start = SPLIT_SEEDS[split]
    return [sample_scene(random.Random(start + i), f"{split}_{i:05d}") for i in range(count)]


def build_mini(folder: Path, split: str, seed: int = 0) -> dict[str, int]:
    """Build one split of finecops-mini into a folder; returns how many samples of each kind were written.

    `seed` changes the choice of samples. The scenes stay the same.
    """
    plan = replace(PLANS[split], seed=seed)
    graphs = split_scenes(split, SCENE_COUNTS[split])
    return write_split(build_split(graphs, plan, MINI_WORLD), split, MINI_WORLD, folder)
