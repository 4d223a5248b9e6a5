"""The input of a reader of annotation files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SourceFile:
    """An annotation file of a dataset's split."""

    path: Path
    """The file, for messages and to find files beside it."""
    content: bytes
    """Its bytes."""
    dataset: str
    """The dataset's name, for the samples."""
    split: str
    """The split's name, for the samples."""
    root: Path
    """The dataset's folder. A sample's image is a path below it."""
    image_folders: tuple[str, ...]
    """Folders below the root in which an image is looked up, in this order."""
    boxes: str | None = None
    """How the numbers of a box are meant, where the layout does not say it (`finecops.datasets.conventions`)."""
    distractors: int = 3
    """Of Cops-Ref: images of each list of distractors that become negatives."""
