"""Takes the files of the package out of the repository, where they have their own places.

An sdist has them in the package already, so that a wheel can be built from it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

CHECKPOINTS = ("mini-gdino", "mini-qwen2vl", "mini-qwen2vl-crs", "mini-qwen2vl-crs-none")
SPLITS = ("val", "test", "test_long", "test_short")
IMAGES = "images", "negative_images"


class FilesOfTheRepository(BuildHookInterface):
    """Adds each file under its path in the package."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before it collects the files."""
        package = Path(self.root) / "finecops_mini"
        if (package / "checkpoints").is_dir():
            return
        repository = Path(self.root).parents[1]
        found = sorted({*_checkpoints(repository), *_benchmark(repository)})
        build_data["force_include"] |= {
            str(path): f"finecops_mini/{path.relative_to(repository).as_posix()}" for path in found
        }


def _checkpoints(repository: Path) -> Iterator[Path]:
    for name in CHECKPOINTS:
        yield from (repository / "checkpoints" / name).iterdir()


def _benchmark(repository: Path) -> Iterator[Path]:
    """The annotation files that the splits are read from, their scene graphs, and the images that they name."""
    folder = repository / "data" / "finecops-mini"
    for split in SPLITS:
        annotations = folder / f"{split}_expression_all_coco_format.json"
        yield annotations
        # What `finecops gains` and `data bias` look up; test_short has none.
        yield from (folder / "scene_graphs").glob(f"{split}.json.gz")
        for entry in json.loads(annotations.read_text(encoding="utf-8"))["images"]:
            # The same file serves several entries.
            yield next(path for inside in IMAGES if (path := folder / inside / entry["file_name"]).is_file())
