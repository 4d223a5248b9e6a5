"""finecops-mini: the plan of its three splits, and building them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from finecops.construction.benchmark import SplitPlan, World, build_split, write_split
from finecops.mini.world.catalogue import VOCABULARY
from finecops.mini.world.draw import draw_scene
from finecops.mini.world.world import draw_edit, refit, split_scenes

SCENES: Final = {"test": 600, "val": 260, "train": 1300}
PLANS: Final = {
    "test": SplitPlan({1: 500, 2: 450, 3: 250}, 3, 110, 95, first_id=1),
    "val": SplitPlan({1: 200, 2: 180, 3: 100}, 3, 40, 30, first_id=100_001),
    "train": SplitPlan({1: 3400, 2: 3200, 3: 1400}, 7, 260, 0, first_id=200_001),
}
MINI_WORLD: Final = World(VOCABULARY, lambda image_id: f"{image_id}.png", draw_scene, refit, draw_edit)


def build_mini(folder: Path, split: str, seed: int = 0) -> dict[str, int]:
    """Build one split of finecops-mini into a folder; returns the numbers of what was written."""
    plan = PLANS[split]
    plan = SplitPlan(
        plan.positives, plan.per_image, plan.expressions_per_column, plan.images_per_column, plan.first_id, seed
    )
    return write_split(build_split(split_scenes(split, SCENES[split]), plan, MINI_WORLD), split, MINI_WORLD, folder)
