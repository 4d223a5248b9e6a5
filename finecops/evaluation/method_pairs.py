"""Two methods of any kind compared on the samples that both were asked about.

Measures with paired intervals, the four cells (both right, one alone, neither), and the strata in which they differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from finecops.errors import RunError
from finecops.evaluation.cases import MethodAnswers
from finecops.evaluation.pair_results import Cell, FourCells, Measure, MethodPair, Stratum
from finecops.evaluation.same_samples import SharedSamples, match_samples
from finecops.evaluation.sources import Source
from finecops.metrics.answers import Floats, Ints
from finecops.metrics.arrays import REJECT, Bools, evaluate_arrays, missing_scores_reason
from finecops.metrics.intervals import clusters_of
from finecops.metrics.paired import (
    PairedDifference,
    holm,
    paired_auroc_difference,
    paired_difference,
    paired_group_difference,
    randomization_p,
    share_intervals,
)
from finecops.metrics.recall import pair_outcomes
from finecops.metrics.scene import Scene
from finecops.metrics.values import EVERYTHING, MEAN_OF_COLUMNS, Cluster, Subset
from finecops.records import NegativeKind, Route, Sample

SMALLEST_STRATUM = 20
"""Parts of the samples with fewer samples are not looked at: their differences are large by chance."""


@dataclass(frozen=True)
class Side:
    """A method and where it comes from."""

    source: Source
    method: MethodAnswers

    @property
    def title(self) -> str:
        """As a user types it."""
        return self.source.title(self.method)

    @property
    def routes(self) -> Mapping[str, Route] | None:
        """The router's rows of its run."""
        return self.source.run.first("routes", Route) if self.source.run is not None else None


def compare_pair(first: Side, second: Side, iou: float, cluster: Cluster) -> MethodPair:
    """Compare two methods.

    A sample that one of them has not answered counts as wrong, as in `eval` and `score`; one that neither has answered,
    or that a method was not asked about (its share is smaller), is left out.

    Raises:
        RunError: they have no samples in common, or none of them has an answer.
    """
    matched = match_samples(first.source.samples, second.source.samples, (first.title, second.title))
    samples, about = _asked(matched.samples, matched.about, (first.method, second.method))
    if not samples:
        why = " ".join(about.sentences())
        raise RunError(f"{first.title} and {second.title} have no answered sample in common. {why}".rstrip())
    pair = _Pair(samples, (first, second), iou, cluster)
    measures = [*pair.precision(), *pair.recall(), *pair.rejection(), *pair.auroc()]
    strata, small = pair.strata()
    return MethodPair(
        first=first.title,
        second=second.title,
        first_label=first.method.label,
        second_label=second.method.label,
        samples=about,
        measures=tuple(measures),
        absent=pair.absent,
        cells=tuple(pair.cells()),
        strata=tuple(strata),
        small_strata=small,
    )


def _asked(
    samples: list[Sample], about: SharedSamples, methods: tuple[MethodAnswers, MethodAnswers]
) -> tuple[list[Sample], SharedSamples]:
    """The samples of known truth that both methods were asked about."""
    not_asked = []
    for method in methods:
        share = method.share
        kept = samples if share is None else [sample for sample in samples if sample.id in share]
        not_asked.append(len(samples) - len(kept))
        samples = kept
    known = [sample for sample in samples if sample.truth != "unknown"]
    # A sample that neither has answered says nothing of their difference: two files of a part of the annotations.
    answered = [sample for sample in known if any(sample.id in method.rows for method in methods)]
    missing = [sum(sample.id not in method.rows for sample in answered) for method in methods]
    found = {
        "compared": len(answered),
        "unknown": len(samples) - len(known),
        "missing_both": len(known) - len(answered),
        "not_asked_first": not_asked[0],
        "not_asked_second": not_asked[1],
        "missing_first": missing[0],
        "missing_second": missing[1],
    }
    return answered, about.model_copy(update=found)


