"""The input of a reader of annotation files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SourceFile:
    """An annotation file of a dataset's split."""

    path: Path
    """The file, for messages and to find files beside it."""
    dataset: str
    """The dataset's name, for the samples."""
    split: str
    """The split's name, for the samples."""
    root: Path
    """The dataset's folder. A sample's image is a path below it."""
    image_folders: tuple[str, ...]
    """Folders below the root in which an image is looked up, in this order."""
    layout: str | None = None
    """Of a parquet file: the layout that the dataset names."""

    @property
    def content(self) -> bytes:
        """Its bytes, read now. A format whose files are larger than memory reads `path` in parts instead."""
        return self.path.read_bytes()
