"""Checking a dataset's files, in COCO format or vanilla: every fault, with its file and entry."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from finecops.archives.zip_images import is_zipped
from finecops.config.dataset_schema import DatasetConfig
from finecops.datasets.dataset import Dataset, load_dataset_split
from finecops.datasets.places import find_place
from finecops.datasets.problems import Problem, not_json
from finecops.datasets.release import Comparison, compare_split
from finecops.datasets.vanilla import LAYOUTS, vanilla_layout, vanilla_problems
from finecops.errors import DataError
from finecops.images import image_size
from finecops.progress import progress
from finecops.records import Sample
from finecops.strict_json import parse_marked_json

MISSING = "the image is missing"


@dataclass
class CheckReport:
    """The result of a check."""

    checked: dict[str, int] = field(default_factory=dict)
    """What was checked (samples, images, vanilla rows) → how many."""
    problems: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)
    """What is remarkable and no fault."""
    comparison: Comparison = field(default_factory=Comparison)
    """The numbers of the split beside those of the release, where the configuration has them."""
    missing_images: int = 0


def check_split(
    config: DatasetConfig,
    split: str,
    annotations: Sequence[Path] = (),
    images: bool = True,
    place: Path | None = None,
) -> CheckReport:
    """Check a split: every entry, the positive of every negative, and every image file with its size.

    Args:
        config: the dataset.
        split: the split; its files are those of the configuration.
        annotations: other files instead, in COCO or vanilla format. They are not compared with the release.
        images: whether images are opened too.
        place: a folder or zip file of the images, remembered for the next time. None: the remembered one.

    Raises:
        DataError: a file is missing, is not JSON, or has no usable sample.
    """
    report = CheckReport()
    # The files of a split are read by its format; what the user gives for a dataset in COCO format may be vanilla.
    given = bool(annotations) and config.format == "coco" and not config.fetch
    files = find_place(config, split, annotations).files if given else ()
    vanilla = [path for path in files if path.suffix == ".json" and _check_vanilla(path, report)]
    coco = [path for path in files if path not in vanilla]
    if coco or not files:
        dataset = load_dataset_split(config, split, coco or annotations, place)
        report.problems += dataset.problems
        for note in dataset.notes:
            (report.problems if note.fault else report.notes).append(note)
        report.checked["samples"] = len(dataset.samples) + len(dataset.problems)
        _check_pairs(dataset, report)
        if images:
            _check_images(dataset, report)
        expected = config.release.splits.get(split) if config.release and not annotations else None
        if expected is not None:
            report.comparison = compare_split(dataset, expected)
    return report


def _check_vanilla(path: Path, report: CheckReport) -> bool:
    """Check a file if it is vanilla, and say whether it is."""
    try:
        content = parse_marked_json(path.read_bytes())
    except ValueError as error:
        raise not_json(path, error) from error
    layout = vanilla_layout(content)
    if layout is None:
        return False
    for problem in vanilla_problems(path, content, layout):
        (report.problems if problem.fault else report.notes).append(problem)
    what = f"vanilla rows ({LAYOUTS[layout]})"
    report.checked[what] = report.checked.get(what, 0) + len(content)
    return True


def _check_pairs(dataset: Dataset, report: CheckReport) -> None:
    by_id = {sample.id: sample for sample in dataset.samples}
    source = dataset.files[0] if len(dataset.files) == 1 else dataset.files[0].parent
    for sample in dataset.samples:
        if sample.negative is None:
            continue
        positive = by_id.get(sample.positive_id or "")
        problem = None
        # Not every benchmark says which positive a negative is made from, or on which level.
        if sample.positive_id is None:
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
    samples = Counter(sample.image for sample in dataset.samples)
    sizes: dict[str, tuple[int, int] | str] = {}
    bar = progress(what="images", unit="image", total=len(samples))
    for sample in dataset.samples:
        size = sizes.get(sample.image)
        if size is None:
            size = sizes[sample.image] = _image_size(dataset, sample)
            bar.update()
            if isinstance(size, str):
                others = f" ({samples[sample.image]} entries)" if samples[sample.image] > 1 else ""
                report.problems.append(Problem(_image_file(dataset, sample), sample.id, size + others))
                report.missing_images += size == MISSING
        if not isinstance(size, str) and size != (sample.width, sample.height):
            expected = f"{sample.width}x{sample.height}"
            message = f"the image is {size[0]}x{size[1]}, its entry says {expected}"
            report.problems.append(Problem(_image_file(dataset, sample), sample.id, message))
    bar.close()
    report.checked["images"] = len(sizes)


def _image_file(dataset: Dataset, sample: Sample) -> Path:
    try:
        return dataset.image_path(sample)
    except DataError:
        return dataset.root / sample.image


def _image_size(dataset: Dataset, sample: Sample) -> tuple[int, int] | str:
    """Width and height as they are shown, or what is wrong with the file."""
    try:
        path = dataset.image_path(sample)
        return image_size(path) if path.exists() or is_zipped(path) else MISSING
    except DataError as error:
        return f"the image is broken or not to be read: {error}"
