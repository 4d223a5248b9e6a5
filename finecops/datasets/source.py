"""The input of a reader of annotation files."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from finecops.datasets.image_place import ImageFolders, ImagePlace


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
    boxes: str | None = None
    """How the numbers of a box are meant, where the layout does not say it (`finecops.datasets.conventions`)."""
    distractors: int = 3
    """Of Cops-Ref: images of each list of distractors that become negatives."""
    several: bool = False
    """Whether the split has other files too: numbers of rows are no ids then."""
    place: ImagePlace | None = None
    """The user's own folder or zip file of images."""

    @cached_property
    def images(self) -> ImageFolders:
        """Where its images are looked up."""
        return ImageFolders(self.root, self.image_folders, self.place)

    @property
    def content(self) -> bytes:
        """Its bytes, read now. A format whose files are larger than memory reads `path` in parts instead."""
        return self.path.read_bytes()
