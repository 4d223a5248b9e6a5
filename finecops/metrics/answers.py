"""Answers of one model as columns: what a prediction file holds, whatever its format.

Rows may have any number of boxes, so the boxes of all rows are in one array. `start` has the
index of each row's first box.
"""

from __future__ import annotations

from array import array
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finecops.datasets.text_column import TextsBuilder, small
from finecops.errors import DataError
from finecops.metrics.flat import Names, Numbers
from finecops.records import Prediction

OUTCOMES = ("box", "reject", "unparsed", "failed", "missing")
_INDEX = {name: i for i, name in enumerate(OUTCOMES)}

LARGEST = 1e9
"""No image has as many pixels in a row. The area of larger boxes would be infinite."""

_BLOCK = 1 << 20
"""Rows whose boxes are looked at together."""

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


@dataclass(frozen=True)
class Answers:
    """n answers with m boxes together, in the order of the file.

    Attributes:
        ids: sample ids, `[n]`, each once.
        outcome: `[n]` index into `OUTCOMES`.
        start: `[n + 1]`; row i has the boxes `start[i]:start[i + 1]`.
        boxes: `[m, 4]` xyxy pixels, in rank order or, if not `ranked`, in the file's order.
        scores: `[m]`, NaN where the row has boxes without scores.
        presence: `[n]` how present the target is according to the model, NaN where nothing but the boxes says so.
        source: `[n]` which model answered; scores of different sources are not on one scale.
        ranked: whether boxes are in rank order; if not, they are ranked by score.
        problems: what was wrong in the file, a sentence each with file and line.
    """

    ids: Sequence[str]
    outcome: Ints
    start: Ints
    boxes: Floats
    scores: Floats
    presence: Floats
    source: Sequence[str]
    ranked: bool = True
    problems: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    def with_scores(self, scores: Floats, presence: Floats) -> Answers:
        """The same answers with other scores `[m]` and presence `[n]`."""
        return replace(self, scores=scores, presence=presence)

    def only(self, ids: Container[str]) -> Answers:
        """The answers to some samples, in their order."""
        kept = np.array([id_ in ids for id_ in self.ids], dtype=np.bool_)
        if kept.all():
            return self
        # Boxes lie in one array; each row has as many as its neighbouring starts are apart.
        counts = np.diff(self.start)
        boxes = np.repeat(kept, counts)
        return replace(
            self,
            ids=tuple(id_ for id_, keep in zip(self.ids, kept) if keep),
            outcome=self.outcome[kept],
            start=np.concatenate([[0], np.cumsum(counts[kept])]).astype(np.intp),
            boxes=self.boxes[boxes],
            scores=self.scores[boxes],
            presence=self.presence[kept],
            source=tuple(name for name, keep in zip(self.source, kept) if keep),
        )


@dataclass
class AnswersBuilder:
    """Collects answers row by row and checks them together.

    `file` is named in problems. A row with a score that is not a number, a coordinate that is not finite, or a
    corner past the other is counted as unparsed: it is wrong on a positive and never helps on a negative.
    """

    file: str
    ranked: bool = True
    unit: str = "line"
    problems: list[str] = field(default_factory=list)
    _ids: TextsBuilder = field(default_factory=TextsBuilder)
    _outcome: array[int] = field(default_factory=lambda: array("q"))
    _counts: array[int] = field(default_factory=lambda: array("q"))
    _boxes: Numbers = field(default_factory=Numbers)
    _scores: Numbers = field(default_factory=Numbers)
    _presence: array[float] = field(default_factory=lambda: array("d"))
    _sources: dict[str, int] = field(default_factory=dict)
    _source: array[int] = field(default_factory=lambda: array("I"))
    _lines: array[int] = field(default_factory=lambda: array("q"))
    _given: bytearray = field(default_factory=bytearray)

    def add(
        self,
        id_: str,
        status: str,
        boxes: Any = (),
        scores: Any = None,
        presence: float | None = None,
        source: str = "",
        line: int = 0,
    ) -> None:
        """Add a row: `boxes [b, 4]` and `scores [b]`, or None if there are none. `line` counts from 1.

        Raises:
            DataError: there is another number of scores than of boxes. All rows' scores lie in one array, so they
                would become the next row's.
        """
        if scores is not None and len(scores) != len(boxes):
            raise DataError(f"{self.file}: {self.unit} {line}: {len(scores)} scores for {len(boxes)} boxes")
        if status == "box" and not len(boxes):
            status = "unparsed"
            self.problem(line, f"no box at all; counted as unparsed (id {id_})")
        self._ids.add(id_)
        self._outcome.append(_INDEX[status])
        self._counts.append(len(boxes))
        self._lines.append(line)
        self._presence.append(np.nan if presence is None else presence)
        self._source.append(self._sources.setdefault(source, len(self._sources)))
        if len(boxes):
            self._boxes.add(boxes)
            self._scores.add(np.full(len(boxes), np.nan) if scores is None else scores)
            self._given.append(scores is not None)

    def add_single(
        self, ids: Sequence[str], boxes: Floats, scores: Floats | None, source: str, lines: Sequence[int]
    ) -> None:
        """Add rows of one box each: `boxes [n, 4]` and `scores [n]`, or None if there are none."""
        n = len(ids)
        self._ids.extend(ids)
        self._outcome.extend(repeat(_INDEX["box"], n))
        self._counts.extend(repeat(1, n))
        self._lines.extend(lines)
        self._presence.extend(repeat(np.nan, n))
        self._source.extend(repeat(self._sources.setdefault(source, len(self._sources)), n))
        self._boxes.add(boxes)
        self._scores.add(np.full(n, np.nan) if scores is None else scores)
        self._given.extend(repeat(scores is not None, n))

    def problem(self, line: int, message: str) -> None:
        """Note something wrong."""
        self.problems.append(f"{self.file}: {self.unit} {line}: {message}")

    def build(self) -> Answers:
        """All rows as columns. Nothing can be added afterwards."""
        outcome = np.array(self._outcome, dtype=np.intp)
        start = np.concatenate([[0], np.cumsum(self._counts, dtype=np.intp)])
        boxes, scores = self._boxes.build().reshape(-1, 4), self._scores.build()
        given = np.zeros(len(outcome), dtype=np.bool_)
        given[np.diff(start) > 0] = np.frombuffer(self._given, dtype=np.bool_)
        for message, rows in _faults(boxes, scores, start, given):
            for row in rows:
                if outcome[row] <= _INDEX["reject"]:
                    outcome[row] = _INDEX["unparsed"]
                    self.problem(self._lines[row], f"{message}; counted as unparsed (id {self._ids[row]})")
        return Answers(
            ids=self._ids.build(),
            outcome=outcome,
            start=start,
            boxes=boxes,
            scores=scores,
            presence=np.array(self._presence, dtype=np.float64),
            source=Names(tuple(self._sources), small(self._source)),
            ranked=self.ranked,
            problems=tuple(self.problems),
        )


