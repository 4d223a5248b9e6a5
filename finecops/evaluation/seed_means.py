"""Several seeds of a method as one, beside others on the same samples: means over seeds with paired intervals.

Intervals are of the samples alone: seeds are not drawn. What seeds do is their standard deviation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from finecops.evaluation.crs_tables import CrsRow
from finecops.evaluation.reading import RunData
from finecops.evaluation.same_samples import match_samples
from finecops.metrics.answers import OUTCOMES, Floats, Ints
from finecops.metrics.arrays import REJECT, Evaluated, evaluate_arrays, missing_scores_reason
from finecops.metrics.intervals import clusters_of, mean_interval
from finecops.metrics.paired import PairedDifference, paired_difference, paired_group_difference
from finecops.metrics.recall import pair_outcomes
from finecops.metrics.scene import Scene
from finecops.metrics.values import Cluster
from finecops.records import NegativeKind, Prediction, Record, Route

Part: TypeAlias = Literal[1, 2] | None
"""A router level; None: all positives."""
_Values: TypeAlias = Callable[[Evaluated], Floats]


class SeedDifference(Record):
    """Second minus first, in points, each a mean over its seeds; or one side alone."""

    value: float
    ci_low: float
    """Of the paired 95% bootstrap interval over samples."""
    ci_high: float
    deviation: float | None
    """Over seeds (n − 1); None where neither side has several."""
    n: int
    """Samples, or pairs of recall."""


class SharedAnswers:
    """The answers of some runs on the samples that all of them have.

    Args:
        runs: their folders, at least one.
        iou: a box is right above it.
        cluster: what the bootstrap draws together.

    Raises:
        RunError: a folder is no run, or they are about different samples.
    """

    def __init__(self, runs: Sequence[Path], iou: float, cluster: Cluster) -> None:
        self._runs = {str(folder): RunData(folder) for folder in runs}
        first, *others = self._runs.values()
        shared = list(first.samples)
        for run in others:
            shared = match_samples(shared, run.samples, (f"{first.folder}/", f"{run.folder}/")).samples
        self.samples = [sample for sample in shared if sample.truth != "unknown"]
        self._iou, self._cluster = iou, cluster
        found = (run.first("routes", Route) for run in self._runs.values())
        self._routes = next((routes for routes in found if routes is not None), None)
        self._data: dict[tuple[str, str], Evaluated] = {}

    def precision(self, first: Sequence[CrsRow], second: Sequence[CrsRow], level: Part = None) -> SeedDifference | None:
        """The difference of precision@1, of all positives or of a router level; None if there is no such positive."""
        scene = Scene(self._of(second[0]), self._routes, self._iou)
        chosen = scene.data.positive & ((scene.router_level == level) if level is not None else True)
        rows = np.flatnonzero(chosen)
        return self._differ(first, second, rows, lambda data: self._right(data)[rows])

    def recall(self, first: Sequence[CrsRow], second: Sequence[CrsRow], kind: NegativeKind) -> SeedDifference | None:
        """The difference of recall@1, the mean over the columns of a kind of negatives; None without such pairs, or
        without scores to rank by.
        """
        if any(missing_scores_reason(self._of(row)) for row in (*first, *second)):
            return None
        data = self._of(second[0])
        columns = Scene(data, iou=self._iou).negative_columns
        members = [rows[data.pair_of[rows] >= 0] for subset, rows in columns.items() if subset.kind == kind]
        members = [rows for rows in members if len(rows)]
        if not members:
            return None
        rows = np.concatenate(members)
        groups = np.repeat(np.arange(len(members)), [len(some) for some in members])
        return self._differ(first, second, rows, lambda data: self._hits(data, rows), groups)

    def rejected(self, rows: Sequence[CrsRow]) -> SeedDifference | None:
        """The share of negatives that are rejected, with its own interval; None without negatives."""
        chosen = np.flatnonzero(~self._of(rows[0]).positive)
        each = [np.where(self._of(row).outcome[chosen] == REJECT, 100.0, 0.0) for row in rows]
        interval = mean_interval(np.mean(each, axis=0), self._clusters(chosen)) if len(chosen) else None
        if interval is None:
            return None
        return SeedDifference(
            value=float(np.mean(each)),
            ci_low=interval.low,
            ci_high=interval.high,
            deviation=_deviation([float(values.mean()) for values in each]),
            n=len(chosen),
        )

    def without_answer(self, row: CrsRow) -> int:
        """How many samples have no answer: failed, or missing. They count as wrong."""
        outcome = self._of(row).outcome
        return int(sum((outcome == OUTCOMES.index(name)).sum() for name in ("failed", "missing")))

    def _differ(
        self,
        first: Sequence[CrsRow],
        second: Sequence[CrsRow],
        rows: Ints,
        of: _Values,
        groups: Ints | None = None,
    ) -> SeedDifference | None:
        if not len(rows):
            return None
        a, b = ([of(self._of(row)) for row in side] for side in (first, second))
        clusters = self._clusters(rows)

        def differ(x: Floats, y: Floats) -> PairedDifference:
            if groups is None:
                return paired_difference(x, y, clusters)
            return paired_group_difference(x, y, groups, clusters)

        found = differ(np.mean(a, axis=0), np.mean(b, axis=0))
        # As many seeds on both sides were tuned on the same draws: they go together.
        pairs = list(zip(a, b)) if len(a) == len(b) else [(x, y) for x in a for y in b]
        several = len(a) == len(b) or 1 in (len(a), len(b))
        return SeedDifference(
            value=found.difference,
            ci_low=found.interval.low,
            ci_high=found.interval.high,
            deviation=_deviation([differ(x, y).difference for x, y in pairs]) if several else None,
            n=len(rows),
        )

    def _of(self, row: CrsRow) -> Evaluated:
        key = (row.run, row.stage)
        if key not in self._data:
            self._data[key] = evaluate_arrays(self.samples, self._runs[row.run].rows(row.stage, Prediction))
        return self._data[key]

    def _right(self, data: Evaluated) -> Floats:
        return np.where(data.answered_iou[:, 0] > self._iou, 100.0, 0.0)

    def _hits(self, data: Evaluated, rows: Ints) -> Floats:
        return 100 * pair_outcomes(data, rows, k=1, threshold=self._iou)[0]

    def _clusters(self, rows: Ints) -> Ints:
        clusters: Ints = np.unique(clusters_of(self.samples, self._cluster)[rows], return_inverse=True)[1]
        return clusters


def _deviation(values: Sequence[float]) -> float | None:
    return float(np.std(values, ddof=1)) if len(values) > 1 else None
