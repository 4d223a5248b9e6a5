"""The dataset that annotation files of the command line (`--annotations`) belong to.

Files that are given for a named dataset are about its images. A file of one's own that is given alone is a dataset
itself: its folder is where its images are, and it names the run.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from finecops.config.dataset_schema import DatasetConfig
from finecops.config.find import resolve
from finecops.datasets.formats import FORMAT_OF_SUFFIX
from finecops.errors import UsageError
from finecops.paths import name_problem
from finecops.strict_json import parse_marked_json

_FOLDERS = (".", "images")
_LOOKED_AT = 20
"""Images of a COCO file that are looked for."""


def dataset_of_files(
    config: DatasetConfig, annotations: Sequence[Path], boxes: str | None, named: bool
) -> DatasetConfig:
    """The dataset to read the files with.

    A COCO file alone belongs to the default dataset if its images are there, and is a dataset of its own if they are
    below the file's folder (in it or in `images`). Files of rows are always one of their own.

    Args:
        config: the dataset of the command line.
        annotations: the files; none: the dataset's own.
        boxes: what the numbers of a box mean in files of rows.
        named: whether the user named the dataset; else it is the default.

    Raises:
        UsageError: `boxes` is given and no file of rows; or files of one's own lie in several folders.
    """
    rows = [path for path in annotations if path.suffix.lower() in FORMAT_OF_SUFFIX]
    if boxes is not None and not rows:
        raise UsageError("--boxes goes with --annotations FILE.jsonl or FILE.csv; other formats say what a box is")
    if boxes is not None:
        config = config.model_copy(update={"boxes": boxes})
    if named or not annotations or not (rows or _is_elsewhere(config, annotations[0])):
        return config
    folders = {path.parent.resolve() for path in annotations}
    if len(folders) > 1:
        raise UsageError(
            "annotation files in several folders: name a dataset (--dataset) whose folders have the images, or put the "
            "files into one folder"
        )
    name = re.sub(r"[^A-Za-z0-9._+-]", "_", annotations[0].stem)[:100].lstrip("._+-") or "files"
    return config.model_copy(
        update={
            "name": name,
            "root": annotations[0].parent,
            # Whatever pictures the default dataset has.
            "domain": None,
            "get": f"Images are looked up beside {annotations[0].name} and in images/ there.",
            "image_folders": _FOLDERS,
            "splits": {config.default_split: tuple(path.name for path in annotations)},
        }
    )


def _is_elsewhere(config: DatasetConfig, path: Path) -> bool:
    """Whether the images of a COCO file are below its own folder and not below the dataset's."""
    root = resolve(config.root)
    if path.resolve().is_relative_to(root.resolve()) or not path.is_file():
        return False
    names = _image_names(path)
    if any(_is_there(root, config.image_folders, name) for name in names):
        return False
    return any(_is_there(path.parent, _FOLDERS, name) for name in names)


def _image_names(path: Path) -> list[str]:
    try:
        raw: Any = parse_marked_json(path.read_bytes())
    except ValueError:
        # The reader says what is wrong with it.
        return []
    images = raw.get("images") if isinstance(raw, dict) else None
    if not isinstance(images, list):
        return []
    names = [image.get("file_name") for image in images[:_LOOKED_AT] if isinstance(image, dict)]
    return [str(name) for name in names if name_problem(name) is None]


def _is_there(root: Path, folders: Sequence[str], name: str) -> bool:
    return any(os.path.isfile(root / folder / name) for folder in folders)
