"""Samples as columns: of a table without making its samples, of other sequences from one sample after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
        xyxy: `[n, 4]`, pixels; zeros where there is no box.
        level: `[n]` ground-truth level, 0 where there is none.
        positive_ids: `[n]` the positive of each negative, empty where there is none.
        tuple_types: `[n]`, empty where there is none.
        column: `[n]` index into `columns`, -1 for a positive and for a negative of unknown kind or type.
        columns: each combination that occurs.
    """

    ids: list[str]
    positive: NDArray[np.bool_]
    xyxy: NDArray[np.float64]
    level: NDArray[np.intp]
    positive_ids: list[str]
    tuple_types: NDArray[np.str_]
    column: NDArray[np.intp]
    columns: tuple[Column, ...]


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
    return SampleColumns(
        ids=[sample.id for sample in samples],
        positive=np.array([sample.positive for sample in samples], dtype=np.bool_),
        xyxy=np.array([s.box or (0.0, 0.0, 0.0, 0.0) for s in samples], dtype=np.float64).reshape(len(samples), 4),
        level=np.array([sample.level or 0 for sample in samples], dtype=np.intp),
        positive_ids=[sample.positive_id or "" for sample in samples],
        tuple_types=np.array([sample.tuple_type or "" for sample in samples], dtype=np.str_),
        column=np.array(column, dtype=np.intp),
        columns=tuple(found),
    )


def _of_table(table: SampleTable) -> SampleColumns:
    found: dict[Column, int] = {}
    columns = []
    for kind in table.kinds:
        about = Negative(kind=kind.negative_kind, type=kind.negative_type, level=kind.negative_level)
        columns.append(_place(found, about if kind.negative else None))
    at = table.kind.astype(np.intp)
    return SampleColumns(
        ids=list(table.ids),
        positive=np.array([kind.truth == "box" for kind in table.kinds], dtype=np.bool_)[at],
        xyxy=np.nan_to_num(table.xyxy, nan=0.0),
        level=np.array([kind.level or 0 for kind in table.kinds], dtype=np.intp)[at],
        positive_ids=list(table.positive_ids),
        tuple_types=np.array([kind.tuple_type or "" for kind in table.kinds], dtype=np.str_)[at],
        column=np.array(columns, dtype=np.intp)[at],
        columns=tuple(found),
    )


def _place(found: dict[Column, int], negative: Negative | None) -> int:
    # A negative of unknown kind or type counts among all negatives and has no column.
    if negative is None or negative.kind is None or negative.type is None:
        return -1
    return found.setdefault((negative.kind, negative.type, negative.level or 0), len(found))


def ids_of(samples: Sequence[Sample]) -> list[str]:
    """The ids of some samples."""
    return columns_of(samples).ids if isinstance(samples, SampleTable) else [sample.id for sample in samples]


def sizes_of(samples: Sequence[Sample]) -> dict[str, tuple[int, int]]:
    """Width and height of each sample's image, by the sample's id."""
    if isinstance(samples, SampleTable):
        wide, high = samples.image_wh.T.tolist()
        return dict(zip(columns_of(samples).ids, zip(wide, high)))
    return {sample.id: (sample.width, sample.height) for sample in samples}


def unknown_truths(samples: Sequence[Sample]) -> int:
    """How many samples have an unknown truth."""
    if not isinstance(samples, SampleTable):
        return sum(sample.truth == "unknown" for sample in samples)
    unknown = np.array([kind.truth == "unknown" for kind in samples.kinds], dtype=np.bool_)
    return int(unknown[samples.kind].sum())
