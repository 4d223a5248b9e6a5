"""Any dataset as a file in FineCops-Ref's COCO style, with its images: `finecops data convert`.

Reading the result gives the same samples. What that needs: an image keeps its path below the folder, and a truth that
FineCops-Ref's keys cannot say is stated (`finecops.datasets.stated_truth`).
"""

from __future__ import annotations

import errno
import filecmp
import math
import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from finecops.archives.zip_images import unpack_if_zipped
from finecops.construction.formats import write_json
from finecops.datasets.dataset import Dataset
from finecops.datasets.stated_truth import negative_keys
from finecops.errors import DataError
from finecops.paths import safe_path
from finecops.records import Sample, Xyxy

IMAGES: Final = ("link", "copy", "none")
"""What is done with the image files."""
EITHER: Final = "either"
"""Links, and copies where there can be no link."""
Progress = Callable[[Iterable[str]], Iterable[str]]


@dataclass
class Converted:
    """What was written."""

    path: Path
    """The annotation file."""
    samples: int
    images: int = 0
    missing: list[str] = field(default_factory=list)
    """What is wrong with the images that could not be taken along."""


def annotation_file(split: str) -> str:
    """The name of a split's file, as FineCops-Ref's are called."""
    return f"{split}_expression_all_coco_format.json"


def convert(dataset: Dataset, out: Path, images: str, progress: Progress = lambda names: names) -> Converted:
    """Write a split into a folder, in FineCops-Ref's COCO style; returns what was written.

    Args:
        dataset: the split.
        out: the folder.
        images: a name in `IMAGES`, or `EITHER`. A link is a hard link: the same file under a second name, on the same
            disk.
        progress: a bar over the images.

    Raises:
        DataError: the folder is the dataset's own or has another file of that name; or files cannot be linked to it.
    """
    if out.resolve() == dataset.root.resolve():
        raise DataError(f"{out} is the folder of {dataset.config.name} itself; choose another --out")
    path = out / annotation_file(dataset.split)
    done = Converted(path, len(dataset.samples))
    # Compared before any image is brought: a folder with another dataset stays as it is.
    part = _written(path, coco_content(dataset))
    try:
        if images != "none":
            take = {"link": _link, EITHER: _link_or_copy}.get(images, shutil.copyfile)
            _bring_images(dataset, out, take, progress, done)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return done