class _Pair:
    """The answers of both methods as arrays over the same samples."""

    def __init__(self, samples: list[Sample], sides: tuple[Side, Side], iou: float, cluster: Cluster) -> None:
        # The first side's router splits the samples, or else the second's.
        routes = sides[0].routes if sides[0].routes is not None else sides[1].routes
        self._scenes = [Scene(evaluate_arrays(samples, side.method.answers), routes, iou) for side in sides]
        self._first, self._second = self._scenes
        self._samples, self._cluster, self._iou = samples, cluster, iou
        reasons = [missing_scores_reason(scene.data) for scene in self._scenes]
        said = [f"{side.title}: {reason}" for side, reason in zip(sides, reasons) if reason is not None]
        self._no_scores = "; ".join(said) if samples else ""
        self.absent = dict.fromkeys(("recall@1", "auroc"), self._no_scores) if self._no_scores else {}

    @cached_property
    def _clusters(self) -> Ints:
        return clusters_of(self._samples, self._cluster)

    @cached_property
    def _right(self) -> list[Bools]:
        """Of each method `[n]`: a right box on a positive, a rejection on a negative."""
        return [
            np.where(
                scene.data.positive, scene.data.answered_iou[:, 0] > self._iou, scene.data.outcome == REJECT
            ).astype(np.bool_)
            for scene in self._scenes
        ]

    @cached_property
    def _rejects(self) -> bool:
        """Whether a method has rejected anything. Else no negative can be right, and a table would say nothing."""
        return any(bool((scene.data.outcome == REJECT).any()) for scene in self._scenes)

    def _values(self, rows: Ints) -> tuple[Floats, Floats, Ints]:
        """Right answers of both methods in points, and clusters numbered from 0 on."""
        # A part's clusters are numbered anew: the bootstrap draws among those that have a sample in it.
        a, b = (np.where(right[rows], 100.0, 0.0) for right in self._right)
        return a, b, np.unique(self._clusters[rows], return_inverse=True)[1]

    def _pairs(self, negatives: Ints) -> tuple[Floats, Floats, Ints]:
        """Hits of recall@1 of both methods in points, of the negatives that have their positive, and clusters."""
        negatives = self._paired(negatives)
        a, b = (100 * pair_outcomes(scene.data, negatives, k=1, threshold=self._iou)[0] for scene in self._scenes)
        return a, b, np.unique(self._clusters[negatives], return_inverse=True)[1]

    def _paired(self, negatives: Ints) -> Ints:
        return negatives[self._first.data.pair_of[negatives] >= 0]

    def precision(self) -> Iterator[Measure]:
        """Precision@1 of all positives, and by level."""
        for subset, chosen in self._first.positive_subsets.items():
            if chosen.any() and (subset == EVERYTHING or subset.level is not None):
                values = self._values(np.flatnonzero(chosen))
                yield _measure("precision@1", subset, int(chosen.sum()), paired_difference(*values))

    def recall(self) -> Iterator[Measure]:
        """Recall@1, the mean over the columns of each kind of negatives."""
        kinds = dict.fromkeys(subset.kind for subset in self._first.negative_columns)
        for kind in kinds if not self._no_scores else ():
            members = [
                self._paired(rows) for subset, rows in self._first.negative_columns.items() if subset.kind == kind
            ]
            members = [rows for rows in members if len(rows)]
            if members:
                yield self._mean_of_columns(kind, members)

    def _mean_of_columns(self, kind: NegativeKind | None, members: list[Ints]) -> Measure:
        a, b, clusters = self._pairs(np.concatenate(members))
        # A negative's group is its column; a column counts once, however many negatives it has.
        groups = np.repeat(np.arange(len(members)), [len(rows) for rows in members])
        found = paired_group_difference(a, b, groups, clusters)
        return _measure("recall@1", Subset(kind=kind, type=MEAN_OF_COLUMNS), len(groups), found)

    def rejection(self) -> Iterator[Measure]:
        """Negatives that are rejected, where a method rejects."""
        rows = np.flatnonzero(~self._first.data.positive)
        if len(rows) and self._rejects:
            yield _measure("negative_accuracy", EVERYTHING, len(rows), paired_difference(*self._values(rows)))

    def auroc(self) -> Iterator[Measure]:
        """All positives against all negatives."""
        positive = self._first.data.positive
        if self._no_scores or positive.all() or not positive.any():
            return
        sides = [scene.presence for scene in self._scenes]
        found = paired_auroc_difference(sides[0], sides[1], positive, self._clusters)
        if found is not None:
            yield _measure("auroc", EVERYTHING, int((~positive).sum()), found)

    def cells(self) -> Iterator[FourCells]:
        """Of positives, and of negatives where a method rejects."""
        positive = self._first.data.positive
        parts: list[tuple[Literal["positive", "negative"], Bools]] = [("positive", positive)]
        parts += [("negative", ~positive)] if self._rejects else []
        for of, chosen in parts:
            rows = np.flatnonzero(chosen)
            if not len(rows):
                continue
            a, b = (right[rows] for right in self._right)
            # Each sample is in one cell, so the four counts sum to n.
            members = np.stack([a & b, a & ~b, ~a & b, ~a & ~b], axis=1)
            intervals = share_intervals(members, np.unique(self._clusters[rows], return_inverse=True)[1])
            cells = [
                Cell(count=int(column.sum()), percent=100 * float(column.mean()), ci_low=i.low, ci_high=i.high)
                for column, i in zip(members.T, intervals)
            ]
            yield FourCells(
                of=of, n=len(rows), both=cells[0], first_only=cells[1], second_only=cells[2], neither=cells[3]
            )

    def strata(self) -> tuple[list[Stratum], int]:
        """The parts of the samples, with the p values adjusted for their number; and how many are too small."""
        found: list[dict[str, object]] = []
        p_values: list[float] = []
        small = 0
        for metric, subset, (a, b, clusters) in self._parts():
            if len(a) < SMALLEST_STRATUM:
                small += 1
                continue
            p_value = randomization_p(b - a, clusters)
            difference = paired_difference(a, b, clusters)
            found.append(_fields(metric, subset, len(a), difference) | {"p_randomization": p_value})
            p_values.append(p_value)
        each = zip(found, holm(p_values))
        return [Stratum.model_validate(fields | {"p_adjusted": adjusted}) for fields, adjusted in each], small

    def _parts(self) -> Iterator[tuple[str, Subset, tuple[Floats, Floats, Ints]]]:
        """Every part with its values; one part alone would say what the measures say."""
        subsets = {subset: rows for subset, rows in self._first.positive_subsets.items() if rows.any()}
        for name in ("level", "router_level", "tuple_type"):
            of = [subset for subset in subsets if getattr(subset, name) is not None]
            for subset in of if len(of) > 1 else ():
                yield "precision@1", subset, self._values(np.flatnonzero(subsets[subset]))
        columns = self._first.negative_columns
        if len(columns) < 2:
            return
        for subset, rows in columns.items():
            if not self._no_scores and len(self._paired(rows)):
                yield "recall@1", subset, self._pairs(rows)
        for subset, rows in columns.items() if self._rejects else ():
            yield "negative_accuracy", subset, self._values(rows)


def _measure(metric: str, subset: Subset, n: int, found: PairedDifference) -> Measure:
    return Measure.model_validate(_fields(metric, subset, n, found) | {"p_value": found.p_value})


def _fields(metric: str, subset: Subset, n: int, found: PairedDifference) -> dict[str, object]:
    return {
        **dict(subset),
        "metric": metric,
        "n": n,
        "first": found.first,
        "second": found.second,
        "difference": found.difference,
        "ci_low": found.interval.low,
        "ci_high": found.interval.high,
    }
