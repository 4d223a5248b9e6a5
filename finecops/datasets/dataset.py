"""Loading a split of a dataset: finding its files, reading them in their format, and joining them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from finecops.collector import resting_collector
from finecops.config.find import resolve
from finecops.config.schema import DatasetConfig
from finecops.datasets.formats import FORMAT_OF_SUFFIX, FORMATS
from finecops.datasets.problems import Problem
from finecops.datasets.source import SourceFile
from finecops.errors import ConfigError, DataError
from finecops.paths import safe_path
from finecops.records import Sample


@dataclass(frozen=True)
class Dataset:
    """A split that was read."""

    config: DatasetConfig
    split: str
    root: Path
    """The dataset's folder."""
    files: tuple[Path, ...]
    """The annotation files."""
    sha256: str
    """Checksum of the annotation files."""
    samples: tuple[Sample, ...]
    """In the order of the files."""
    problems: tuple[Problem, ...]
    """The entries that were left out."""
    notes: tuple[Problem, ...] = ()
    """The entries in whose texts something was replaced."""

    def image_path(self, sample: Sample) -> Path:
        """The path of the sample's image file.

        Raises:
            DataError: the name is not plain, or a link leads out of the folder of images.
        """
        # The longest folder first: the images' folder may itself be a link to where a cluster keeps them.
        for folder in sorted(self.config.image_folders, key=len, reverse=True):
            if sample.image.startswith(f"{folder}/"):
                return safe_path(self.root / folder, sample.image.removeprefix(f"{folder}/"))
        return safe_path(self.root, sample.image)

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
    if config.alternatives:
        found = found[:1]
    if not found:
        wanted = ", ".join(config.splits[split])
        raise DataError(f"dataset {config.name}: none of {wanted} in {root}/\n{config.get.rstrip()}")
    return root, found


def load_dataset_split(config: DatasetConfig, split: str | None = None, annotations: Sequence[Path] = ()) -> Dataset:
    """Read a split. Entries that are not valid are left out and listed in `problems`.

    Args:
        config: the dataset.
        split: the split; None: the dataset's default split.
        annotations: annotation files to read instead of the split's own.

    Raises:
        ConfigError: the dataset's format is unknown.
        DataError: there is no file, or no usable sample in the files.
    """
    split = split or config.default_split
    root, files = find_annotations(config, split, annotations)
    # One checksum over all files, in order: the run folder keeps it, to notice a changed dataset.
    digest = hashlib.sha256()
    if config.boxes is not None:
        # Read in another convention, the same file has other boxes.
        digest.update(config.boxes.encode())
    samples: dict[str, Sample] = {}
    found_problems: list[Problem] = []
    for path in files:
        source = SourceFile(
            path=path,
            content=path.read_bytes(),
            dataset=config.name,
            split=split,
            root=root,
            image_folders=config.image_folders,
            boxes=config.boxes,
            distractors=config.distractors,
        )
        digest.update(source.content)
        with resting_collector():
            for found in _read(config, source, samples):
                if isinstance(found, Problem):
                    found_problems.append(found)
                else:
                    samples[found.id] = found
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
        samples=tuple(samples.values()),
        problems=tuple(problems),
        notes=tuple(problem for problem in found_problems if not problem.left_out),
    )


def _read(config: DatasetConfig, source: SourceFile, before: dict[str, Sample]) -> Iterator[Sample | Problem]:
    """The samples and problems of a file.

    A second sample with an id is a problem. It is no problem if two files contain the same sample: the published files
    of positives and of all samples overlap.
    """
    format_ = FORMAT_OF_SUFFIX.get(source.path.suffix.lower(), config.format)
    if format_ not in FORMATS:
        raise ConfigError(f"dataset {config.name}: unknown format {format_!r}; there are: {', '.join(FORMATS)}")
    seen_here: set[str] = set()
    for found in FORMATS[format_](source):
        if isinstance(found, Sample):
            if found.id in seen_here or (found.id in before and before[found.id] != found):
                yield Problem(source.path, found.id, "this id is taken by an earlier entry")
                continue
            seen_here.add(found.id)
        yield found
