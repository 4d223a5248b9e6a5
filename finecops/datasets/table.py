"""Samples held compactly: columns of numbers and texts; a `Sample` is made when it is asked for.

A million `Sample` objects take 2.5 GB. The same samples take less than a tenth of it here: what many samples have in
common (dataset, split, truth, level, types) is stored once, and the texts of a column are one block of bytes.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from finecops.datasets.text_column import Texts, TextsBuilder, small
from finecops.records import Negative, NegativeKind, Sample, Truth

_CHUNK = 1024
"""How many rows are turned into Python's numbers at once: singly, each number costs as much as a sample."""


class Kind(NamedTuple):
    """What many samples have in common."""

    dataset: str
    split: str
    truth: Truth
    level: int | None
    tuple_type: str | None
    negative: bool
    """Whether the sample has a `negative`; the next four are about it."""
    negative_kind: NegativeKind | None
    negative_type: str | None
    negative_level: int | None
    paired: bool
    """Whether the id of its positive is known."""


class SampleTable(Sequence[Sample]):
    """Samples in columns, `[n]` each; it is what a list of the samples is, and cannot be changed.

    Attributes:
        ids, images, expressions: the texts of the samples.
        positive_ids: the positive of each negative; empty where there is none.
        image_wh: `[n, 2]` int, pixels.
        xyxy: `[n, 4]` float64, pixels; NaN where the truth is not a box.
        kinds: each combination that occurs, in the order in which they first do.
        kind: `[n]` index into `kinds`.
    """

    def __init__(
        self,
        texts: tuple[Texts, Texts, Texts, Texts],
        image_wh: NDArray[np.integer],
        xyxy: NDArray[np.float64],
        kinds: tuple[Kind, ...],
        kind: NDArray[np.unsignedinteger],
    ) -> None:
        self.ids, self.images, self.expressions, self.positive_ids = texts
        self.image_wh = image_wh
        self.xyxy = xyxy
        self.kinds = kinds
        self.kind = kind
        self.derived: dict[str, object] = {}
        """What others made of it and keep as long as it lives."""

    @classmethod
    def of(cls, samples: Iterable[Sample]) -> SampleTable:
        """A table of some samples; a table as it is."""
        if isinstance(samples, SampleTable):
            return samples
        builder = TableBuilder()
        for sample in samples:
            builder.add(sample)
        return builder.build()

    @classmethod
    def of_columns(
        cls,
        texts: tuple[Texts, Texts, Texts, Texts],
        image_wh: NDArray[np.integer],
        xyxy: NDArray[np.float64],
        kinds: Sequence[Kind | None],
        kind: NDArray[np.int64],
    ) -> SampleTable:
        """A table of columns; of `kinds` those that no row has go."""
        # Kinds are numbered by their first row: equal samples give equal columns, whatever was left out before.
        used, first, kind = np.unique(kind, return_index=True, return_inverse=True)
        order = np.argsort(first)
        there = tuple(one for i in used[order].tolist() if (one := kinds[i]) is not None)
        return cls(texts, small(image_wh.ravel()).reshape(-1, 2), xyxy, there, small(np.argsort(order)[kind]))

    def take(self, rows: NDArray[np.intp]) -> SampleTable:
        """Some of its rows, in that order."""
        texts = [texts.take(rows) for texts in (self.ids, self.images, self.expressions, self.positive_ids)]
        some = (texts[0], texts[1], texts[2], texts[3])
        kind = self.kind[rows].astype(np.int64)
        return SampleTable.of_columns(some, self.image_wh[rows], self.xyxy[rows], self.kinds, kind)

    @property
    def nbytes(self) -> int:
        """Bytes of memory, but for the few kinds."""
        texts = sum(t.nbytes for t in (self.ids, self.images, self.expressions, self.positive_ids))
        return texts + self.image_wh.nbytes + self.xyxy.nbytes + self.kind.nbytes

    def __len__(self) -> int:
        return len(self.kind)

    @overload
    def __getitem__(self, index: int) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> list[Sample]: ...
    def __getitem__(self, index: int | slice) -> Sample | list[Sample]:
        # A run of rows is read at once; one with steps is rare, and row by row.
        if isinstance(index, slice):
            rows = range(*index.indices(len(self)))
            return list(self._rows(rows.start, rows.stop)) if rows.step == 1 else [self[i] for i in rows]
        i = range(len(self))[index]
        return next(self._rows(i, i + 1))

    def __iter__(self) -> Iterator[Sample]:
        for start in range(0, len(self), _CHUNK):
            yield from self._rows(start, min(start + _CHUNK, len(self)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SampleTable):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{len(self)} samples>"

    def _rows(self, start: int, stop: int) -> Iterator[Sample]:
        columns = zip(
            self.kind[start:stop].tolist(),
            self.image_wh[start:stop].tolist(),
            self.xyxy[start:stop].tolist(),
            self.ids.part(start, stop),
            self.images.part(start, stop),
            self.expressions.part(start, stop),
            self.positive_ids.part(start, stop),
        )
        for kind, image_wh, xyxy, *texts in columns:
            yield _sample(self.kinds[kind], texts=texts, image_wh=image_wh, xyxy=xyxy)


def _sample(kind: Kind, texts: Sequence[str], image_wh: Sequence[int], xyxy: Sequence[float]) -> Sample:
    """One row as a sample."""
    id_, image, expression, positive_id = texts
    negative = None
    if kind.negative:
        negative = Negative(
            kind=kind.negative_kind,
            type=kind.negative_type,
            level=kind.negative_level,
            positive_id=positive_id if kind.paired else None,
        )
    left, top, right, bottom = xyxy
    return Sample(
        id=id_,
        dataset=kind.dataset,
        split=kind.split,
        image=image,
        width=image_wh[0],
        height=image_wh[1],
        expression=expression,
        truth=kind.truth,
        box=(left, top, right, bottom) if kind.truth == "box" else None,
        level=kind.level,
        tuple_type=kind.tuple_type,
        negative=negative,
    )


def kind_of(sample: Sample) -> Kind:
    """What a sample has in common with others."""
    return Kind._make(_common(sample))


def _common(sample: Sample) -> tuple[object, ...]:
    # A tuple, since making a `Kind` takes as long as all the rest.
    n = sample.negative
    return (
        *(sample.dataset, sample.split, sample.truth, sample.level, sample.tuple_type),
        *((False, None, None, None) if n is None else (True, n.kind, n.type, n.level)),
        n is not None and n.positive_id is not None,
    )


class TableBuilder:
    """A table that grows by one sample at a time."""

    def __init__(self) -> None:
        self._texts = [TextsBuilder() for _ in range(4)]
        self._image_wh = array("q")
        self._xyxy = array("d")
        self._kinds: dict[tuple[object, ...], int] = {}
        self._kind_at: list[Kind] = []
        self._kind = array("Q")

    def __len__(self) -> int:
        return len(self._kind)

    def __getitem__(self, row: int) -> Sample:
        return _sample(
            self._kind_at[self._kind[row]],
            texts=[builder[row] for builder in self._texts],
            image_wh=self._image_wh[2 * row : 2 * row + 2],
            xyxy=self._xyxy[4 * row : 4 * row + 4],
        )

    def add(self, sample: Sample) -> None:
        """Append a sample."""
        n = sample.negative
        positive_id = None if n is None else n.positive_id
        ids, images, expressions, positive_ids = self._texts
        ids.add(sample.id)
        images.add(sample.image)
        expressions.add(sample.expression)
        positive_ids.add(positive_id or "")
        self._image_wh.extend((sample.width, sample.height))
        self._xyxy.extend(sample.box or _NO_BOX)
        what = _common(sample)
        index = self._kinds.setdefault(what, len(self._kind_at))
        if index == len(self._kind_at):
            self._kind_at.append(Kind._make(what))
        self._kind.append(index)

    def build(self) -> SampleTable:
        """The table of what was added so far."""
        ids, images, expressions, positive_ids = (builder.build() for builder in self._texts)
        return SampleTable(
            texts=(ids, images, expressions, positive_ids),
            image_wh=small(self._image_wh).reshape(-1, 2),
            xyxy=np.array(self._xyxy, dtype=np.float64).reshape(-1, 4),
            kinds=tuple(self._kind_at),
            kind=small(self._kind),
        )


_NO_BOX = (float("nan"),) * 4
