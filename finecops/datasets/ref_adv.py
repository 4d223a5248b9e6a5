"""Ref-Adv (ACL 2020, github aws/aws-refcocog-adv): adversarial expressions for images of RefCOCOg.

Each refers to another object of the image than the original expression does. `refcocog_adv_annotations.json` is a dict
whose values are texts, numbers too; the truth is the entry `most_confused_bbox_number` of `bbox_candidates_map`, JSON
inside the JSON (`annID` is the original's object, not this one's). `adv_easy_hard_annotations.json` of the repository's
unmerged pull request has RefCOCOg's test sentences besides; its `label` is kept as `tuple_type`. A file in COCO's
style, as the paper's scripts read it (`ref_adv_coco.json`), is read too. No file has the sizes of the images.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from finecops.datasets.coco import read_coco
from finecops.datasets.fields import FieldError, as_box, as_expression, as_id, as_image_path, as_object, require_fields
from finecops.datasets.problems import Problem, replaced_characters
from finecops.datasets.sizes import ImageSizes, Table, first_file
from finecops.datasets.source import SourceFile
from finecops.datasets.whole_files import described, first_objects, parsed_file
from finecops.errors import DataError
from finecops.records import Sample, Xyxy
from finecops.strict_json import parse_json, parse_reduced_json
from finecops.text import plain_id, shortly

_ENTRY = ("img_file_name", "bbox_candidates_map", "most_confused_bbox_number", "most_confused_bbox_GT_desc")
_EASY_HARD = ("label", "gt_bbox", "bboxes", "expression", "img_file_name")
_LABELS = ("adv", "easy", "hard")
# RefCOCOg writes the annotation's id behind the name of COCO's image.
_SUFFIX = re.compile(r"(COCO_(?:train|val)2014_\d{12})_\d+\.jpg")
INSTANCES = "instances_train2014.json"


def read_ref_adv(source: SourceFile) -> Iterator[Sample | Problem]:
    """The samples of one of Ref-Adv's files, or a problem for an entry that is not valid.

    An entry whose image is not there has no known size, so it is a problem, unless COCO's `instances_train2014.json`
    lies in the dataset's folder.

    Raises:
        DataError: the file is none of Ref-Adv's.
    """
    raw = parsed_file(source)
    if isinstance(raw, dict) and {"images", "annotations"} <= raw.keys():
        yield from read_coco(source)
        return
    rows = raw.get("annotations") if isinstance(raw, dict) else None
    fields: tuple[str, ...]
    entries: list[tuple[str, Any]]
    if isinstance(rows, list) and len(raw) == 1:
        fields, entries = _EASY_HARD, [(f"number {number}", row) for number, row in enumerate(rows, start=1)]
    elif any("bbox_candidates_map" in entry for entry in first_objects(raw)):
        fields, entries = _ENTRY, list(raw.items())
    else:
        raise DataError(
            f"{source.path} is neither refcocog_adv_annotations.json nor adv_easy_hard_annotations.json of Ref-Adv: "
            f"it is {described(raw)}. The Ref-Adv of ICLR 2026 is another dataset, ref-adv-s"
        )
    sizes = ImageSizes(
        source, lambda: _coco_sizes(source), f"for its size, COCO's train2014 images or {INSTANCES} are needed"
    )
    for number, (key, entry) in enumerate(entries, start=1):
        id_ = str(number) if fields is _EASY_HARD else plain_id(key)
        yield from _entry(source, sizes, id_ or f"number {number}", entry, fields)


def _entry(
    source: SourceFile, sizes: ImageSizes, id_: str, raw: Any, fields: tuple[str, ...]
) -> Iterator[Sample | Problem]:
    try:
        entry = as_object(raw, "the entry")
        require_fields(entry, fields)
        easy_hard = fields is _EASY_HARD
        label = entry.get("label") if easy_hard else None
        if easy_hard and label not in _LABELS:
            raise FieldError(f"label is {shortly(label)}; it must be adv, easy or hard")
        image = as_image_path(_image_name(entry["img_file_name"]), source)
        image_wh = sizes.of(image, image.rpartition("/")[2])
        boxes, number = (
            (entry["bboxes"], entry["gt_bbox"])
            if easy_hard
            else (entry["bbox_candidates_map"], entry["most_confused_bbox_number"])
        )
        sample = Sample(
            id=as_id(id_, "the key"),
            dataset=source.dataset,
            split=source.split,
            image=image,
            width=image_wh[0],
            height=image_wh[1],
            expression=as_expression(entry["expression" if easy_hard else "most_confused_bbox_GT_desc"]),
            truth="box",
            box=_candidate(boxes, number, image_wh),
            level=None,
            tuple_type=label,
        )
    except FieldError as error:
        yield Problem(source.path, id_, str(error))
        return
    yield sample
    yield from replaced_characters(source.path, id_, [entry])


def _image_name(value: object) -> object:
    match = _SUFFIX.fullmatch(value) if isinstance(value, str) else None
    return f"{match[1]}.jpg" if match else value


def _candidate(raw: object, number: object, image_wh: tuple[int, int]) -> Xyxy:
    """The box of one of the candidates: a dict number → [x, y, w, h], or JSON of one."""
    if isinstance(raw, str):
        try:
            raw = parse_json(raw)
        except ValueError as error:
            raise FieldError(f"the candidates are no JSON: {error}") from error
    boxes = as_object(raw, "the map of candidates")
    key = as_id(number, "the candidate's number")
    if key not in boxes:
        raise FieldError(f"candidate {key} is not in the map: {shortly(list(boxes))}")
    return as_box(_numbers(boxes[key]), image_wh)


def _numbers(raw: object) -> object:
    """A list whose numbers may be texts, as everything else in the file is."""
    if not isinstance(raw, list) or not all(isinstance(v, str) and len(v) < 30 for v in raw):
        return raw
    try:
        return [float(v) for v in raw]
    except ValueError:
        return raw


def _coco_sizes(source: SourceFile) -> Table:
    """File name (of COCO 2014 and 2017) → size, from COCO's instances file; nothing if it is not there."""
    path = first_file((source.root, source.root / "annotations"), INSTANCES)
    if path is None:
        return {}
    try:
        raw = parse_reduced_json(path.read_bytes(), _image_entry)
        found = {name: wh for entry in raw["images"] if isinstance(entry, tuple) for name, wh in [entry]}
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is not COCO's instances file: {type(error).__name__} {error}") from error
    # Images are looked up by the name that they have on this disk.
    return found | {name.rpartition("_")[2]: wh for name, wh in found.items()}


def _image_entry(value: Mapping[str, Any]) -> object:
    # The file has 600,000 annotations with polygons: only the images are kept.
    name, wh = value.get("file_name"), (value.get("width"), value.get("height"))
    if isinstance(name, str):
        return (name, wh) if all(type(side) is int and 0 < side <= 100_000 for side in wh) else None
    return value if "images" in value else None
