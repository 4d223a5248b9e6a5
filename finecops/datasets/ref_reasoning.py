"""Ref-Reasoning (CVPR 2020, github sibeiyang/sgmn): `{train,val,test}_expressions.json` with GQA's images.

Each file is a dict from an expression's id to `image_id`, `bbox` ([x, y, w, h] in pixels) and `expression`. The README
of its authors names two fields more, whose keys no public code shows: other keys are accepted and named in a log line.
Sizes come from the images, else from `gt_objects_info.json` of the same download, else from GQA's scene graphs. A file
in COCO's style, as the paper's scripts read it (`ref_reasoning_coco.json`), is read too.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from typing import Any

from finecops.datasets.coco import read_coco
from finecops.datasets.fields import FieldError, as_box, as_expression, as_id, as_image_path, as_object, require_fields
from finecops.datasets.gqa_graphs import graph_folders, read_gqa_boxes
from finecops.datasets.problems import Problem, replaced_characters
from finecops.datasets.sizes import ImageSizes, Table, first_file, wh_by_id
from finecops.datasets.source import SourceFile
from finecops.datasets.whole_files import described, first_objects, parsed_file
from finecops.errors import DataError
from finecops.records import Sample
from finecops.strict_json import parse_marked_json
from finecops.text import plain_id, shortly

log = logging.getLogger(__name__)
_FIELDS = ("image_id", "bbox", "expression")
OBJECTS_INFO = "gt_objects_info.json"


def read_ref_reasoning(source: SourceFile) -> Iterator[Sample | Problem]:
    """The samples of a file of expressions, or a problem for an entry that is not valid.

    Raises:
        DataError: the file is not one of Ref-Reasoning's.
    """
    raw = parsed_file(source)
    if isinstance(raw, dict) and {"images", "annotations"} <= raw.keys():
        yield from read_coco(source)
        return
    # The first entry alone may be the broken one.
    if not any(field in entry for entry in first_objects(raw) for field in _FIELDS):
        raise DataError(
            f"{source.path} is not a file of Ref-Reasoning's expressions (id → image_id, bbox, expression): "
            f"it is {described(raw)}"
        )
    sizes = ImageSizes(source, lambda: _sizes(source), f"for its size, GQA's images or {OBJECTS_INFO} are needed")
    others: Counter[str] = Counter()
    for number, (key, entry) in enumerate(raw.items(), start=1):
        id_ = plain_id(key)
        if isinstance(entry, dict):
            others.update(k for k in entry if k not in _FIELDS)
        yield from _entry(source, sizes, id_ or f"number {number}", entry)
    if others:
        named = ", ".join(f"{shortly(key, 40)} ({count})" for key, count in others.most_common(8))
        log.info("%s: keys that are not used: %s", source.path.name, named)


def _entry(source: SourceFile, sizes: ImageSizes, id_: str, raw: Any) -> Iterator[Sample | Problem]:
    try:
        entry = as_object(raw, "the entry")
        require_fields(entry, _FIELDS)
        image_id = as_id(entry["image_id"], "image_id")
        image = as_image_path(f"{image_id}.jpg", source)
        image_wh = sizes.of(image, image_id)
        sample = Sample(
            id=as_id(id_, "the key"),
            dataset=source.dataset,
            split=source.split,
            image=image,
            width=image_wh[0],
            height=image_wh[1],
            expression=as_expression(entry["expression"]),
            truth="box",
            box=as_box(entry["bbox"], image_wh),
            level=None,
        )
    except FieldError as error:
        yield Problem(source.path, id_, str(error))
        return
    yield sample
    yield from replaced_characters(source.path, id_, [entry])


def _sizes(source: SourceFile) -> Table:
    path = first_file((source.path.parent, source.root), OBJECTS_INFO)
    if path is not None:
        try:
            raw = parse_marked_json(path.read_bytes())
        except ValueError as error:
            raise DataError(f"{path} is not JSON: {error}") from error
        if not isinstance(raw, dict):
            raise DataError(f"{path} is {described(raw)}; a dict from image id to width and height is meant")
        return wh_by_id(raw)
    return {id_: graph.image_wh for id_, graph in read_gqa_boxes(graph_folders(source.root)).items()}
