"""finecops-mini: the scenes of its splits, and building them by the chain that builds from GQA's graphs."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import PIL
from PIL import Image

from finecops.construction.chain.build import Plan, build
from finecops.construction.chain.export import NEGATIVE_IMAGES, annotation_names
from finecops.construction.chain.settings import BuildSettings
from finecops.construction.graph import SceneGraph, dump_scene_graph
from finecops.construction.truth.draw import TUPLE_TYPES
from finecops.errors import DataError
from finecops.mini.world.draw import draw_scene
from finecops.mini.world.edits import WORLD
from finecops.mini.world.scenes import sample_scene
from finecops.mini.world.short_style import write_short
from finecops.progress import progress
from finecops.runs.checksums import sha256_of

LICENCE: Final = "mit"


@dataclass(frozen=True)
class Scenes:
    """Scenes that some splits share.

    Attributes:
        first: seed of the first one; the others count up. The mini models are trained with seeds from ten million on.
        count: how many there are.
        sha256: of the pixels of all images, one after the other, as they were when the benchmark was built.
    """

    first: int
    count: int
    sha256: str | None = None


SCENES: Final = {
    "test": Scenes(1_000_000, 700, "59be961f313e06452cc491e89788621c853d61c00bd0cb54ec982fdf42dc0892"),
    "val": Scenes(2_000_000, 300, "29df3ad3b3b7ba364f223b13e5fb3fc9ea498140e652be6fd80ed5f9e1f40f7d"),
    "train": Scenes(3_000_000, 2800, "200dfbde486864fd80d3234eb1254bf8e5429945f8c8287f6e2afd13fec3dcbd"),
}


@dataclass(frozen=True)
class SplitPlan:
    """What a split has.

    Attributes:
        scenes: a key of `SCENES`.
        positives: of levels 1 to 3, at most.
        per_image: most positives of one image.
        expressions: negative expressions of each column of the paper's Table IV, at most.
        images: negative images of each column of Table V, at most.
        types: tuple types.
        sha256: of the file of all its samples, where that is not in the repository.
    """

    scenes: str
    positives: tuple[int, int, int]
    per_image: int = 3
    expressions: int = 0
    images: int = 0
    types: tuple[str, ...] = TUPLE_TYPES
    sha256: str | None = None


SHORT: Final = "test_short"
"""A split of short expressions with positions, as in RefCOCO."""

PLANS: Final = {
    "test": SplitPlan("test", (500, 450, 250), 3, 110, 95),
    "val": SplitPlan("val", (200, 180, 100), 3, 40, 30),
    # No negative images: tuning learns from negative expressions alone.
    "train": SplitPlan(
        "train",
        (4000, 5600, 2800),
        6,
        400,
        sha256="5f04cfa5f265cdcca092a68c8b4398ea2dc7d82134f545548bfafdd76545c0ed",
    ),
    # Long and relational, as Ref-Reasoning.
    "test_long": SplitPlan("test", (150, 150, 100), 2, types=("2_hop", "and", "same_attr_two_hop")),
    SHORT: SplitPlan("test", (100, 300, 0), 2),
    # For tuning on other data than the benchmark's: without relations.
    "train_plain": SplitPlan(
        "train",
        (2000, 8000, 2000),
        6,
        types=("0_hop",),
        sha256="9411f7e50c7e8aa0448046f3cdc5b2d4d00fcc8a7a9498672c5b6e127ff43905",
    ),
}


def split_scenes(scenes: str, count: int | None = None) -> Iterator[SceneGraph]:
    """The first scenes of a key of `SCENES`, or all; ids are `<key>_<number>`."""
    own = SCENES[scenes]
    for i in range(own.count if count is None else count):
        yield sample_scene(random.Random(own.first + i), f"{scenes}_{i:05d}")


def build_mini(folder: Path, split: str, seed: int = 0, workers: int = 1) -> dict[str, int]:
    """Build one split of finecops-mini into a folder; returns how many samples of each kind were written.

    Args:
        folder: as `finecops data build gqa --out`; images are drawn below it.
        split: one of `PLANS`.
        seed: changes the choice of samples. The scenes stay the same.
        workers: processes.

    Raises:
        DataError: images or samples are not those that the mini models were tuned with.
    """
    plan = PLANS[split]
    draw_images(folder / "images", plan.scenes)
    if split == SHORT:
        return {"positives": write_short(split_scenes(plan.scenes), folder, split, plan.positives, seed)}
    settings = BuildSettings(
        scene_graphs=_write_graphs(folder, plan.scenes),
        out=folder,
        images=folder / "images",
        name=split,
        complete_graphs=True,
        drawn=WORLD,
        seed=seed,
        workers=workers,
        positives=plan.positives,
        per_image=plan.per_image,
        types=plan.types if plan.types != TUPLE_TYPES else (),
        sides=0.5,
        rewriter="rules",
        expressions=plan.expressions,
        edits=plan.images,
        flips=plan.images,
        refine="blind" if plan.expressions else "none",
        licence=LICENCE,
    )
    samples = build(settings, Plan()).samples
    for path in sorted((folder / NEGATIVE_IMAGES).glob(f"neg_{split}_*.png")):
        # Written as the others are: a file's size or its texts would tell a negative image.
        with Image.open(path) as image:
            _save(image.convert("RGB"), path)
    # Another seed is another benchmark on purpose.
    file = folder / annotation_names(split)["all_coco"]
    if plan.sha256 is not None and seed == 0 and sha256_of(file) != plan.sha256:
        raise DataError(
            f"{file} is not the one that the adapters of finecops-mini were tuned with: this version of finecops or of "
            "a package that it needs builds other samples. Install with constraints.txt, or tune them anew"
        )
    return samples


def draw_images(folder: Path, scenes: str) -> int:
    """Draw the images of a key of `SCENES` that are missing in a folder; returns how many those were.

    Raises:
        DataError: the images are not those that the benchmark was built with.
    """
    folder.mkdir(parents=True, exist_ok=True)
    own, drawn = SCENES[scenes], 0
    digest = hashlib.sha256()
    for graph in progress(split_scenes(scenes), what="drawing", unit="image", total=own.count, leave=False):
        path = folder / f"{graph.image_id}.png"
        if path.exists():
            with Image.open(path) as file:
                image = file.convert("RGB")
        else:
            image, drawn = draw_scene(graph), drawn + 1
            _save(image, path)
        digest.update(image.tobytes())
    if own.sha256 is not None and digest.hexdigest() != own.sha256:
        raise DataError(
            f"the images {scenes}_*.png in {folder} are not those that finecops-mini was built with: a file was "
            f"changed, or this version of Pillow ({PIL.__version__}) draws otherwise. Delete them and draw them again, "
            "with the Pillow of constraints.txt"
        )
    return drawn


def _save(image: Image.Image, path: Path) -> None:
    part = path.with_name(f".{path.name}.part")
    image.save(part, format="PNG", optimize=True)
    # A new file: the build folder keeps what it linked here.
    part.replace(path)


def _write_graphs(folder: Path, scenes: str) -> Path:
    path = folder / "build" / f"{scenes}_scenes.json.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    found = {graph.image_id: dump_scene_graph(graph) for graph in split_scenes(scenes)}
    # mtime=0: gzip would write the time into the file, and no two builds had the same bytes.
    content = gzip.compress(json.dumps(found, separators=(",", ":")).encode(), compresslevel=6, mtime=0)
    if not path.exists() or path.read_bytes() != content:
        path.write_bytes(content)
    return path
