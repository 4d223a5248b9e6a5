"""FineCops-Ref in COCO format (MDETR's style): annotation files → samples, with everything that is wrong in them.

The expression is an image entry's `caption`; each image entry has one annotation with `bbox` (xywh), `level` and,
for a negative, `positive_id`, `negative_type`, `negative_level`, `negative_cate`.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from finecops.config.find import resolve
from finecops.config.schema import DatasetConfig
from finecops.datasets.problems import Problem
from finecops.datasets.refcoco import read_refs
from finecops.errors import DataError
from finecops.records import Negative, Sample, Xyxy

_IMAGE_KEYS = frozenset({"file_name", "width", "height", "caption"})
_BORDER_TOLERANCE = 2.0
"""Boxes may stick out of the image by this many pixels, as some of GQA's do; they are cut."""


@dataclass(frozen=True)
class Dataset:
    """Samples of a split, in the files' order, with what had to be left out and where everything came from."""

    config: DatasetConfig
    split: str
    root: Path
    files: tuple[Path, ...]
    sha256: str
    samples: tuple[Sample, ...]
    problems: tuple[Problem, ...]

    def image_path(self, sample: Sample) -> Path:
        """The sample's image file. `sample.image` was looked up when the dataset was read."""
        return self.root / sample.image


def find_annotations(config: DatasetConfig, split: str, given: Sequence[Path] = ()) -> tuple[Path, tuple[Path, ...]]:
    """The dataset's folder and its annotation files that are there.

    Raises:
        DataError: the split is unknown, or there is no file; the message says what to fetch and where to put it.
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
        raise DataError(f"dataset {config.name}: none of {wanted} in {root}/\n{config.get.rstrip()}")
    return root, found


def load_dataset_split(config: DatasetConfig, split: str | None = None, annotations: Sequence[Path] = ()) -> Dataset:
    """Read a split. Entries that make no sense are left out and listed in `problems`."""
    split = split or config.default_split
    root, files = find_annotations(config, split, annotations)
    digest = hashlib.sha256()
    samples: dict[str, Sample] = {}
    problems: list[Problem] = []
    for path in files:
        content = path.read_bytes()
        digest.update(content)
        seen_here: set[str] = set()
        for sample in _read(path, content, config, split, root, problems):
            twice = sample.id in seen_here or (sample.id in samples and samples[sample.id] != sample)
            if twice:
                problems.append(Problem(path, sample.id, "this id is taken by an earlier entry"))
                continue
            seen_here.add(sample.id)
            samples[sample.id] = sample
    if not samples:
        first = f"; the first of {len(problems)} problems: {problems[0]}" if problems else ""
        raise DataError(f"no usable sample in {', '.join(map(str, files))}{first}")
    return Dataset(config, split, root, files, digest.hexdigest(), tuple(samples.values()), tuple(problems))


def _read(
    path: Path, content: bytes, config: DatasetConfig, split: str, root: Path, problems: list[Problem]
) -> Iterator[Sample]:
    """Samples of a file of either format; what is wrong goes to `problems`."""
    if path.suffix == ".p":
        for found in read_refs(path, content, config.name, split, config.image_folders[0]):
            if isinstance(found, Problem):
                problems.append(found)
            else:
                yield found
        return
    for entry in _entries(path, content, problems):
        sample = _sample(entry, config, split, str(root))
        if isinstance(sample, str):
            problems.append(Problem(path, str(entry.image["id"]), sample))
        else:
            yield sample


class _Entry(NamedTuple):
    image: Mapping[str, Any]
    annotations: Sequence[Mapping[str, Any]]


def _entries(path: Path, content: bytes, problems: list[Problem]) -> Iterator[_Entry]:
    try:
        raw = json.loads(content)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path} is not JSON: {error}") from error
    if isinstance(raw, list) and raw and "expression" in raw[0]:
        raise DataError(
            f"{path} is in the vanilla format, which has no boxes; give its *_coco_format.json twin "
            "(`finecops data check` reads both)"
        )
    if not isinstance(raw, dict) or not {"images", "annotations"} <= raw.keys():
        raise DataError(f"{path} is no COCO annotation file: it needs the keys 'images' and 'annotations'")
    of_image: dict[Any, list[Mapping[str, Any]]] = {}
    for annotation in raw["annotations"]:
        of_image.setdefault(annotation.get("image_id"), []).append(annotation)
    for image in raw["images"]:
        if "id" not in image:
            problems.append(Problem(path, "?", "an image entry without id"))
            continue
        yield _Entry(image, of_image.get(image["id"], []))


def _sample(entry: _Entry, config: DatasetConfig, split: str, root: str) -> Sample | str:
    """An entry as a sample, or what is wrong with it."""
    image = entry.image
    if not image.keys() >= _IMAGE_KEYS:
        return f"the image entry has no {', '.join(sorted(_IMAGE_KEYS - image.keys()))}"
    if len(entry.annotations) != 1:
        return f"{len(entry.annotations)} annotations; there must be exactly one"
    annotation = entry.annotations[0]
    expression = str(image["caption"]).strip()
    if not expression:
        return "the expression is empty"
    if not _is_size(image["width"]) or not _is_size(image["height"]):
        return f"width and height are {image['width']} and {image['height']}"
    image_wh = (int(image["width"]), int(image["height"]))
    truth = _truth(annotation, image_wh)
    if isinstance(truth, str):
        return truth
    level = annotation.get("level")
    if level is not None and level not in (1, 2, 3):
        return f"level is {level!r}; 1, 2 or 3 is meant"
    path = _image_path(str(image["file_name"]), config, root)
    if path is None:
        return f"the image's name {image['file_name']!r} leads out of the dataset's folder"
    return Sample(
        id=str(image["id"]),
        dataset=config.name,
        split=split,
        image=path,
        width=image_wh[0],
        height=image_wh[1],
        expression=expression,
        box=truth[0],
        level=level,
        tuple_type=annotation.get("tuple_type"),
        negative=truth[1],
    )


def _truth(annotation: Mapping[str, Any], image_wh: tuple[int, int]) -> tuple[Xyxy | None, Negative | None] | str:
    if annotation.get("negative_type") is None:
        box = _box(annotation.get("bbox"), image_wh)
        return box if isinstance(box, str) else (box, None)
    try:
        return None, _negative(annotation)
    except (KeyError, ValueError, TypeError) as error:
        return f"the negative's fields are broken: {type(error).__name__} {error}"


def _is_size(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value) and value >= 1


def _negative(annotation: Mapping[str, Any]) -> Negative:
    cate = str(annotation.get("negative_cate", "text")).lower()
    return Negative(
        kind="image" if "im" in cate else "text",
        type=str(annotation["negative_type"]),
        level=int(annotation["negative_level"]),
        positive_id=str(annotation["positive_id"]),
    )


def _box(raw: object, image_wh: tuple[int, int]) -> Xyxy | str:
    if not isinstance(raw, list) or len(raw) != 4:
        return f"bbox is {raw!r}; four numbers [x, y, w, h] are meant"
    if not all(isinstance(v, int | float) and math.isfinite(v) for v in raw):
        return f"bbox {raw} has a value that is not a finite number"
    x, y, w, h = (float(v) for v in raw)
    if w <= 0 or h <= 0:
        return f"bbox {raw} has no area"
    width, height = image_wh
    out = max(-x, -y, x + w - width, y + h - height)
    if out > _BORDER_TOLERANCE:
        return f"bbox {raw} (xywh) reaches {out:g} pixels out of the {width}x{height} image"
    return (max(x, 0.0), max(y, 0.0), min(x + w, float(width)), min(y + h, float(height)))


def _image_path(file_name: str, config: DatasetConfig, root: str) -> str | None:
    """The image's path below the root: in the first folder that has it, else in the first folder."""
    # Strings, not `Path`s: this runs once per entry.
    if os.path.isabs(file_name) or ".." in file_name.replace("\\", "/").split("/"):
        return None
    if config.image_folders == (".",) and "./" not in file_name:
        return file_name
    paths = [posixpath.normpath(posixpath.join(folder, file_name)) for folder in config.image_folders]
    if len(paths) == 1:
        return paths[0]
    return next((path for path in paths if os.path.isfile(f"{root}/{path}")), paths[0])
