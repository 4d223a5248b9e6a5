"""Loading a split of a dataset: finding its files, reading them in their format, and joining them."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from finecops.collector import resting_collector
from finecops.config.dataset_schema import DatasetConfig
from finecops.datasets.formats import FORMAT_OF_SUFFIX, FORMATS, OWN_SUFFIXES
from finecops.datasets.image_folders import folders_with
from finecops.datasets.image_place import ImageFolders, ImagePlace, image_place, remember_images
from finecops.datasets.index import index_key, read_index, write_index
from finecops.datasets.parts import count_of_truth
from finecops.datasets.places import Place, find_place
from finecops.datasets.problems import Problem, first_of
from finecops.datasets.source import SourceFile
from finecops.datasets.table import SampleTable, TableBuilder
from finecops.errors import ConfigError, DataError, UsageError
from finecops.names import unknown_name
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

    @cached_property
    def images(self) -> ImageFolders:
        """Where its images are."""
        return ImageFolders(self.root, self.config.image_folders, self.place)

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
        return self.images.path_of(image)

    @property
    def unknown(self) -> int:
        """How many samples have an unknown truth. They get answers and no score."""
        return count_of_truth(self.samples, "unknown")


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
    where = _where(config, split, annotations)
    split, root, files = where.split, where.root, where.files
    if config.find_images:
        folders = (*config.image_folders, *folders_with(root, config.find_images, known=config.image_folders))
        config = config.model_copy(update={"image_folders": folders})
    place = image_place(config, images)
    sha256 = _sha256(config, files)
    samples, found_problems = _indexed(config, where, place, sha256)
    problems = [problem for problem in found_problems if problem.left_out]
    if not samples:
        raise _no_sample(files, problems)
    if images is not None and place is not None:
        remember_images(config, place, (sample.image for sample in samples))
    return Dataset(
        config=config,
        split=split,
        root=root,
        files=files,
        sha256=sha256,
        samples=samples,
        problems=tuple(problems),
        notes=tuple(problem for problem in found_problems if not problem.left_out),
        origin=where.origin,
        place=place,
    )


def _sha256(config: DatasetConfig, files: Sequence[Path]) -> str:
    """One checksum over all files, in order: the run folder keeps it, to notice a changed dataset."""
    # Read in another convention of boxes, the same file has other boxes.
    digest = hashlib.sha256((config.boxes or "").encode())
    for path in files:
        _add_file(digest, path)
    return digest.hexdigest()


def _indexed(
    config: DatasetConfig, where: Place, place: ImagePlace | None, sha256: str
) -> tuple[SampleTable, list[Problem]]:
    """The samples and problems of all files, from their index if there is one; else it is made."""
    key = index_key(config, where, sha256)
    found = read_index(key, where.files) if key is not None else None
    if found is not None:
        return found
    before = [_state(path) for path in where.files]
    joined = _read_files(config, where, place)
    samples = joined.table()
    # A file that changed while it was read is not the one that the checksum is of.
    if key is not None and samples and before == [_state(path) for path in where.files]:
        write_index(key, samples, joined.problems, where.files)
    return samples, joined.problems


def _state(path: Path) -> tuple[int, int, int]:
    stat = path.stat()
    return stat.st_ino, stat.st_mtime_ns, stat.st_size


def _read_files(config: DatasetConfig, where: Place, place: ImagePlace | None) -> _Joined:
    """The samples and problems of all files."""
    joined = _Joined(overlap=config.format != "parquet")
    for path in where.files:
        source = SourceFile(
            path=path,
            dataset=config.name,
            split=where.split,
            root=where.root,
            image_folders=config.image_folders,
            place=place,
            layout=where.layout,
            boxes=config.boxes,
            distractors=config.distractors,
            several=len(where.files) > 1,
        )
        with resting_collector():
            joined.add(_read(config, source), path)
    return joined


def _no_sample(files: Sequence[Path], problems: Sequence[Problem]) -> DataError:
    first = f"; {first_of(problems)}" if problems else ""
    return DataError(f"no usable sample in {', '.join(map(str, files))}{first}")


def _where(config: DatasetConfig, split: str | None, annotations: Sequence[Path]) -> Place:
    """The files to read; a split that needs a warning has it."""
    if split and config.named_split and not annotations and split != config.named_split:
        raise UsageError(f"--dataset names the split {config.named_split}, and --split {split}; give one of them")
    wanted = split or config.named_split or config.default_split
    place = find_place(config, wanted, annotations)
    if place.split in config.warnings:
        log.warning("%s, split %s: %s", config.name, place.split, config.warnings[place.split].strip())
    return place


def _add_file(digest: hashlib._Hash, path: Path) -> None:
    # In parts: a parquet file with images has gigabytes.
    with path.open("rb") as file:
        while part := file.read(1 << 20):
            digest.update(part)


def _read(config: DatasetConfig, source: SourceFile) -> Iterator[SampleTable | Sample | Problem]:
    format_ = FORMAT_OF_SUFFIX.get(source.path.suffix.lower(), config.format)
    if config.format in OWN_SUFFIXES:
        format_ = config.format
    if format_ not in FORMATS:
        raise ConfigError(f"dataset {config.name}: {unknown_name('format', format_, FORMATS)}")
    return FORMATS[format_](source)


class _Joined:
    """The samples of the files so far."""

    def __init__(self, overlap: bool) -> None:
        self.problems: list[Problem] = []
        self._overlap = overlap
        self._whole: SampleTable | None = None
        """The one table that is all there is so far: nothing is looked up in it, and it is not copied."""
        self._builder = TableBuilder()
        self._row_of: dict[str, int] = {}

    def table(self) -> SampleTable:
        """All samples."""
        return self._whole if self._whole is not None else self._builder.build()

    def add(self, found: Iterable[SampleTable | Sample | Problem], path: Path) -> None:
        """Append what was found in a file.

        A second sample with an id is a problem. It is no problem if two files contain the same sample (`overlap`): the
        published files of positives and of all samples do. The shards of a parquet split never overlap.
        """
        self._open()
        before = len(self._builder) if self._overlap else 0
        again: set[str] = set()
        for entry in found:
            if isinstance(entry, Problem):
                self.problems.append(entry)
            elif isinstance(entry, SampleTable) and not len(self._builder) and self._whole is None:
                # A reader that gives a table has seen to it that no id is in it twice.
                self._whole = entry
            else:
                self._open()
                for sample in entry if isinstance(entry, SampleTable) else (entry,):
                    self._add(sample, path, before, again)

    def _open(self) -> None:
        """Make what is there ready to be added to."""
        if self._whole is not None:
            for row, sample in enumerate(self._whole):
                self._builder.add(sample)
                self._row_of[sample.id] = row
            self._whole = None

    def _add(self, sample: Sample, path: Path, before: int, again: set[str]) -> None:
        row = self._row_of.setdefault(sample.id, len(self._builder))
        if row == len(self._builder):
            self._builder.add(sample)
        elif row >= before or sample.id in again or self._builder[row] != sample:
            self.problems.append(Problem(path, sample.id, "this id is taken by an earlier entry"))
        else:
            again.add(sample.id)
