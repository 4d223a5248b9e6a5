"""The COCO format of MDETR, in which FineCops-Ref is published: annotation file → samples and problems.

An image entry is a sample; its `caption` is the expression. It has one annotation with `bbox` (xywh), `level` and, for
a negative, `positive_id`, `negative_type`, `negative_level` and `negative_cate`. In a file without any annotation, the
truth of every sample is unknown.
"""

from __future__ import annotations

import json
import math
import os
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from finecops.datasets.problems import Problem
from finecops.datasets.source import SourceFile
from finecops.errors import DataError
from finecops.records import Negative, Sample, Truth, Xyxy

_IMAGE_KEYS = frozenset({"file_name", "width", "height", "caption"})
_BORDER_TOLERANCE = 2.0
"""Boxes may extend beyond the image by this many pixels, as some of GQA's do; they are clipped."""


def read_coco(source: SourceFile) -> Iterator[Sample | Problem]:
    """A sample per image entry, or a problem for an entry that is not valid.

    Raises:
        DataError: the file is not JSON, or not a COCO annotation file.
    """
    for entry in _entries(source):
        if isinstance(entry, Problem):
            yield entry
            continue
        sample = _sample(entry, source)
        yield Problem(source.path, str(entry.image["id"]), sample) if isinstance(sample, str) else sample


class _Entry(NamedTuple):
    """An image entry and its annotations; None: the file has no annotation at all."""

    image: Mapping[str, Any]
    annotations: Sequence[Mapping[str, Any]] | None


def _entries(source: SourceFile) -> Iterator[_Entry | Problem]:
    path = source.path
    try:
        raw = json.loads(source.content)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path} is not JSON: {error}") from error
    if isinstance(raw, list) and raw and "expression" in raw[0]:
        raise DataError(
            f"{path} is in the vanilla format, which has no boxes; give the file *_coco_format.json instead "
            "(`finecops data check` reads both)"
        )
    if not isinstance(raw, dict) or not {"images", "annotations"} <= raw.keys():
        raise DataError(f"{path} is no COCO annotation file: it needs the keys 'images' and 'annotations'")
    # Annotations stand in any order; this finds those of an image without a search per image.
    of_image: dict[object, list[Mapping[str, Any]]] = {}
    for annotation in raw["annotations"]:
        of_image.setdefault(annotation.get("image_id"), []).append(annotation)
    for image in raw["images"]:
        if "id" not in image:
            yield Problem(path, "?", "an image entry without id")
            continue
        yield _Entry(image, of_image.get(image["id"], []) if of_image else None)


def _sample(entry: _Entry, source: SourceFile) -> Sample | str:
    """An entry as a sample, or what is wrong with it."""
    image = entry.image
    if not image.keys() >= _IMAGE_KEYS:
        return f"the image entry has no {', '.join(sorted(_IMAGE_KEYS - image.keys()))}"
    if entry.annotations is not None and len(entry.annotations) != 1:
        return f"{len(entry.annotations)} annotations; there must be exactly one"
    annotation = entry.annotations[0] if entry.annotations is not None else {}
    expression = str(image["caption"]).strip()
    if not expression:
        return "the expression is empty"
    if not _is_size(image["width"]) or not _is_size(image["height"]):
        return f"width and height are {image['width']} and {image['height']}"
    image_wh = (int(image["width"]), int(image["height"]))
    known = _truth(annotation, image_wh) if entry.annotations is not None else _Known("unknown")
    if isinstance(known, str):
        return known
    level = annotation.get("level")
    if level is not None and level not in (1, 2, 3):
        return f"level is {level!r}; it must be 1, 2 or 3"
    path = _image_path(str(image["file_name"]), source)
    if path is None:
        return f"the image's name {image['file_name']!r} leads out of the dataset's folder"
    return Sample(
        id=str(image["id"]),
        dataset=source.dataset,
        split=source.split,
        image=path,
        width=image_wh[0],
        height=image_wh[1],
        expression=expression,
        level=level,
        tuple_type=annotation.get("tuple_type"),
        **known._asdict(),
    )


class _Known(NamedTuple):
    """What is known about a sample's target. The fields have the names of `Sample`'s."""

    truth: Truth
    box: Xyxy | None = None
    negative: Negative | None = None


def _truth(annotation: Mapping[str, Any], image_wh: tuple[int, int]) -> _Known | str:
    """The target's truth, or what is wrong with the annotation."""
    # The target of a negative is not in the image, so a bbox is not read.
    if annotation.get("negative_type") is None:
        box = _box(annotation.get("bbox"), image_wh)
        return box if isinstance(box, str) else _Known("box", box)
    try:
        return _Known("absent", None, _negative(annotation))
    except (KeyError, ValueError, TypeError) as error:
        return f"the negative's fields are broken: {type(error).__name__} {error}"


def _is_size(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value) and value >= 1


def _negative(annotation: Mapping[str, Any]) -> Negative:
    # "image" and "img" both contain "im". A file without the key has negative expressions.
    cate = str(annotation.get("negative_cate", "text")).lower()
    return Negative(
        kind="image" if "im" in cate else "text",
        type=str(annotation["negative_type"]),
        level=int(annotation["negative_level"]),
        positive_id=str(annotation["positive_id"]),
    )


def _box(raw: object, image_wh: tuple[int, int]) -> Xyxy | str:
    if not isinstance(raw, list) or len(raw) != 4:
        return f"bbox is {raw!r}; it must be four numbers [x, y, w, h]"
    if not all(isinstance(v, int | float) and math.isfinite(v) for v in raw):
        return f"bbox {raw} has a value that is not a finite number"
    x, y, w, h = (float(v) for v in raw)
    if w <= 0 or h <= 0:
        return f"bbox {raw} has no area"
    width, height = image_wh
    # By how many pixels the box extends beyond the image, on the side where it is most.
    out = max(-x, -y, x + w - width, y + h - height)
    if out > _BORDER_TOLERANCE:
        return f"bbox {raw} (xywh) extends {out:g} pixels beyond the {width}x{height} image"
    return (max(x, 0.0), max(y, 0.0), min(x + w, float(width)), min(y + h, float(height)))


def _image_path(file_name: str, source: SourceFile) -> str | None:
    """The image's path below the root: in the first folder that has it, else in the first folder.

    None: the name leads out of the dataset's folder. Annotation files are not trusted.
    """
    # Strings, not `Path`s: this runs once per entry.
    if os.path.isabs(file_name) or ".." in file_name.replace("\\", "/").split("/"):
        return None
    # The one folder is the root itself: there is nothing to look up or to normalize.
    if source.image_folders == (".",) and "./" not in file_name:
        return file_name
    paths = [posixpath.normpath(posixpath.join(folder, file_name)) for folder in source.image_folders]
    if len(paths) == 1:
        return paths[0]
    return next((path for path in paths if os.path.isfile(f"{source.root}/{path}")), paths[0])
