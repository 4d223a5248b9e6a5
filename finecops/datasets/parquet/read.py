"""The reader of parquet files: a file of a named layout → samples and problems.

The file is read in batches; an image is a file below the dataset's root, as everywhere else. Boxes must be in the
convention that the layout declares: the first 200 are checked against the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from finecops.datasets.convention_check import CHECKED_ROWS, RawBox, check_convention
from finecops.datasets.conventions import box_of
from finecops.datasets.fields import FieldError, as_expression, as_image_path, as_image_wh, four_numbers
from finecops.datasets.parquet.layouts import Entry, Layout, Values
from finecops.datasets.parquet.pictures import Kept, images_of
from finecops.datasets.parquet.table import ParquetTable
from finecops.datasets.problems import Problem, replaced_characters
from finecops.datasets.source import SourceFile
from finecops.records import Sample
from finecops.text import plain_id


def read_parquet(source: SourceFile) -> Iterator[Sample | Problem]:
    """The samples of a parquet file; problems name the row, counted from 1.

    Raises:
        ConfigError: the layout is unknown, or the columns fit none.
        DataError: the file is truncated, lacks a column or has one of another type, or its boxes are in another
            convention than the layout says.
    """
    table = ParquetTable(source.path)
    layout = table.layout(source.layout)
    names = "file_name" if "file_name" in layout.columns and "file_name" in table.types else None
    images = images_of(table, names, source.root) if layout.embedded else None
    checked = list(islice(_boxes(table, layout, images), CHECKED_ROWS))
    check_convention(checked, layout.boxes, str(source.path))
    seen: Counter[str] = Counter()
    for described in _described(table, layout, images, source):
        if isinstance(described, Problem):
            yield described
            continue
        yield from _samples(described, layout, source, seen)


class _Described(NamedTuple):
    """A row: where it is, what it says, and its image."""

    row: str
    values: Values
    entry: Entry
    image: Kept


def _boxes(table: ParquetTable, layout: Layout, images: Sequence[Kept | str] | None) -> Iterator[RawBox]:
    """The boxes as the file has them, with the sizes of their images; rows that cannot be used are left out."""
    for number, values in table.values(_light(layout)):
        try:
            if isinstance(values, Problem):
                continue
            entry = layout.read(values)
            kept = images[number - 1] if images is not None else None
            image_wh = (kept.width, kept.height) if isinstance(kept, Kept) else as_image_wh(values)
            if entry.box is not None:
                yield RawBox(four_numbers(entry.box), image_wh)
        except FieldError:
            continue


def _described(
    table: ParquetTable, layout: Layout, images: Sequence[Kept | str] | None, source: SourceFile
) -> Iterator[_Described | Problem]:
    for number, values in table.values(_light(layout)):
        if isinstance(values, Problem):
            yield values
            continue
        try:
            image = _image(values, layout, images[number - 1] if images is not None else None, source)
            yield _Described(f"row {number}", values, layout.read(values), image)
        except FieldError as error:
            yield Problem(source.path, f"row {number}", str(error))


def _light(layout: Layout) -> list[str]:
    """The columns that cost little."""
    return [column for column in layout.columns if column != "image"]


def _image(values: Values, layout: Layout, kept: Kept | str | None, source: SourceFile) -> Kept:
    if isinstance(kept, str):
        raise FieldError(kept)
    if kept is None:
        return Kept(as_image_path(values["file_name"], source), *as_image_wh(values))
    stated = as_image_wh(values) if layout.sized else (kept.width, kept.height)
    if stated != (kept.width, kept.height):
        raise FieldError(f"the image is {kept.width}x{kept.height}, its row says {stated[0]}x{stated[1]}")
    return kept


def _samples(found: _Described, layout: Layout, source: SourceFile, seen: Counter[str]) -> Iterator[Sample | Problem]:
    entry, image = found.entry, found.image
    try:
        box = None
        if entry.truth == "box":
            box = box_of(four_numbers(entry.box), layout.boxes, (image.width, image.height))
    except FieldError as error:
        yield Problem(source.path, found.row, str(error))
        return
    for number, text in enumerate(entry.expressions):
        try:
            expression = as_expression(text)
        except FieldError as error:
            where = f" (number {number + 1} of {len(entry.expressions)})" if layout.several else ""
            yield Problem(source.path, found.row, f"{error}{where}")
            continue
        sample = Sample(
            id=f"{entry.id}#{number}" if layout.several else entry.id,
            dataset=source.dataset,
            split=source.split,
            image=image.image,
            width=image.width,
            height=image.height,
            expression=expression,
            truth=entry.truth,
            box=box,
            level=entry.level,
            tuple_type=entry.tuple_type,
            negative=entry.negative,
        )
        seen[sample.id] += 1
        if seen[sample.id] > 1:
            yield Problem(source.path, found.row, f"the id {plain_id(sample.id)} is taken by an earlier row")
            continue
        yield sample
        yield from replaced_characters(source.path, sample.id, [{"expression": text}])
