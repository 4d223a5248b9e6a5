"""The YAML file of a benchmark that was built, beside its annotation files, so that `--dataset` can name it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from finecops.config.fields import is_plain
from finecops.construction.formats import annotation_files

_FALLBACK: Final = "my-benchmark"
"""The name where that of the folder is no plain name."""
_HEAD: Final = """\
# Written by `finecops data build gqa`, once: what you change here stays.
# `root` is looked up from the folder that finecops runs in. `preset` names the models of a run that names none; `get`
# is what a message says to whoever lacks the files. Set `licence` before you pass the benchmark on.
"""


@dataclass(frozen=True)
class DatasetFile:
    """What is beside the annotation files."""

    path: Path
    written: bool
    """False: it was there, and stays as it is."""
    to_add: str | None
    """The line that its `splits` lack; None: they have the split."""
    images_inside: bool
    """The photographs are below the folder, so that the file says where they are."""


def write_dataset_file(folder: Path, split: str, images: Path) -> DatasetFile:
    """Write `<folder>/<name of the folder>.yaml`, unless it is there.

    Args:
        folder: that of the annotation files.
        split: the split that was built.
        images: the folder of the photographs.
    """
    own = folder.resolve().name
    name = own if is_plain(own) else _FALLBACK
    path = folder / f"{name}.yaml"
    below = images.resolve().is_relative_to(folder.resolve())
    files = [one for one in annotation_files(split) if (folder / one).is_file()]
    if path.exists():
        lacks = split not in _splits(path)
        to_add = f"{split}: [{', '.join(files)}]" if lacks else None
        return DatasetFile(path, written=False, to_add=to_add, images_inside=below)
    # Photographs elsewhere: --images says where, and a folder outside of the root may not stand here.
    places = [images.resolve().relative_to(folder.resolve()).as_posix()] if below else ["images"]
    settings = {
        "name": name,
        "root": folder.as_posix(),
        "format": "coco",
        "image_folders": [*places, "negative_images"],
        "splits": {split: files},
        "default_split": split,
        "preset": "paper",
        "licence": None,
        "get": f"{name} was built from scene graphs with `finecops data build gqa`: ask whoever built it.",
    }
    text = yaml.safe_dump(settings, sort_keys=False, allow_unicode=True, width=120)
    # A file that is there is never written again, so half a one must not come to be.
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(_HEAD + text, encoding="utf-8")
    os.replace(partial, path)
    return DatasetFile(path, written=True, to_add=None, images_inside=below)


def _splits(path: Path) -> Sequence[str]:
    """The splits that a file names, whatever else is in it: `finecops data check` says what is wrong."""
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
        return list(found["splits"])
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError):
        return []
