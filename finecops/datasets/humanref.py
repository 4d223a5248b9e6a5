"""HumanRef (Jiang et al., ICCV 2025): `annotations.jsonl`, a line per expression about persons.

A sample has one target, so that two kinds of lines are read: those with one person, and the rejections, whose list of
boxes is empty. Lines with several persons are problems. Boxes are corners in pixels. No line states the size of its
image: it is read from the head of the image file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from finecops.datasets.convention_check import CHECKED_ROWS, RawBox, check_convention
from finecops.datasets.conventions import box_of
from finecops.datasets.fields import (
    FieldError,
    as_expression,
    as_id,
    as_image_path,
    as_name,
    as_object,
    four_numbers,
    require_fields,
)
from finecops.datasets.problems import Problem, replaced_characters
from finecops.datasets.sizes import ImageSizes
from finecops.datasets.source import SourceFile
from finecops.errors import DataError
from finecops.records import Negative, Sample
from finecops.strict_json import parse_json
from finecops.text import shortly

REJECTION = "rejection"
"""The benchmark's name for lines without a target, and the type of these negatives."""
_CONVENTION = "xyxy"
_KEYS = ("id", "image_name", "referring", "domain", "answer_boxes")


def read_humanref(source: SourceFile) -> Iterator[Sample | Problem]:
    """A sample per line with one target or none; problems name the line.

    Raises:
        DataError: no line is JSON, or the boxes are in another convention.
    """
    checked: list[RawBox] = []
    waiting: list[Sample | Problem] = []
    broken = lines = 0
    sizes = ImageSizes(source)
    with source.path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            lines += 1
            try:
                waiting += _found(source, number, parse_json(line), sizes, checked)
            except FieldError as error:
                waiting.append(Problem(source.path, f"line {number}", str(error)))
            except ValueError as error:
                broken += 1
                waiting.append(Problem(source.path, f"line {number}", f"not JSON: {error}"))
            # The first lines wait until their boxes are known to be what they should be.
            if len(checked) >= CHECKED_ROWS:
                if len(checked) == CHECKED_ROWS:
                    check_convention(checked, _CONVENTION, str(source.path))
                    checked.append(checked[0])
                yield from waiting
                waiting.clear()
    if lines and broken == lines:
        raise DataError(f"{source.path} is no file of JSON lines")
    if len(checked) < CHECKED_ROWS:
        check_convention(checked, _CONVENTION, str(source.path))
    yield from waiting


def _found(
    source: SourceFile, number: int, raw: Any, sizes: ImageSizes, checked: list[RawBox]
) -> list[Sample | Problem]:
    line = as_object(raw, "the line")
    require_fields(line, _KEYS)
    boxes, domain = line["answer_boxes"], as_name(line["domain"], "domain")
    if not isinstance(boxes, list):
        raise FieldError(f"answer_boxes is {shortly(boxes)}; a list of boxes is meant")
    if (domain == REJECTION) != (not boxes):
        raise FieldError(f"the domain is {domain}, and there are {len(boxes)} boxes")
    if len(boxes) > 1:
        raise FieldError(f"{len(boxes)} boxes; samples have one target")
    image = as_image_path(line["image_name"], source)
    image_wh = sizes.of(image)
    box = None
    if boxes:
        row = RawBox(four_numbers(boxes[0]), image_wh)
        if len(checked) < CHECKED_ROWS:
            checked.append(row)
        box = box_of(row.numbers, _CONVENTION, image_wh)
    sample = Sample(
        id=as_id(line["id"], "id"),
        dataset=source.dataset,
        split=source.split,
        image=image,
        width=image_wh[0],
        height=image_wh[1],
        expression=as_expression(line["referring"]),
        truth="box" if boxes else "absent",
        box=box,
        level=None,
        tuple_type=domain,
        negative=None if boxes else Negative(kind="text", type=REJECTION),
    )
    return [sample, *replaced_characters(source.path, sample.id, [line])]
