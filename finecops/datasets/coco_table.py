"""COCO files into a table, some thousand entries at a time: what `finecops.datasets.coco` reads, several times as fast.

Columns of entries are checked and kept as columns (`finecops.datasets.coco_columns`). What is not plain is left to
`coco`, entry by entry; so is a file in which an id is missing or an image's id stands twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finecops.benchmark_words import NEGATIVE_TYPES, TUPLE_TYPES
from finecops.datasets.coco import Entry, parsed, read_coco, read_entry, sample_of
from finecops.datasets.coco_columns import NO_BOX, WORDS, Annotations, Images, NotPlainError, Words, is_plain
from finecops.datasets.fields import BORDER_TOLERANCE, FieldError
from finecops.datasets.id_rows import are_unique
from finecops.datasets.json_arrays import JsonArray, content_of
from finecops.datasets.problems import Problem
from finecops.datasets.remarks import NOTED_BEYOND, Remarks
from finecops.datasets.source import SourceFile
from finecops.datasets.table import Kind, SampleTable, kind_of
from finecops.datasets.text_column import Texts, TextsBuilder
from finecops.records import Sample

_BLOCK = 1 << 18
"""The boxes of so many images are looked at together."""
_PART = 1024
"""So many texts are copied at once."""


def read_coco_table(source: SourceFile) -> Iterator[SampleTable | Sample | Problem]:
    """All samples in one table, and what is to be said of other entries; or what `read_coco` gives.

    Raises:
        DataError: as `read_coco`.
    """
    try:
        rows = _rows(source)
    except NotPlainError:
        yield from read_coco(source)
        return
    yield rows.table()
    yield from rows.problems


def _rows(source: SourceFile) -> _Rows:
    """
    Raises:
        NotPlainError: the file is read entry by entry.
    """
    images, annotations, content = Images(source), Annotations(), content_of(source.path)

    def seen(key: str, entries: list[Any], text: bytes) -> None:
        (images if key == "images" else annotations).add(entries, is_plain(text))

    raw = parsed(source, content, seen)
    if not isinstance(raw["images"], JsonArray):
        # It was parsed as a whole, and what was seen before is not all.
        images, annotations = Images(source), Annotations()
        whole = content[:]
        seen("images", list(raw["images"]), whole)
        seen("annotations", list(raw["annotations"]), whole)
    if not len(annotations.ids):
        raise NotPlainError
    return _Rows(source, raw, images, annotations)


class _Rows:
    """Images with their annotations: a table, and what is to be said of entries that are not plain."""

    def __init__(
        self, source: SourceFile, raw: Mapping[str, Sequence[Any]], images: Images, annotations: Annotations
    ) -> None:
        self.source, self.raw, self.images, self.annotations = source, raw, images, annotations
        self.problems: list[Problem] = []
        self._ids = images.ids.build()
        self._at, self._several = _places(self._ids, annotations.ids.build())

    def table(self) -> SampleTable:
        """The samples; `problems` are found meanwhile."""
        images, annotations = self.images, self.annotations
        words = np.frombuffer(annotations.words, dtype=np.int64)[self._at]
        kinds = [_kind(one, self.source) for one in annotations.known]
        # The last of each is for rows that are not plain: their number is -1.
        plain = np.array([kind is not None for kind in kinds] + [False])[words]
        boxed = np.array([kind is not None and kind.truth == "box" for kind in kinds] + [False])[words]
        paired = np.array([kind is not None and kind.paired for kind in kinds] + [False])[words]
        image_wh = np.frombuffer(images.sizes, dtype=np.int64).reshape(-1, 2)
        xywh = np.frombuffer(annotations.xywh, dtype=np.float64).reshape(-1, 4)
        xyxy, inside = np.empty((len(image_wh), 4)), np.empty(len(image_wh), dtype=np.bool_)
        # Some at a time: what lies between takes several times the memory of the boxes.
        for start in range(0, len(image_wh), _BLOCK):
            part = slice(start, start + _BLOCK)
            xyxy[part], inside[part] = _corners(xywh[self._at[part]], image_wh[part])
        plain &= (self._at >= 0) & (inside | ~boxed)
        plain[images.odd] = False
        xyxy[~boxed] = np.nan
        columns = _Columns(
            (
                self._ids,
                images.paths.build(),
                images.expressions.build(),
                annotations.positives.build().take(self._at, paired & (self._at >= 0)),
            ),
            image_wh=image_wh.copy(),
            xyxy=xyxy,
            kind=words.copy(),
            kinds=kinds,
        )
        kept = np.ones(len(plain), dtype=np.bool_)
        remarks = Remarks()
        for row, entry in self._entries(np.flatnonzero(~plain).tolist()):
            kept[row] = False
            for found in read_entry(entry, self.source, remarks):
                if isinstance(found, Sample):
                    columns.put(row, found)
                    kept[row] = True
                else:
                    self.problems.append(found)
        self.problems += remarks.problems(self.source.path)
        return columns.build(kept)

    def _entries(self, rows: Sequence[int]) -> Iterator[tuple[int, Entry]]:
        """Some image entries with their annotations, as the file has them."""
        places = {row: self._several.get(self._ids[row], [int(self._at[row])]) for row in rows}
        # In the order of the file, of which a part is parsed at a time.
        wanted = sorted({i for found in places.values() for i in found if i >= 0})
        annotations = {i: self.raw["annotations"][i] for i in wanted}
        for row in rows:
            own = [annotations[i] for i in places[row] if i >= 0]
            yield row, Entry(self._ids[row], self.raw["images"][row], own)


class _Columns:
    """Columns of a table, in which single rows are still replaced."""

    def __init__(
        self,
        texts: tuple[Texts, Texts, Texts, Texts],
        image_wh: NDArray[np.int64],
        xyxy: NDArray[np.float64],
        kind: NDArray[np.int64],
        kinds: list[Kind | None],
    ) -> None:
        """
        Args:
            texts: ids, paths, expressions, ids of positives.
            image_wh, xyxy, kind, kinds: as a table has them.
        """
        self.texts, self._put = texts, dict[int, tuple[str, str, str, str]]()
        self.image_wh, self.xyxy, self.kind, self.kinds = image_wh, xyxy, kind, kinds
        self._place = {kind: i for i, kind in enumerate(kinds)}

    def put(self, row: int, sample: Sample) -> None:
        """Set a row."""
        positive = sample.negative.positive_id if sample.negative is not None else None
        self._put[row] = (sample.id, sample.image, sample.expression, positive or "")
        self.image_wh[row] = sample.width, sample.height
        self.xyxy[row] = sample.box or NO_BOX
        kind = kind_of(sample)
        self.kind[row] = self._place.setdefault(kind, len(self.kinds))
        if self.kind[row] == len(self.kinds):
            self.kinds.append(kind)

    def build(self, kept: NDArray[np.bool_]) -> SampleTable:
        """The table of some rows."""
        texts = list(self.texts)
        if self._put or not kept.all():
            texts = [self._changed(column, kept) for column in range(len(texts))]
        image_wh, xyxy, kind = self.image_wh[kept], self.xyxy[kept], self.kind[kept]
        return SampleTable.of_columns((texts[0], texts[1], texts[2], texts[3]), image_wh, xyxy, self.kinds, kind)

    def _changed(self, column: int, kept: NDArray[np.bool_]) -> Texts:
        """A column of texts with the rows that were set, without those that are not kept."""
        builder, at = TextsBuilder(), 0
        rows = sorted({*self._put, *np.flatnonzero(~kept).tolist()})
        # What lies between such rows stays as it is.
        for row in [*rows, len(kept)]:
            for start in range(at, row, _PART):
                builder.extend(self.texts[column].part(start, min(start + _PART, row)))
            if row in self._put:
                builder.add(self._put[row][column])
            at = row + 1
        return builder.build()


def _kind(words: Words, source: SourceFile) -> Kind | None:
    """What annotations with these words have in common; None: nothing, or something remarkable."""
    values = {name: value for name, value in zip(WORDS, words) if value is not ...}
    annotation = {**values, "bbox": [0, 0, 1, 1], "positive_id": None if words[-1] else 1}
    image = {"file_name": "x", "width": 9, "height": 9, "caption": "x"}
    try:
        kind = kind_of(sample_of(Entry("1", image, [annotation]), source)[0])
    except FieldError:
        return None
    known = kind.tuple_type in (None, *TUPLE_TYPES) and kind.negative_type in (None, *NEGATIVE_TYPES)
    return kind if known else None


def _corners(xywh: NDArray[np.float64], image_wh: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Corners inside the images, as `finecops.datasets.fields` computes them, and which boxes are plain."""
    with np.errstate(invalid="ignore"):
        x1, y1, w, h = xywh.T
        x2, y2, (width, height) = x1 + w, y1 + h, image_wh.T.astype(np.float64)
        beyond = np.max([-x1, -y1, x2 - width, y2 - height], axis=0)
        # Python's max and min keep the first of equals, which matters for -0.0.
        part = np.stack(
            [
                np.where(x1 < 0.0, 0.0, x1),
                np.where(y1 < 0.0, 0.0, y1),
                np.where(width < x2, width, x2),
                np.where(height < y2, height, y2),
            ],
            axis=1,
        )
        inside = np.maximum(part[:, 2] - part[:, 0], 0.0) * np.maximum(part[:, 3] - part[:, 1], 0.0) > 0
        # No comparison holds for NaN.
        plain = (w > 0) & (h > 0) & (x2 > x1) & (y2 > y1) & inside & (beyond <= min(NOTED_BEYOND, BORDER_TOLERANCE))
        plain &= (np.abs(xywh) < 1e9).all(axis=1)
    return part, plain


def _places(images: Texts, annotations: Texts) -> tuple[NDArray[np.int64], dict[str, list[int]]]:
    """Where each image's annotation is (-1: nowhere, or several), and the places of those that are several.

    Raises:
        NotPlainError: an image's id stands twice.
    """
    if not are_unique(images):
        raise NotPlainError
    if images == annotations:
        return np.arange(len(images)), {}
    place = dict(zip(annotations, range(len(annotations))))
    several: dict[str, list[int]] = {}
    if len(place) < len(annotations):
        for i, id_ in enumerate(annotations):
            if place[id_] != i:
                several[id_] = []
        for i, id_ in enumerate(annotations):
            if id_ in several:
                several[id_].append(i)
    found = (-1 if id_ in several else place.get(id_, -1) for id_ in images)
    return np.fromiter(found, dtype=np.int64, count=len(images)), several
