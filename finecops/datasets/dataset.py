"""Loading a split of a dataset: finding its files, reading them in their format, and joining them."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from finecops.collector import resting_collector
from finecops.config.find import resolve
from finecops.config.schema import DatasetConfig
from finecops.datasets.formats import FORMATS
from finecops.datasets.image_folders import folders_with
from finecops.datasets.image_place import ImagePlace, image_place
from finecops.datasets.places import Place, find_place
from finecops.datasets.problems import Problem
from finecops.datasets.source import SourceFile
from finecops.datasets.table import TableBuilder
from finecops.errors import ConfigError, DataError, UsageError
from finecops.paths import safe_path
from finecops.records import Sample

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Dataset:
    """A split that was read."""

    config: DatasetConfig
    """The configuration, with the folders of images that were found."""
    split: str
    root: Path
    """The dataset's folder."""
    files: tuple[Path, ...]
    """The annotation files."""
    sha256: str
    """Checksum of the annotation files."""
    samples: Sequence[Sample]
    """In the order of the files. Each is made when it is asked for (`finecops.datasets.table`): who needs them all
    several times makes a list."""
    problems: tuple[Problem, ...]
    """The entries that were left out."""
    notes: tuple[Problem, ...] = ()
    """Entries in whose texts something was replaced, and remarks on a file (`Problem.fault` is False)."""
    origin: str | None = None
    """Of a dataset on the Hub: its id and commit."""
    place: ImagePlace | None = None
    """The user's own folder or zip file of images."""
    _found: dict[str, Path] = field(default_factory=dict, repr=False, compare=False)
    """Images that were looked up in the user's folder."""

    def image_path(self, sample: Sample) -> Path:
        """The path of the sample's image file.

        It is looked up in the user's own folder or zip file first, if there is one, and then below the dataset's root.
        An image in a zip file has a path before it has a file: reading it with `finecops.images` makes the file.

        Raises:
            DataError: the name is not plain, or a link leads out of the folder of images.
        """
        return self.path_of(sample.image)

    def path_of(self, image: str) -> Path:
        """The path of an image file; `image` is a sample's.

        Raises:
            DataError: as `image_path`.
        """
        if self.place is None:
            return self._path_below_root(image)
        # Stages ask for the same images again and again, and a network disk is slow.
        if image not in self._found:
            self._found[image] = self._look_up(self.place, image)
        return self._found[image]

    def _look_up(self, place: ImagePlace, image: str) -> Path:
        folder = self._folder_of(image)
        name = image.removeprefix(f"{folder}/") if folder else image
        # By its name alone, and in the folders that are called as in the dataset.
        found = place.find((name, *(f"{inside}/{name}" for inside in self.config.image_folders if inside != ".")))
        if found is not None:
            return found
        own = self._path_below_root(image)
        return own if own.is_file() else place.path / name

    def _path_below_root(self, image: str) -> Path:
        folder = self._folder_of(image)
        return (
            safe_path(self.root / folder, image.removeprefix(f"{folder}/")) if folder else safe_path(self.root, image)
        )

    def _folder_of(self, image: str) -> str:
        """The folder of images that an image's path begins with; empty: none."""
        # The longest folder first: the images' folder may itself be a link to where a cluster keeps them.
        folders = sorted(self.config.image_folders, key=len, reverse=True)
        return next((folder for folder in folders if image.startswith(f"{folder}/")), "")

    @property
    def unknown(self) -> int:
        """How many samples have an unknown truth. They get answers and no score."""
        return sum(sample.truth == "unknown" for sample in self.samples)


def find_annotations(config: DatasetConfig, split: str, given: Sequence[Path] = ()) -> tuple[Path, tuple[Path, ...]]:
    """The dataset's folder, and the annotation files of a split that exist.

    Args:
        config: the dataset.
        split: the split.
        given: annotation files to use instead; all must exist.

    Raises:
        DataError: the split is unknown, or there is no file. The message says what to download and where to put it.
    """
    root = resolve(config.root)
    if given:
        for path in given:
            if not path.is_file():
                raise DataError(f"no annotation file {path}")
        return root, tuple(given)
    if split not in config.splits:
        raise DataError(f"dataset {config.name} has no split {split!r}; there are: {', '.join(config.splits)}")
    found = tuple(root / name for name in config.splits[split] if (root / name).is_file())
    if not found:
        wanted = ", ".join(config.splits[split])
        command = f"\n`finecops data get {config.name}` downloads it." if config.download is not None else ""
        raise DataError(f"dataset {config.name}: none of {wanted} in {root}/\n{config.get.rstrip()}{command}")
    return root, found