def write_converted_file(dataset: Dataset, out: Path, name: str, splits: Sequence[str], by: str) -> Path:
    """Write the YAML file of converted splits, which `--dataset` takes, as `<out>/<name>.yaml`; returns its path.

    Args:
        dataset: the splits' dataset, whose preset the new one has.
        out: the folder.
        name: of the new dataset.
        splits: those that are in the folder.
        by: the command that made it.
    """
    import yaml

    path, config = out / f"{name}.yaml", dataset.config
    content = {
        "name": name,
        "root": str(out.resolve()),
        "format": "coco",
        "image_folders": ["."],
        "splits": {split: [annotation_file(split)] for split in splits},
        "default_split": config.default_split if config.default_split in splits else splits[0],
        "preset": config.preset,
        "get": f"{by} --out {out}",
    }
    out.mkdir(parents=True, exist_ok=True)
    head = f"# Written by {by.partition(' --')[0]}: --dataset {path}\n"
    path.write_text(head + yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return path


def _bring_images(
    dataset: Dataset, out: Path, take: Callable[[Path, Path], object], progress: Progress, done: Converted
) -> None:
    by_image = {sample.image: sample for sample in dataset.samples}
    for image in progress(by_image):
        try:
            file, to = dataset.image_path(by_image[image]), safe_path(out, image)
            unpack_if_zipped(file)
        except DataError as error:
            done.missing.append(str(error))
            continue
        if not file.is_file():
            done.missing.append(f"image {file} is missing")
            continue
        _bring(file, to, take)
        done.images += 1


def coco_content(dataset: Dataset) -> dict[str, Any]:
    """The content of the annotation file."""
    by_id = {sample.id: sample for sample in dataset.samples}
    about = f"{dataset.config.name}, {dataset.split}, in FineCops-Ref's format: an image entry per expression"
    return {
        "info": {"description": about},
        "images": [_image(sample) for sample in dataset.samples],
        "annotations": [_annotation(sample, by_id) for sample in dataset.samples],
        "categories": [{"id": 1, "name": "object"}],
    }


def _image(sample: Sample) -> dict[str, Any]:
    return {
        "id": _id(sample.id),
        "file_name": sample.image,
        "width": sample.width,
        "height": sample.height,
        "caption": sample.expression,
        "original_img_id": Path(sample.image).stem,
        "dataset_name": sample.dataset,
    }


def _annotation(sample: Sample, by_id: dict[str, Sample]) -> dict[str, Any]:
    found: dict[str, Any] = {"id": _id(sample.id), "image_id": _id(sample.id), "category_id": 1, "iscrowd": 0}
    # The published scripts read a box of every entry; a negative has that of its positive, which is no answer.
    positive = by_id.get(sample.positive_id or "")
    box = sample.box or (positive.box if positive is not None else None)
    if box is not None:
        found["bbox"] = exact_xywh(box)
        found["area"] = found["bbox"][2] * found["bbox"][3]
    if sample.level is not None:
        found["level"] = sample.level
    if sample.tuple_type is not None:
        found["tuple_type"] = sample.tuple_type
    if sample.truth == "unknown":
        found["truth"] = "unknown"
    elif sample.truth == "absent":
        found |= negative_keys(sample.negative)
        if sample.positive_id is not None:
            found["positive_id"] = _id(sample.positive_id)
    return found


def _id(id_: str) -> int | str:
    """A number where the id is one, as in FineCops-Ref; both are read as the same id."""
    return int(id_) if id_.isascii() and id_.isdigit() and len(id_) < 16 and str(int(id_)) == id_ else id_


def exact_xywh(box: Xyxy) -> list[float]:
    """Left, top, width and height from which adding gives the same corners, to the last digit.

    >>> exact_xywh((0.1, 0.0, 0.4, 1.0)), 0.1 + (0.4 - 0.1) == 0.4
    ([0.1, 0.0, 0.30000000000000004, 1.0], True)
    """
    return [box[0], box[1], _side(box[0], box[2]), _side(box[1], box[3])]


def _side(start: float, end: float) -> float:
    side = end - start
    candidates = (side, math.nextafter(side, math.inf), math.nextafter(side, 0.0))
    return next((value for value in candidates if start + value == end), side)


def _bring(file: Path, to: Path, take: Callable[[Path, Path], object]) -> None:
    if to.exists():
        if filecmp.cmp(file, to, shallow=False):
            return
        raise DataError(f"{to} is there already and is another picture; choose another --out")
    to.parent.mkdir(parents=True, exist_ok=True)
    # Under another name first: a file that is there is whole.
    part = to.with_name(f"{to.name}.part")
    part.unlink(missing_ok=True)
    take(file, part)
    os.replace(part, to)


def _link(file: Path, to: Path) -> None:
    try:
        # The file itself, where it is a link on a cluster: the new name shall not lead out of the new folder.
        os.link(file.resolve(), to)
    except OSError as error:
        if error.errno in (errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EMLINK):
            raise DataError(
                f"{file} cannot be linked into {to.parent}/: {error.strerror}. Take --images copy"
            ) from error
        raise


def _link_or_copy(file: Path, to: Path) -> None:
    try:
        _link(file, to)
    except DataError:
        shutil.copyfile(file, to)


def _written(path: Path, content: Mapping[str, Any]) -> Path:
    """The annotation file under another name, which takes its place at the end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    write_json(part, content)
    if path.exists() and path.read_bytes() != part.read_bytes():
        part.unlink()
        raise DataError(f"{path} is there already, with other content; choose another --out")
    return part
