"""Checking a dataset's files, in COCO format or vanilla: every fault, with its file and entry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from finecops.config.schema import DatasetConfig
from finecops.datasets.dataset import Dataset, find_annotations, load_dataset_split
from finecops.datasets.fields import as_whole
from finecops.datasets.problems import Problem
from finecops.errors import DataError
from finecops.images import image_size
from finecops.records import Sample
from finecops.strict_json import parse_marked_json
from finecops.text import plain_id, shortly

_VANILLA_KEYS = ("id", "image_id", "objects_id", "tuple", "tuple_type", "level", "spatial", "attribute", "expression")
_NEGATIVE_KEYS = ("positive_id", "negative_level", "negative_type", "shuffle_index", "ori_type", "negative_cate")


@dataclass
class CheckReport:
    """The result of a check."""

    checked: dict[str, int] = field(default_factory=dict)
    """What was checked (samples, images, vanilla rows) → how many."""
    problems: list[Problem] = field(default_factory=list)


def check_split(
    config: DatasetConfig, split: str, annotations: Sequence[Path] = (), images: bool = True
) -> CheckReport:
    """Check a split: every entry, the positive of every negative, and every image file with its size.

    Args:
        config: the dataset.
        split: the split; its files are those of the configuration.
        annotations: other files instead.
        images: whether images are opened too.

    Raises:
        DataError: a file is missing, is not JSON, or has no usable sample.
    """
    report = CheckReport()
    _, files = find_annotations(config, split, annotations)
    # Other formats than FineCops-Ref's have no vanilla files; some are no JSON.
    vanilla = [path for path in files if config.format == "coco" and path.suffix == ".json" and is_vanilla(path)]
    for path in vanilla:
        _check_vanilla(path, report)
    coco = [path for path in files if path not in vanilla]
    if coco:
        dataset = load_dataset_split(config, split, coco)
        report.problems += [*dataset.problems, *dataset.notes]
        report.checked["samples"] = len(dataset.samples) + len(dataset.problems)
        _check_pairs(dataset, report)
        if images:
            _check_images(dataset, report)
    return report


def is_vanilla(path: Path) -> bool:
    """Whether a file is in the vanilla format of FineCops-Ref: a JSON list of rows, without boxes.

    Raises:
        DataError: the file is not JSON.
    """
    try:
        content = parse_marked_json(path.read_bytes())
    except ValueError as error:
        raise DataError(f"{path} is not JSON: {error}") from error
    return isinstance(content, list)


def _check_pairs(dataset: Dataset, report: CheckReport) -> None:
    by_id = {sample.id: sample for sample in dataset.samples}
    source = dataset.files[0].parent
    for sample in dataset.samples:
        if sample.negative is None:
            continue
        positive = by_id.get(sample.positive_id or "")
        problem = None
        if sample.positive_id is None:
            # Not every benchmark says which positive a negative is made from, or on which level.
            pass
        elif positive is None:
            problem = f"its positive {sample.positive_id} is not in the split"
        elif not positive.positive:
            problem = f"its positive {positive.id} is a negative itself"
        elif sample.negative.kind == "text" and sample.expression == positive.expression:
            problem = f"a negative expression that is the same as its positive's ({positive.id})"
        elif sample.negative.kind == "image" and sample.image == positive.image:
            problem = f"a negative image that is the same as its positive's ({positive.image})"
        if sample.negative.level not in (1, 2, None):
            problem = f"negative_level is {sample.negative.level}; it must be 1 or 2"
        if problem:
            report.problems.append(Problem(source, sample.id, problem))


def _check_images(dataset: Dataset, report: CheckReport) -> None:
    # Many samples share an image; each file is opened once.
    sizes: dict[str, tuple[int, int] | str] = {}
    for sample in dataset.samples:
        if sample.image not in sizes:
            sizes[sample.image] = _image_size(dataset, sample)
        size = sizes[sample.image]
        if isinstance(size, str):
            report.problems.append(Problem(dataset.root / sample.image, sample.id, size))
        elif size != (sample.width, sample.height):
            expected = f"{sample.width}x{sample.height}"
            message = f"the image is {size[0]}x{size[1]}, its entry says {expected}"
            report.problems.append(Problem(dataset.root / sample.image, sample.id, message))
    report.checked["images"] = len(sizes)


def _image_size(dataset: Dataset, sample: Sample) -> tuple[int, int] | str:
    """Width and height as they are shown, or what is wrong with the file."""
    try:
        path = dataset.image_path(sample)
        return image_size(path) if path.exists() else "the image is missing"
    except DataError as error:
        return f"the image is broken or not to be read: {error}"


def _check_vanilla(path: Path, report: CheckReport) -> None:
    rows = parse_marked_json(path.read_bytes())
    seen: set[str] = set()
    for number, row in enumerate(rows):
        entry = (plain_id(row.get("id")) if isinstance(row, dict) else None) or f"number {number}"
        for message in _vanilla_problems(row):
            report.problems.append(Problem(path, entry, message))
        if entry in seen:
            report.problems.append(Problem(path, entry, "this id is taken by an earlier row"))
        seen.add(entry)
    report.checked["vanilla rows"] = report.checked.get("vanilla rows", 0) + len(rows)


def _vanilla_problems(row: object) -> list[str]:
    if not isinstance(row, dict):
        return ["not a JSON object"]
    problems = [f"no {key}" for key in _VANILLA_KEYS if key not in row]
    if "positive_id" in row or "negative_type" in row:
        problems += [f"a negative without {key}" for key in _NEGATIVE_KEYS if key not in row]
    expression = row.get("expression", "-")
    if not isinstance(expression, str) or not expression.strip():
        problems.append(f"the expression is empty or no text: {shortly(expression)}")
    if as_whole(row.get("level")) not in (1, 2, 3):
        problems.append(f"level is {shortly(row.get('level'))}; it must be 1, 2 or 3")
    if not isinstance(row.get("objects_id"), list) or not row.get("objects_id"):
        problems.append("objects_id is not a list of the objects in the expression, the target first")
    return problems
