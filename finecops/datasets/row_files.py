"""Files of rows, as JSON Lines (`.jsonl`) or CSV (`.csv`, `.tsv`): an image, an expression, and perhaps a box.

The names of columns differ from file to file: `finecops.datasets.row_columns` lists those that are understood, and a
log line says which were used. What the numbers of a box mean is not in a name: `--boxes` declares it. A row without a
box has an unknown truth, unless a column `truth` says that its target is absent.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from finecops.datasets.convention_check import CHECKED_ROWS, RawBox, fitting
from finecops.datasets.conventions import CONVENTIONS, box_of
from finecops.datasets.fields import (
    FieldError,
    as_expression,
    as_id,
    as_image_path,
    as_image_wh,
    as_name,
    as_object,
    as_whole,
)
from finecops.datasets.problems import Problem, replaced_characters
from finecops.datasets.row_columns import Layout, Row, layout_of
from finecops.datasets.sizes import ImageSizes
from finecops.datasets.source import SourceFile
from finecops.errors import DataError
from finecops.records import Sample, Truth, Xyxy
from finecops.strict_json import parse_marked_json
from finecops.text import shortly

_NUMBERS = re.compile(r"[\s,;\[\]()]+")
_WRONG_SHARE = 0.5
"""If more of the boxes than this are none in the declared convention, the declaration is wrong, not the rows."""


def read_jsonl(source: SourceFile) -> Iterator[Sample | Problem]:
    """The samples of a file with a JSON object per line.

    Raises:
        DataError: no line is an object, or a needed column is missing.
        UsageError: there is a box, and the source does not say how its numbers are meant.
    """
    rows: list[tuple[str, Any]] = []
    for number, line in enumerate(source.content.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            rows.append((f"line {number}", parse_marked_json(line)))
        except ValueError as error:
            rows.append((f"line {number}", FieldError(f"it is not JSON: {error}")))
    yield from _read(source, rows)


def read_csv(source: SourceFile) -> Iterator[Sample | Problem]:
    """The samples of a table whose first row names its columns; separated by commas, semicolons or tabs.

    Raises:
        DataError: it is no such table, or a needed column is missing.
        UsageError: there is a box, and the source does not say how its numbers are meant.
    """
    try:
        text = source.content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{source.path} is not UTF-8: {error}") from error
    head = text.partition("\n")[0]
    separator = max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    rows: list[tuple[str, Any]] = []
    try:
        names = [name.strip() for name in next(reader, [])]
        for values in reader:
            if not any(value.strip() for value in values):
                continue
            named: Any = dict(zip(names, values, strict=False))
            if len(values) != len(names):
                named = FieldError(f"it has {len(values)} fields and the first row {len(names)}")
            rows.append((f"line {reader.line_num}", named))
    except csv.Error as error:
        raise DataError(f"{source.path} is no CSV: line {reader.line_num}: {error}") from error
    if len(set(names)) < len(names):
        raise DataError(f"{source.path}: two columns have one name: {shortly(names)}")
    if names and not rows:
        raise DataError(f"{source.path} has no rows: its only line is read as the names of columns")
    yield from _read(source, rows)


def _read(source: SourceFile, rows: Sequence[tuple[str, Any]]) -> Iterator[Sample | Problem]:
    """The samples of rows with their places."""
    layout = layout_of(source, rows)
    sizes = ImageSizes(source, hint="put it beside the file, or name its folder with --images")
    measured: list[RawBox] = []
    wrong = 0
    found: list[Sample | Problem] = []
    for number, (place, row) in enumerate(rows, start=1):
        try:
            if isinstance(row, FieldError):
                raise row
            sample = _sample(source, layout, as_object(row, "the row"), number, sizes, measured)
        except _BoxError as error:
            wrong += 1
            found.append(Problem(source.path, place, str(error)))
        except FieldError as error:
            found.append(Problem(source.path, place, str(error)))
        else:
            found += [sample, *replaced_characters(source.path, sample.id, [row])]
    _refuse_wrong_convention(source, layout, measured, wrong)
    yield from found


class _BoxError(FieldError):
    """Four numbers are no box in the declared convention."""


def _sample(
    source: SourceFile,
    layout: Layout,
    row: Row,
    number: int,
    sizes: ImageSizes,
    measured: list[RawBox],
) -> Sample:
    columns = layout.columns
    image = as_image_path(_value(row, columns, "image"), source)
    width, height = (_whole(_value(row, columns, side)) for side in ("width", "height"))
    given = {"width": width, "height": height}
    image_wh = as_image_wh(given) if width is not None and height is not None else sizes.of(image)
    raw_id = _value(row, columns, "id")
    own_id = f"{source.path.name}:{number}" if source.several else str(number)
    id_ = own_id if raw_id in (None, "") else as_id(raw_id, "the id")
    expression = as_expression(_value(row, columns, "expression"))
    level = _whole(_value(row, columns, "level"))
    if level is not None and (type(level) is not int or level not in (1, 2, 3)):
        raise FieldError(f"level is {shortly(level)}; it must be 1, 2 or 3")
    tuple_type = _value(row, columns, "tuple_type")
    raw = layout.raw_box(row)
    truth = _truth(_value(row, columns, "truth"), raw)
    box: Xyxy | None = None
    if truth == "box" and layout.boxes is not None:
        numbers = _numbers(raw)
        measured.append(RawBox(numbers, image_wh))
        try:
            box = box_of(numbers, layout.boxes, image_wh)
        except FieldError as error:
            raise _BoxError(str(error)) from error
    return Sample(
        id=id_,
        dataset=source.dataset,
        split=source.split,
        image=image,
        width=image_wh[0],
        height=image_wh[1],
        expression=expression,
        truth=truth,
        box=box,
        level=level,
        tuple_type=None if tuple_type in (None, "") else as_name(tuple_type, "tuple_type"),
    )


def _truth(stated: object, raw_box: object) -> Truth:
    """A sample's truth by the column `truth` and its box."""
    word: Literal["box", "absent", "unknown"] | None
    if stated in (None, ""):
        return "unknown" if raw_box is None else "box"
    word = next((known for known in ("box", "absent", "unknown") if stated == known), None)
    if word is None:
        raise FieldError(f"truth is {shortly(stated)}; it must be box, absent or unknown")
    if word == "box" and raw_box is None:
        raise FieldError("truth is 'box', and there is no box")
    return word


