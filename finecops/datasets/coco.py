"""The COCO format of MDETR, in which FineCops-Ref is published: annotation file → samples and problems.

An image entry is a sample; its `caption` is the expression. It has one annotation with `bbox` (xywh), `level` and, for
a negative, `positive_id`, `negative_type`, `negative_level` and `negative_cate`. A positive has neither `negative_cate`
nor `negative_type`. Types may have the published words or the program's (`finecops.benchmark_words`); samples have the
program's. In a file without any annotation, the truth of every sample is unknown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from finecops.benchmark_words import kind_inside, type_inside
from finecops.datasets.fields import (
    FieldError,
    as_cut_box,
    as_expression,
    as_id,
    as_image_path,
    as_image_wh,
    as_name,
    as_object,
    as_whole,
)
from finecops.datasets.json_arrays import Content, JsonArray, Seen, content_of, parse_arrays
from finecops.datasets.problems import Problem, not_json, replaced_characters
from finecops.datasets.remarks import Remarks
from finecops.datasets.source import SourceFile
from finecops.datasets.stated_truth import stated_truth
from finecops.datasets.vanilla import vanilla_layout
from finecops.errors import DataError
from finecops.records import Negative, Sample, Truth, Xyxy
from finecops.strict_json import RepeatedKeys
from finecops.text import plain_id, shortly

IMAGE_KEYS = frozenset({"file_name", "width", "height", "caption"})


def read_coco(source: SourceFile) -> Iterator[Sample | Problem]:
    """A sample per image entry, or a problem for an entry that is not valid; then what is remarkable in the file.

    Raises:
        DataError: the file is not JSON, or not a COCO annotation file.
    """
    remarks = Remarks()
    for entry in _entries(source):
        if isinstance(entry, Problem):
            yield entry
            continue
        yield from read_entry(entry, source, remarks)
    yield from remarks.problems(source.path)


def read_entry(entry: Entry, source: SourceFile, remarks: Remarks) -> Iterator[Sample | Problem]:
    """The sample of an entry, or why there is none, and then a note if something in its texts was replaced."""
    try:
        sample, beyond = sample_of(entry, source)
    except FieldError as error:
        yield Problem(source.path, entry.id, str(error))
        return
    yield sample
    remarks.box(beyond, sample.id)
    remarks.word("tuple_type", sample.tuple_type, sample.id)
    remarks.word("negative_type", sample.negative.type if sample.negative else None, sample.id)
    yield from replaced_characters(source.path, sample.id, (entry.image, *(entry.annotations or ())))


class Entry(NamedTuple):
    """An image entry and its annotations; None: the file has no annotation at all."""

    id: str
    image: Mapping[str, Any]
    annotations: Sequence[Mapping[str, Any]] | None


def _entries(source: SourceFile) -> Iterator[Entry | Problem]:
    path = source.path
    raw = parsed(source, content_of(source.path))
    # Annotations stand in any order; this finds those of an image without a search per image.
    of_image: dict[str, int | list[int]] = {}
    for number, annotation in enumerate(raw["annotations"], start=1):
        # An entry with a key twice is reported at its image.
        id_ = plain_id(annotation.get("image_id")) if isinstance(annotation, dict) else None
        if id_ is None:
            what = shortly(annotation.get("image_id") if isinstance(annotation, dict) else annotation)
            yield Problem(path, f"annotation {number}", f"it belongs to no image: {what}")
            continue
        # Nearly every image has one; a list for each would take more memory than the samples.
        if (before := of_image.setdefault(id_, number - 1)) != number - 1:
            if isinstance(before, list):
                before.append(number - 1)
            else:
                of_image[id_] = [before, number - 1]
    repeated = _repeated_ids(raw["images"])
    for number, image in enumerate(raw["images"], start=1):
        id_ = plain_id(image.get("id")) if isinstance(image, dict) else None
        if id_ is None:
            what = f"with the id {shortly(image.get('id'))}" if isinstance(image, dict) else f"that is {shortly(image)}"
            yield Problem(path, f"number {number}", f"an image entry {what}")
            continue
        if id_ in repeated:
            # The annotation may belong to any of them, and would be on a wrong image.
            yield Problem(path, id_, "several image entries have this id")
            continue
        at = of_image.get(id_, [])
        own = [raw["annotations"][i] for i in (at if isinstance(at, list) else [at])]
        yield Entry(id_, image, own if raw["annotations"] else None)


def _repeated_ids(images: Sequence[Any]) -> set[str | None]:
    seen: set[str | None] = set()
    repeated: set[str | None] = set()
    for image in images:
        id_ = plain_id(image.get("id")) if isinstance(image, dict) else None
        (repeated if id_ in seen else seen).add(id_)
    return repeated


def parsed(source: SourceFile, content: Content, seen: Seen | None = None) -> Mapping[str, Sequence[Any]]:
    """A file with this content, with lists of images and annotations; `seen` as in `parse_arrays`.

    Raises:
        DataError: it is not JSON, or not a COCO annotation file.
    """
    path = source.path
    try:
        raw = parse_arrays(content, ("images", "annotations"), seen)
    except ValueError as error:
        raise not_json(path, error) from error
    if isinstance(raw, RepeatedKeys):
        raise DataError(f"{path}: the key {shortly(raw.key)} stands twice")
    if vanilla_layout(raw) is not None:
        raise DataError(
            f"{path} is in the vanilla format, which has no boxes; give the file *_coco_format.json instead "
            "(`finecops data check` reads both)"
        )
    if not isinstance(raw, dict) or not {"images", "annotations"} <= raw.keys():
        raise DataError(f"{path} is no COCO annotation file: it needs the keys 'images' and 'annotations'")
    for key in ("images", "annotations"):
        if not isinstance(raw[key], list | JsonArray):
            raise DataError(f"{path} is no COCO annotation file: {key} is {shortly(raw[key])}; a list is meant")
    return raw


def sample_of(entry: Entry, source: SourceFile) -> tuple[Sample, float]:
    """An entry as a sample, and by how many pixels its box extended beyond the image.

    Raises:
        FieldError: a field of it is not valid.
    """
    image = as_object(entry.image, "the image entry")
    if not image.keys() >= IMAGE_KEYS:
        raise FieldError(f"the image entry has no {', '.join(sorted(IMAGE_KEYS - image.keys()))}")
    if entry.annotations is not None and len(entry.annotations) != 1:
        raise FieldError(f"{len(entry.annotations)} annotations; there must be exactly one")
    annotation = as_object(entry.annotations[0], "the annotation") if entry.annotations is not None else {}
    expression = as_expression(image["caption"])
    image_wh = as_image_wh(image)
    known, beyond = _truth(annotation, image_wh) if entry.annotations is not None else (_Known("unknown"), 0.0)
    level = annotation.get("level")
    if level is not None and as_whole(level) not in (1, 2, 3):
        raise FieldError(f"level is {shortly(level)}; it must be 1, 2 or 3")
    tuple_type = annotation.get("tuple_type")
    sample = Sample(
        id=entry.id,
        dataset=source.dataset,
        split=source.split,
        image=as_image_path(image["file_name"], source),
        width=image_wh[0],
        height=image_wh[1],
        expression=expression,
        level=as_whole(level),
        tuple_type=None if tuple_type is None else as_name(tuple_type, "tuple_type"),
        **known._asdict(),
    )
    return sample, beyond


class _Known(NamedTuple):
    """What is known about a sample's target. The fields have the names of `Sample`'s."""

    truth: Truth
    box: Xyxy | None = None
    negative: Negative | None = None


def _truth(annotation: Mapping[str, Any], image_wh: tuple[int, int]) -> tuple[_Known, float]:
    """What is known, and by how many pixels the box extends beyond the image."""
    if "truth" in annotation:
        # Of `finecops data convert`, for what FineCops-Ref's own keys cannot say.
        truth, negative = stated_truth(annotation)
        return _Known(truth, None, negative), 0.0
    type_, cate = annotation.get("negative_type"), annotation.get("negative_cate")
    if type_ is None and cate is None:
        if annotation.get("negative_level") is not None and annotation.get("positive_id") is not None:
            raise FieldError("the negative's fields are broken: no negative_type")
        box, beyond = as_cut_box(annotation.get("bbox"), image_wh)
        return _Known("box", box), beyond
    try:
        # The target of a negative is not in the image, so a bbox is not read.
        return _Known("absent", None, _negative(annotation)), 0.0
    except FieldError as error:
        raise FieldError(f"the negative's fields are broken: {error}") from error


def _negative(annotation: Mapping[str, Any]) -> Negative:
    # A file without the key has negative expressions.
    cate = as_name(annotation.get("negative_cate", "text"), "negative_cate")
    kind = kind_inside(cate)
    if kind is None:
        raise FieldError(f"negative_cate is {shortly(cate)}; it must be 'text' or 'image'")
    raw = annotation.get("negative_level")
    # Some tools write numbers as texts.
    level = int(raw) if isinstance(raw, str) and raw.isdecimal() and len(raw) == 1 else as_whole(raw)
    if level is None or not -99 < level < 99:
        raise FieldError(f"negative_level is {shortly(raw)}; a whole number is meant")
    return Negative(
        kind=kind,
        type=type_inside(as_name(annotation.get("negative_type"), "negative_type")),
        level=level,
        positive_id=as_id(annotation.get("positive_id"), "positive_id"),
    )
