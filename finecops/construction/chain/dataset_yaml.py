"""`dataset.yaml` beside the files of a benchmark that was built: `--dataset OUT/dataset.yaml` reads it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from finecops.config.fields import is_plain
from finecops.config.find import load_dataset
from finecops.construction.chain.export import IMAGES, NEGATIVE_IMAGES, Bring, annotation_names
from finecops.errors import FinecopsError
from finecops.paths import open_regular
from finecops.runs.jsonl import open_new
from finecops.text import shortly

FILE: Final = "dataset.yaml"
_FALLBACK: Final = "my-benchmark"
"""The name where that of the folder is no plain name."""
_HEAD: Final = """\
# Written by `finecops data build gqa`. What you change here stays: another split that is built is added to `splits`.
# `root: .` is the folder of this file, wherever it is moved to. `preset` names the models of a run that names none.
"""
_SPLITS = re.compile(r"^splits:[ \t]*\n", re.MULTILINE)


@dataclass(frozen=True)
class DatasetFile:
    """The file, and what remains to be done.

    Attributes:
        path: the file.
        images_inside: photographs are below the folder, so that nobody need say where they are.
        to_add: the line that its `splits` lack, where it could not be added.
        fault: why it does not read what was written; it is somebody else's, or was changed.
    """

    path: Path
    images_inside: bool
    to_add: str | None = None
    fault: str | None = None


def write_dataset_yaml(
    out: Path, split: str, photos: Path | None, bring: Bring = "none", licence: str | None = None
) -> DatasetFile:
    """Write `dataset.yaml`, or add the split to the one that is there.

    Args:
        out: the folder of the annotation files.
        split: the split that was built.
        photos: the folder or zip file of the photographs, where it is known.
        bring: whether they were brought into the folder.
        licence: of the annotations.
    """
    path = out / FILE
    place = photos.expanduser().resolve() if photos is not None else None
    below = place is not None and place.is_dir() and place.is_relative_to(out.resolve())
    inside = below or bring != "none"
    if path.exists():
        # A user may have written into it: a preset, a licence, a comment.
        to_add = _added(path, split)
        return DatasetFile(path, inside, to_add, None if to_add is not None else _fault(path, split))
    # Photographs elsewhere: --images says where, and a folder outside of the root may not stand here.
    folders = [place.relative_to(out.resolve()).as_posix()] if below and place is not None else [IMAGES]
    own = out.resolve().name
    settings: Mapping[str, object] = {
        "name": own if is_plain(own) else _FALLBACK,
        "root": ".",
        "format": "coco",
        "image_folders": list(dict.fromkeys([*folders, NEGATIVE_IMAGES])),
        "splits": {split: [annotation_names(split)["all_coco"]]},
        "default_split": split,
        "preset": "paper",
        "licence": licence,
        "get": "It was built from scene graphs with `finecops data build gqa`: README.md beside this file says how.",
    }
    _replace(path, _HEAD + yaml.safe_dump(dict(settings), sort_keys=False, allow_unicode=True, width=120))
    return DatasetFile(path, inside)


def _added(path: Path, split: str) -> str | None:
    """Add a split to a file that a user may have changed; the line that it lacks where that cannot be done."""
    line = f"{split}: [{annotation_names(split)['all_coco']}]"
    try:
        with open_regular(path) as file:
            text = file.read().decode("utf-8")
        there = yaml.safe_load(text)["splits"]
        if split in there:
            return None
        changed, found = _SPLITS.subn(lambda match: f"{match[0]}  {line}\n", text)
        # Only where YAML reads it as meant: the user may have written the splits in another way.
        if found == 1 and yaml.safe_load(changed)["splits"] == {split: [annotation_names(split)["all_coco"]], **there}:
            _replace(path, changed)
            return None
    # PyYAML raises other errors too: for a date with month 99, and for thousands of brackets.
    except (yaml.YAMLError, ValueError, KeyError, TypeError, RecursionError):
        pass
    return shortly(line, 200).strip("'")


def _fault(path: Path, split: str) -> str | None:
    """What of a file that was there is not as it must be to read the split."""
    try:
        config = load_dataset(str(path))
    except FinecopsError as error:
        return str(error)
    if config.root.resolve() != path.parent.resolve():
        return f"its root is {config.root}"
    if config.format != "coco":
        return f"its format is {config.format}"
    wanted = (annotation_names(split)["all_coco"],)
    return None if config.splits[split] == wanted else f"its split {split} reads {', '.join(config.splits[split])}"


def _replace(path: Path, text: str) -> None:
    part = path.with_name(f".{path.name}.part")
    # Never through a link that has this name.
    with open_new(part) as file:
        file.write(text)
    os.replace(part, path)
