"""Precision@1 compared sample by sample: two runs, or in one run the strategies with each pathway alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from finecops.errors import RunError, UsageError
from finecops.evaluation.reading import RunData
from finecops.evaluation.settings import CompareSettings, named_or_newest
from finecops.evaluation.summaries import right_answers
from finecops.metrics.answers import Floats
from finecops.metrics.intervals import clusters_of, paired_difference
from finecops.records import Prediction, Record, Sample

Answered = Mapping[str, Prediction]


class Difference(Record):
    """Second minus first on the positives that both answered; rates in per cent."""

    method: str
    level: int | None
    """Ground-truth level; None: all."""
    n: int
    first: float
    second: float
    difference: float
    ci_low: float
    """Of the difference's 95% bootstrap interval."""
    ci_high: float
    p_value: float
    """Two-sided: twice the smaller share of replicates on either side of zero."""


class Comparison(Record):
    """All differences of one comparison."""

    version: Literal[1] = 1
    title: str
    """What `first` and `second` are."""
    iou: float
    """A box is right above it."""
    rows: tuple[Difference, ...]


def compare(settings: CompareSettings) -> Comparison:
    """Compare two runs, or the methods of one.

    Raises:
        UsageError: there are more than two runs.
        RunError: nothing can be compared.
    """
    runs = named_or_newest(settings.runs)
    if len(runs) == 1:
        title, rows = f"{runs[0]}", _of_methods(runs[0], settings)
    elif len(runs) == 2:
        first, second = runs
        title, rows = f"first is {first}, second is {second}", _of_runs(first, second, settings)
    else:
        raise UsageError(f"a comparison takes one run or two, not {len(runs)}")
    return Comparison(title=title, iou=settings.iou, rows=tuple(rows))


def _of_runs(first: Path, second: Path, settings: CompareSettings) -> list[Difference]:
    """Each method that both runs have, the second run minus the first."""
    runs = [RunData(folder) for folder in (first, second)]
    sides = [{s.id: s for s in run.samples} for run in runs]
    # A sample that differs in anything, its truth or its expression, is another sample.
    shared = [s for s in sides[0].values() if s.positive and sides[1].get(s.id) == s]
    # Stages have the same names in both runs if they were made by the same command.
    names = [name for name in runs[0].answering() if name in runs[1].answering()]
    rows = []
    for name in names:
        a, b = (run.rows(name, Prediction) for run in runs)
        rows += list(_differences(name, samples=shared, pair=(a, b), settings=settings))
    if not rows:
        raise RunError(f"{first}/ and {second}/ share no method with answers on the same positive samples")
    return rows


def _of_methods(folder: Path, settings: CompareSettings) -> list[Difference]:
    """Each strategy of a run minus each pathway alone."""
    run = RunData(folder)
    samples = [s for s in run.samples if s.positive]
    together = run.answering("sfa", "crs")
    if not together:
        raise RunError(
            f"{folder}/ has no answers of SFA or CRS to compare: repeat the command that started it, with --both"
        )
    rows = []
    for name in together:
        who = run.stages[name].answering
        routed = who is not None and who.method == "sfa"
        # CRS may have several variants, which only the stage's name tells apart.
        label = "SFA" if routed else name
        for alone in run.answering("specialist", "mllm"):
            pair = (run.rows(alone, Prediction), run.rows(name, Prediction))
            if routed and _is_its_share(*pair):
                continue
            rows += list(_differences(f"{label} − {alone}", samples=samples, pair=pair, settings=settings))
    if not rows:
        raise RunError(f"{folder}/ has no pathway to compare with; --both answers every sample on each")
    return rows


def _is_its_share(alone: Answered, together: Answered) -> bool:
    """Whether a pathway answered its own share only: there SFA is the pathway, and a difference says nothing."""
    shared = [(row, together[id_]) for id_, row in alone.items() if id_ in together]
    return len(alone) < len(together) and all(row.boxes == other.boxes for row, other in shared)


def _differences(
    label: str, samples: Sequence[Sample], pair: tuple[Answered, Answered], settings: CompareSettings
) -> Iterator[Difference]:
    """In all and by level, on the samples that both answered; none if there is no such sample."""
    there = [s for s in samples if all(s.id in answered for answered in pair)]
    if not there:
        return
    # In per cent per sample, so that means and differences are in points.
    hits: list[Floats] = [np.where(right_answers(there, answered, settings.iou), 100.0, 0.0) for answered in pair]
    levels = np.array([s.level or 0 for s in there])
    for level in (None, *sorted(set(levels.tolist()) - {0})):
        chosen = np.flatnonzero(levels == level) if level else np.arange(len(there))
        a, b = (side[chosen] for side in hits)
        found = paired_difference(a, b, clusters_of([there[i] for i in chosen], settings.cluster))
        yield Difference(
            method=label,
            level=level,
            n=len(chosen),
            first=float(a.mean()),
            second=float(b.mean()),
            difference=found.difference,
            ci_low=found.interval.low,
            ci_high=found.interval.high,
            p_value=found.p_value,
        )
