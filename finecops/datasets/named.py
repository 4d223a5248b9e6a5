"""Datasets as the command line names them where several are read: `NAME`, `NAME:split`, or an annotation file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from finecops.config.dataset_schema import DatasetConfig
from finecops.config.find import load_dataset
from finecops.datasets.dataset import Dataset, load_dataset_split
from finecops.datasets.places import chosen_splits
from finecops.errors import ConfigError, DataError
from finecops.names import no_such

ANNOTATION_FILES = (".json",)
"""Suffixes of annotation files in COCO format; a YAML file is a dataset's configuration."""


@dataclass(frozen=True)
class NamedSplit:
    """A split that the command line names; it is read when it is asked for."""

    config: DatasetConfig
    split: str
    files: tuple[Path, ...] = ()
    """Annotation files instead of the split's own."""

    def load(self) -> Dataset:
        """Read it.

        Raises:
            DataError: as `load_dataset_split`.
        """
        return load_dataset_split(self.config, self.split, self.files)

    def __str__(self) -> str:
        return str(self.files[0]) if self.files else f"{self.config.name}:{self.split}"


def named_splits(name: str) -> Iterator[NamedSplit]:
    """The split that a name names; without one, all splits that are here, or else the default split.

    Raises:
        ConfigError: there is no such dataset.
        DataError: there is no such file or split.
    """
    path = Path(name)
    if path.suffix in ANNOTATION_FILES:
        if not path.is_file():
            raise DataError(f"no such file: {name}")
        # A file alone has no dataset; its images are looked up beside it.
        config = DatasetConfig(
            name=path.stem, root=path.parent, image_folders=("images", "."), splits={}, preset="", get=""
        )
        yield NamedSplit(config, "file", (path,))
        return
    config, split = _config(name)
    if split is not None and split not in config.splits:
        raise DataError(no_such(f"dataset {config.name} has no split {split!r}", split, config.splits))
    for one in chosen_splits(config, [split] if split is not None else []):
        yield NamedSplit(config, one)


def _config(name: str) -> tuple[DatasetConfig, str | None]:
    before, _, split = name.rpartition(":")
    # The name of a dataset or file may itself have a colon, so the whole is tried first.
    if not before or not split or "/" in split or Path(name).is_file():
        return load_dataset(name), None
    try:
        return load_dataset(name), None
    except ConfigError:
        return load_dataset(before), split