def load_dataset_split(
    config: DatasetConfig, split: str | None = None, annotations: Sequence[Path] = (), images: Path | None = None
) -> Dataset:
    """Read a split. Entries that are not valid are left out and listed in `problems`.

    Args:
        config: the dataset.
        split: the split; None: the one named with the dataset, or else its default split.
        annotations: annotation files to read instead of the split's own.
        images: a folder or zip file of its images, remembered for the next time. None: the remembered one.

    Raises:
        ConfigError: the dataset's format is unknown.
        DataError: there is no file, or no usable sample in the files.
        UsageError: another split was named with the dataset.
    """
    if split and config.named_split and not annotations and split != config.named_split:
        raise UsageError(f"--dataset names the split {config.named_split}, and --split {split}; give one of them")
    where = _where(config, split or config.named_split or config.default_split, annotations)
    split, root, files = where.split, where.root, where.files
    if split in config.warnings:
        log.warning("%s, split %s: %s", config.name, split, config.warnings[split].strip())
    if config.find_images:
        folders = (*config.image_folders, *folders_with(root, config.find_images, known=config.image_folders))
        config = config.model_copy(update={"image_folders": folders})
    place = image_place(config, images)
    # One checksum over all files, in order: the run folder keeps it, to notice a changed dataset.
    digest = hashlib.sha256()
    joined = _Joined(overlap=config.format != "parquet")
    for path in files:
        source = SourceFile(
            path=path,
            dataset=config.name,
            split=split,
            root=root,
            image_folders=config.image_folders,
            layout=where.layout,
        )
        _add_file(digest, path)
        with resting_collector():
            joined.add(_read(config, source), path)
    # A large file is not kept until its samples are in their table.
    del source
    samples, found_problems = joined.table.build(), joined.problems
    problems = [problem for problem in found_problems if problem.left_out]
    if not samples:
        first = f"; the first of {len(problems)} problems: {problems[0]}" if problems else ""
        raise DataError(f"no usable sample in {', '.join(map(str, files))}{first}")
    return Dataset(
        config=config,
        split=split,
        root=root,
        files=files,
        sha256=digest.hexdigest(),
        samples=samples,
        problems=tuple(problems),
        notes=tuple(problem for problem in found_problems if not problem.left_out),
        origin=where.origin,
        place=place,
    )


def _where(config: DatasetConfig, split: str, annotations: Sequence[Path]) -> Place:
    if config.fetch or config.format == "parquet":
        return find_place(config, split, annotations)
    return Place(split, *find_annotations(config, split, annotations))


def _add_file(digest: hashlib._Hash, path: Path) -> None:
    # In parts: a parquet file with images has gigabytes.
    with path.open("rb") as file:
        while part := file.read(1 << 20):
            digest.update(part)


def _read(config: DatasetConfig, source: SourceFile) -> Iterator[Sample | Problem]:
    if config.format not in FORMATS:
        raise ConfigError(f"dataset {config.name}: unknown format {config.format!r}; there are: {', '.join(FORMATS)}")
    return FORMATS[config.format](source)


class _Joined:
    """The samples of the files so far."""

    def __init__(self, overlap: bool) -> None:
        self.table = TableBuilder()
        self.problems: list[Problem] = []
        self._overlap = overlap
        self._row_of: dict[str, int] = {}

    def add(self, found: Iterable[Sample | Problem], path: Path) -> None:
        """Append what was found in a file.

        A second sample with an id is a problem. It is no problem if two files contain the same sample (`overlap`): the
        published files of positives and of all samples do. The shards of a parquet split never overlap.
        """
        before = len(self.table) if self._overlap else 0
        again: set[str] = set()
        for entry in found:
            if isinstance(entry, Problem):
                self.problems.append(entry)
                continue
            row = self._row_of.setdefault(entry.id, len(self.table))
            if row == len(self.table):
                self.table.add(entry)
            elif row >= before or entry.id in again or self.table[row] != entry:
                self.problems.append(Problem(path, entry.id, "this id is taken by an earlier entry"))
            else:
                again.add(entry.id)
