"""What a reader of a dataset format is given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SourceFile:
    """An annotation file of a dataset's split.

    Attributes:
        path: the file, for messages and for files beside it.
        content: its bytes.
        dataset, split: as samples name them.
        root: the dataset's folder; a sample's image is a path below it.
        image_folders: folders below the root in which an image is looked up, in this order.
    """

    path: Path
    content: bytes
    dataset: str
    split: str
    root: Path
    image_folders: tuple[str, ...]
