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
from finecops.datasets.json_arrays import JsonArray
from finecops.datasets.problems import Problem
from finecops.datasets.remarks import NOTED_BEYOND, Remarks
from finecops.datasets.source import SourceFile
from finecops.datasets.table import Kind, SampleTable, kind_of
from finecops.datasets.text_column import Texts
from finecops.records import Sample


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
    images, annotations, content = Images(source), Annotations(), source.content

    def seen(key: str, entries: list[Any], text: bytes) -> None:
        (images if key == "images" else annotations).add(entries, is_plain(text))

    raw = parsed(source, content, seen)
    if not isinstance(raw["images"], JsonArray):
        # It was parsed as a whole, and what was seen before is not all.
        images, annotations = Images(source), Annotations()
        seen("images", list(raw["images"]), content)
        seen("annotations", list(raw["annotations"]), content)
    if not annotations.ids:
        raise NotPlainError
    return _Rows(source, raw, images, annotations)


class _Rows:
    """Images with their annotations: a table, and what is to be said of entries that are not plain."""

    def __init__(
        self, source: SourceFile, raw: Mapping[str, Sequence[Any]], images: Images, annotations: Annotations
    ) -> None:
        self.source, self.raw, self.images, self.annotations = source, raw, images, annotations
        self.problems: list[Problem] = []
        self._at, self._several = _places(images.ids, annotations.ids)

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
        xyxy, inside = _corners(np.frombuffer(annotations.xywh, dtype=np.float64).reshape(-1, 4)[self._at], image_wh)
        plain &= (self._at >= 0) & (inside | ~boxed)
        plain[images.odd] = False
        xyxy[~boxed] = np.nan
        columns = _Columns(
            images.ids,
            paths=images.paths,
            expressions=images.expressions,
            positives=[annotations.positives[i] if has else "" for i, has in zip(self._at.tolist(), paired.tolist())],
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
        places = {row: self._several.get(self.images.ids[row], [int(self._at[row])]) for row in rows}
        # In the order of the file, of which a part is parsed at a time.
        wanted = sorted({i for found in places.values() for i in found if i >= 0})
        annotations = {i: self.raw["annotations"][i] for i in wanted}
        for row in rows:
            own = [annotations[i] for i in places[row] if i >= 0]
            yield row, Entry(self.images.ids[row], self.raw["images"][row], own)


class _Columns:
    """Columns of a table, in which single rows are still replaced."""

    def __init__(
        self,
        ids: list[str],
        paths: list[str],
        expressions: list[str],
        positives: list[str],
        image_wh: NDArray[np.int64],
        xyxy: NDArray[np.float64],
        kind: NDArray[np.int64],
        kinds: list[Kind | None],
    ) -> None:
        self.texts = (ids, paths, expressions, positives)
        self.image_wh, self.xyxy, self.kind, self.kinds = image_wh, xyxy, kind, kinds
        self._place = {kind: i for i, kind in enumerate(kinds)}

    def put(self, row: int, sample: Sample) -> None:
        """Set a row."""
        positive = sample.negative.positive_id if sample.negative is not None else None
        values = (sample.id, sample.image, sample.expression, positive or "")
        for column, value in zip(self.texts, values):
            column[row] = value
        self.image_wh[row] = sample.width, sample.height
        self.xyxy[row] = sample.box or NO_BOX
        kind = kind_of(sample)
        self.kind[row] = self._place.setdefault(kind, len(self.kinds))
        if self.kind[row] == len(self.kinds):
            self.kinds.append(kind)

    def build(self, kept: NDArray[np.bool_]) -> SampleTable:
        """The table of some rows."""
        rows = np.flatnonzero(kept).tolist() if not kept.all() else None
        texts = [Texts.of(column if rows is None else [column[i] for i in rows]) for column in self.texts]
        image_wh, xyxy, kind = self.image_wh[kept], self.xyxy[kept], self.kind[kept]
        return SampleTable.of_columns((texts[0], texts[1], texts[2], texts[3]), image_wh, xyxy, self.kinds, kind)


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


def _places(images: list[str], annotations: list[str]) -> tuple[NDArray[np.int64], dict[str, list[int]]]:
    """Where each image's annotation is (-1: nowhere, or several), and the places of those that are several.

    Raises:
        NotPlainError: an image's id stands twice.
    """
    if len(set(images)) < len(images):
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
    return np.array([-1 if id_ in several else place.get(id_, -1) for id_ in images], dtype=np.int64), several
