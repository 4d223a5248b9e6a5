"""Samples as columns: of a table without making its samples, of other sequences from one sample after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from finecops.datasets.id_rows import IdRows, rows_of_ids
from finecops.datasets.parts import count_of_truth
from finecops.datasets.table import SampleTable
from finecops.records import Negative, NegativeKind, Sample

Column = tuple[NegativeKind, str, int]
"""Kind, type and level of negatives."""


@dataclass(frozen=True)
class SampleColumns:
    """What evaluation needs to know of n samples.

    Attributes:
        ids: `[n]`.
        positive: `[n]` bool.
        xyxy: `[n, 4]`, pixels; anything where there is no box.
        level: `[n]` ground-truth level, 0 where there is none.
        positive_ids: `[n]` the positive of each negative, empty where there is none.
        tuple_type: `[n]` index into `tuple_types`.
        tuple_types: each that occurs; an empty one where there is none.
        column: `[n]` index into `columns`, -1 for a positive and for a negative of unknown kind or type.
        columns: each combination that occurs.
    """

    ids: Sequence[str]
    positive: NDArray[np.bool_]
    xyxy: NDArray[np.float64]
    level: NDArray[np.intp]
    positive_ids: Sequence[str]
    tuple_type: NDArray[np.unsignedinteger]
    tuple_types: tuple[str, ...]
    column: NDArray[np.intp]
    columns: tuple[Column, ...]

    @cached_property
    def pair_of(self) -> NDArray[np.intp]:
        """`[n]` the row of each one's positive, -1 where there is none."""
        return rows_of_ids(self.positive_ids, self.ids)


def columns_of(samples: Sequence[Sample]) -> SampleColumns:
    """The columns of some samples."""
    if isinstance(samples, SampleTable):
        if "columns" not in samples.derived:
            samples.derived["columns"] = _of_table(samples)
        kept = samples.derived["columns"]
        assert isinstance(kept, SampleColumns)
        return kept
    found: dict[Column, int] = {}
    column = [_place(found, sample.negative) for sample in samples]
    types: dict[str, int] = {}
    tuple_type = [types.setdefault(sample.tuple_type or "", len(types)) for sample in samples]
    return SampleColumns(
        ids=[sample.id for sample in samples],
        positive=np.array([sample.positive for sample in samples], dtype=np.bool_),
        xyxy=np.array([s.box or (0.0, 0.0, 0.0, 0.0) for s in samples], dtype=np.float64).reshape(len(samples), 4),
        level=np.array([sample.level or 0 for sample in samples], dtype=np.intp),
        positive_ids=[sample.positive_id or "" for sample in samples],
        tuple_type=np.array(tuple_type, dtype=np.uint32),
        tuple_types=tuple(types),
        column=np.array(column, dtype=np.intp),
        columns=tuple(found),
    )


def _of_table(table: SampleTable) -> SampleColumns:
    found: dict[Column, int] = {}
    columns = []
    for kind in table.kinds:
        about = Negative(kind=kind.negative_kind, type=kind.negative_type, level=kind.negative_level)
        columns.append(_place(found, about if kind.negative else None))
    types: dict[str, int] = {}
    tuple_type = [types.setdefault(kind.tuple_type or "", len(types)) for kind in table.kinds]
    at = table.kind
    return SampleColumns(
        ids=table.ids,
        positive=np.array([kind.truth == "box" for kind in table.kinds], dtype=np.bool_)[at],
        xyxy=table.xyxy,
        level=np.array([kind.level or 0 for kind in table.kinds], dtype=np.intp)[at],
        positive_ids=table.positive_ids,
        tuple_type=np.array(tuple_type, dtype=np.uint32)[at],
        tuple_types=tuple(types),
        column=np.array(columns, dtype=np.intp)[at],
        columns=tuple(found),
    )


def _place(found: dict[Column, int], negative: Negative | None) -> int:
    # A negative of unknown kind or type counts among all negatives and has no column.
    if negative is None or negative.kind is None or negative.type is None:
        return -1
    return found.setdefault((negative.kind, negative.type, negative.level or 0), len(found))


class ImageSizes:
    """Width and height of samples' images, by the samples' ids."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        about = columns_of(samples)
        self._rows = IdRows(about.ids)
        self._image_wh = (
            samples.image_wh
            if isinstance(samples, SampleTable)
            else np.array([(sample.width, sample.height) for sample in samples], dtype=np.int64).reshape(-1, 2)
        )

    def of(self, ids: Sequence[str]) -> NDArray[np.int64]:
        """Of some samples, `[n, 2]`; 1 and 1 of an id that is none."""
        rows = self._rows.rows_of(ids)
        found = np.ones((len(rows), 2), dtype=np.int64)
        found[rows >= 0] = self._image_wh[rows[rows >= 0]]
        return found

    def get(self, id_: str) -> tuple[int, int]:
        """Of one sample."""
        ((width, height),) = self.of([id_]).tolist()
        return width, height


def unknown_truths(samples: Sequence[Sample]) -> int:
    """How many samples have an unknown truth."""
    return count_of_truth(samples, "unknown")