def _value(row: Row, columns: Mapping[str, str], need: str) -> Any:
    return row.get(columns[need]) if need in columns else None


def _whole(value: object) -> Any:
    """A whole number, also as a text; None where there is none; anything else as it is, for the message."""
    if value is None or value == "":
        return None
    if isinstance(value, str) and re.fullmatch(r"\s*\d{1,9}\s*", value):
        return int(value)
    whole = as_whole(value)
    return value if whole is None else whole


def _numbers(raw: object) -> list[float]:
    """The numbers of a box: a list of them, or a text such as `[1, 2, 3, 4]` or `1 2 3 4`."""
    values: Iterable[object]
    if isinstance(raw, str) and len(raw) < 500:
        values = [part for part in _NUMBERS.split(raw) if part]
    else:
        values = raw if isinstance(raw, list) else [None]
    try:
        # No boolean, no None: `float` would take the one, and raises a TypeError for the other.
        numbers = [float(v if isinstance(v, (int, float, str)) and type(v) is not bool else "") for v in values]
    except (ValueError, OverflowError) as error:
        raise FieldError(f"the box is {shortly(raw)}; four numbers are meant") from error
    if not all(abs(v) < 1e9 for v in numbers):
        raise FieldError(f"the box is {shortly(raw)}; four numbers are meant")
    return numbers


def _refuse_wrong_convention(source: SourceFile, layout: Layout, measured: Sequence[RawBox], wrong: int) -> None:
    """
    Raises:
        DataError: most boxes are none in the declared convention, or all are shares of the sides and it has pixels.
    """
    numbers = [number for box in measured for number in box.numbers]
    if layout.boxes is not None and CONVENTIONS[layout.boxes].whole is None and numbers and max(numbers) <= 1:
        raise DataError(
            f"{source.path}: all numbers of the {len(measured)} boxes are at most 1, and --boxes {layout.boxes} means "
            "pixels. Boxes from 0 to 1 are norm1, norm1_xywh or norm1_cxcywh"
        )
    if layout.boxes is None or wrong < 3 or wrong <= _WRONG_SHARE * len(measured):
        return
    fits = fitting(measured)
    better = [f"{name} {count}" for name, count in fits.items() if count > fits[layout.boxes]]
    more = f". Valid among the first {min(CHECKED_ROWS, len(measured))}: {', '.join(better)}" if better else ""
    raise DataError(f"{source.path}: {wrong} of {len(measured)} boxes are not valid as {layout.boxes}{more}")