def _faults(boxes: Floats, scores: Floats, start: Ints, given: NDArray[np.bool_]) -> Iterator[tuple[str, list[int]]]:
    """What is wrong with boxes, one fault after the other, and in which rows."""
    messages = (
        "a score is not a number, or not a finite one",
        "a coordinate is not a finite number of pixels",
        "a box has x2 < x1 or y2 < y1; xyxy corners are meant",
    )
    rows: list[list[int]] = [[], [], []]
    # Some rows at a time: the arrays of all would take as much memory as the boxes.
    for first in range(0, len(given), _BLOCK):
        last = min(first + _BLOCK, len(given))
        part = slice(int(start[first]), int(start[last]))
        # The row that each box belongs to.
        row_of = np.repeat(np.arange(first, last), np.diff(start[first : last + 1]))
        faults = (
            ~np.isfinite(scores[part]) & given[row_of],
            ~(np.abs(boxes[part]) < LARGEST).all(axis=1),
            (boxes[part, 2:] < boxes[part, :2]).any(axis=1),
        )
        for found, fault in zip(rows, faults):
            found += np.unique(row_of[fault]).tolist()
    yield from zip(messages, rows)


def answers_of_predictions(predictions: Iterable[Prediction], file: str = "predictions") -> Answers:
    """Prediction rows as columns; their boxes are in rank order."""
    builder = AnswersBuilder(file)
    for line, row in enumerate(predictions, start=1):
        builder.add(
            row.sample_id,
            status=row.status,
            boxes=row.boxes,
            scores=row.scores,
            presence=row.presence,
            source=row.source,
            line=line,
        )
    return builder.build()


def ranked_boxes(answers: Answers, k: int, rows: slice = slice(None)) -> tuple[Ints, Ints, Ints]:
    """The k best boxes of each row: where each is in `answers.boxes`, its row, and its rank from 0 on, `[m']` each.

    Boxes are ranked by score, ties in the file's order, unless they are `ranked` or have no scores.

    Args:
        answers: the rows.
        k: so many boxes of each.
        rows: of some rows in a row alone.
    """
    first, last, _ = rows.indices(len(answers))
    start = answers.start[first : last + 1]
    counts = np.diff(start)
    row_of = np.repeat(np.arange(first, last), counts)
    rank = np.arange(start[0], start[-1]) - np.repeat(start[:-1], counts)
    order = np.arange(start[0], start[-1])
    if not answers.ranked:
        scores = np.nan_to_num(answers.scores[start[0] : start[-1]], nan=0.0)
        # Files are sorted as a rule. Stable within a row, so that ties stay in the order of the file.
        if ((scores[1:] > scores[:-1]) & (rank[1:] > 0)).any():
            order = start[0] + np.lexsort((-scores, row_of))
    best = rank < k
    return order[best], row_of[best], rank[best]
