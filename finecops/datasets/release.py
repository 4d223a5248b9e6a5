"""A dataset on disk beside what its release contains: the numbers of a split, and the files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from finecops.benchmark_words import type_inside, type_published
from finecops.config.dataset_schema import DatasetConfig
from finecops.config.find import resolve
from finecops.config.release import Release, ReleaseFile, ReleaseSplit
from finecops.datasets.dataset import Dataset
from finecops.datasets.fetch.download import md5_of
from finecops.datasets.problems import Problem
from finecops.datasets.vanilla import LAYOUTS, vanilla_layout, vanilla_problems
from finecops.strict_json import parse_marked_json


@dataclass
class Comparison:
    """What was compared with a release."""

    agreed: list[str] = field(default_factory=list)
    """What is as expected."""
    differences: list[str] = field(default_factory=list)
    """A line for each difference: `what: expected …, found …`."""

    @property
    def total(self) -> int:
        """How many values were compared."""
        return len(self.agreed) + len(self.differences)

    def compare(self, what: str, expected: object, found: object) -> None:
        """Compare a value, if one is expected."""
        if expected is None:
            return
        if expected == found:
            self.agreed.append(what)
        else:
            self.differences.append(f"{what}: expected {expected}, found {found}")

    def compare_counts(self, what: str, expected: Mapping[Any, int], found: Mapping[Any, int]) -> None:
        """Compare counts by key; a key that is not expected counts as 0."""
        if expected:
            # In the order of the release, what it does not have behind it.
            for key in dict.fromkeys([*expected, *sorted(found, key=str)]):
                self.compare(f"{what} {key}", expected.get(key, 0), found.get(key, 0))


def compare_split(dataset: Dataset, expected: ReleaseSplit) -> Comparison:
    """The numbers of a split beside those of its release."""
    result = Comparison()
    positives = [s for s in dataset.samples if s.positive]
    negatives = [s.negative for s in dataset.samples if s.negative is not None]
    kinds = Counter(negative.kind for negative in negatives)
    result.compare("positives", expected.positives, len(positives))
    result.compare("negative texts", expected.negative_texts, kinds["text"])
    result.compare("negative images", expected.negative_images, kinds["image"])
    originals = {s.image for s in dataset.samples if s.negative is None or s.negative.kind == "text"}
    result.compare("images of positives and negative texts", expected.images, len(originals))
    result.compare_counts("positives of level", expected.levels, Counter(s.level for s in positives))
    result.compare_counts("positives of tuple type", expected.tuple_types, Counter(s.tuple_type for s in positives))
    types = {type_published(type_inside(word)): n for word, n in expected.negative_types.items()}
    found = Counter(type_published(n.type) for n in negatives if n.type is not None)
    result.compare_counts("negatives of type", types, found)
    result.compare_counts("negatives of level", expected.negative_levels, Counter(n.level for n in negatives))
    most = expected.boxes_beyond_at_most
    beyond = sum(note.entries for note in dataset.notes if note.about == "bbox")
    if most is not None and beyond > most:
        result.differences.append(f"boxes that extend beyond their image: expected at most {most}, found {beyond}")
    elif most is not None:
        result.agreed.append("boxes that extend beyond their image")
    return result


@dataclass
class FilesReport:
    """The files of a release that are here, and those that are not."""

    comparison: Comparison = field(default_factory=Comparison)
    here: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    """Files of the splits that are not here, with their sizes where they are known."""
    vanilla: list[str] = field(default_factory=list)
    """A line for each vanilla file: its rows and layout."""
    problems: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)


def check_files(config: DatasetConfig, release: Release, splits: Sequence[str]) -> FilesReport:
    """Compare sizes and checksums of the files that are here, and check those in the vanilla format.

    Args:
        config: the dataset.
        release: what is expected.
        splits: files of other splits are left alone.
    """
    report = FilesReport()
    root = resolve(config.root)
    wanted = {name for split in splits for name in config.splits.get(split, ())}
    others = {name for files in config.splits.values() for name in files} - wanted
    # The vanilla file of a COCO file belongs to the same split.
    others |= {name.replace("_coco_format", "") for name in others}
    for name, expected in release.files.items():
        if name in others:
            continue
        path = root / name
        if path.is_file():
            report.here.append(name)
            _compare_file(path, expected, report)
        elif name in wanted:
            size = f" ({expected.bytes / 1e6:.1f} MB)" if expected.bytes else ""
            report.missing.append(f"{name}{size}")
    return report


def _compare_file(path: Path, expected: ReleaseFile, report: FilesReport) -> None:
    report.comparison.compare(f"bytes of {path.name}", expected.bytes, path.stat().st_size)
    if expected.md5 is not None:
        report.comparison.compare(f"MD5 of {path.name}", expected.md5, md5_of(path))
    if expected.rows is not None:
        _check_vanilla(path, expected.rows, report)


def _check_vanilla(path: Path, rows: int, report: FilesReport) -> None:
    try:
        content = parse_marked_json(path.read_bytes())
    except ValueError as error:
        report.problems.append(Problem(path, "-", f"the file is not JSON: {error}"))
        return
    layout = vanilla_layout(content)
    if layout is None:
        report.problems.append(Problem(path, "-", "no vanilla rows: neither an object of rows nor a list of them"))
        return
    report.vanilla.append(f"{path.name}: {len(content)} vanilla rows ({LAYOUTS[layout]})")
    report.comparison.compare(f"rows of {path.name}", rows, len(content))
    for problem in vanilla_problems(path, content, layout):
        (report.problems if problem.fault else report.notes).append(problem)
