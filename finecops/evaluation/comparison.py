"""Runs and methods compared sample by sample.

Two whole runs method by method, or in one run the strategies with each pathway alone: precision@1. Named methods and
prediction files, of any kind, each with the first: all measures (`finecops.evaluation.method_pairs`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from finecops.errors import RunError, UsageError
from finecops.evaluation.method_pairs import Side, compare_pair
from finecops.evaluation.pair_results import MethodPair
from finecops.evaluation.reading import RunData
from finecops.evaluation.same_samples import SharedSamples, match_samples
from finecops.evaluation.settings import CompareSettings
from finecops.evaluation.sources import Source, resolve, resolve_all, whole_runs
from finecops.evaluation.summaries import right_answers
from finecops.metrics.answers import Floats
from finecops.metrics.intervals import clusters_of
from finecops.metrics.paired import paired_difference
from finecops.records import Prediction, Record, Sample
from finecops.runs.folder import newest_run

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
    samples: SharedSamples | None = None
    """Of two whole runs: which samples they have in common, whatever each method was asked."""
    pairs: tuple[MethodPair, ...] = ()
    """Of named methods: each compared with the first, with all measures. `rows` has their precision@1."""


def compare(settings: CompareSettings) -> Comparison:
    """Compare runs, or methods of any kind.

    Raises:
        UsageError: the first does not name one method, or there is nothing to compare it with.
        RunError: nothing can be compared.
    """
    texts = settings.runs or [str(newest_run())]
    folders = whole_runs(texts, settings)
    if folders is not None and len(folders) == 1:
        rows = _of_methods(folders[0], settings)
        return Comparison(title=f"{folders[0]}", iou=settings.iou, rows=tuple(rows))
    if folders is not None and len(folders) == 2:
        return _of_runs(folders[0], folders[1], settings)
    pairs = []
    for first, second in method_pairs(texts, resolve_all(texts, settings)):
        pairs.append(compare_pair(first, second, settings.iou, settings.cluster))
    return Comparison(title=_title(pairs), iou=settings.iou, rows=tuple(_rows(pairs)), pairs=tuple(pairs))


def method_pairs(texts: Sequence[str], sources: Sequence[Source]) -> list[tuple[Side, Side]]:
    """What is compared with what: each method with the first one, or each of whole runs with its namesake there.

    Raises:
        UsageError: the first names several methods, or it is the only one.
        RunError: no two runs have a method of the same name.
    """
    if not any(source.named or source.run is None for source in sources):
        return _namesakes(sources)
    sides = [Side(source, method) for source in sources for method in source.methods]
    if len(sources) == 1 and sources[0].run is not None:
        # One method alone: the others of its run are what it can be compared with.
        whole = resolve(str(sources[0].place))
        sides += [Side(whole, method) for method in whole.methods if method.key != sides[0].method.key]
    elif len(sources[0].methods) > 1:
        there = ", ".join(f"{texts[0]}:{method.key}" for method in sources[0].methods)
        raise UsageError(f"the others are compared with the first, so it must be one method; there are: {there}")
    others = [side for side in sides[1:] if side.title != sides[0].title]
    if not others:
        raise UsageError(f"there is nothing to compare {sides[0].title} with; name another method, run or file")
    return [(sides[0], side) for side in others]


def _namesakes(sources: Sequence[Source]) -> list[tuple[Side, Side]]:
    first, *others = sources
    found = [
        (Side(first, ours), Side(source, theirs))
        for ours in first.methods
        for source in others
        for theirs in source.methods
        if ours.key == theirs.key
    ]
    if not found:
        raise RunError(f"{first.place}/ has no method of the same name as one of the other runs; name one of each")
    return found


def _title(pairs: Sequence[MethodPair]) -> str:
    firsts = list(dict.fromkeys(pair.first for pair in pairs))
    seconds = list(dict.fromkeys(pair.second for pair in pairs))
    return f"first is {', '.join(firsts)}, second is {', '.join(seconds)}"


def _rows(pairs: Sequence[MethodPair]) -> Iterator[Difference]:
    """Precision@1 of each pair, as of whole runs."""
    for pair in pairs:
        for value in pair.measures:
            if value.metric == "precision@1":
                fields = value.model_dump(include=set(Difference.model_fields))
                yield Difference(method=f"{pair.second} − {pair.first}", **fields)


def _of_runs(first: Path, second: Path, settings: CompareSettings) -> Comparison:
    """Each method that both runs have, the second run minus the first."""
    runs = [RunData(folder) for folder in (first, second)]
    matched = match_samples(runs[0].samples, runs[1].samples, (f"{first}/", f"{second}/"))
    shared = [sample for sample in matched.samples if sample.positive]
    # Stages have the same names in both runs if they were made by the same command.
    names = [name for name in runs[0].answering() if name in runs[1].answering()]
    rows: list[Difference] = []
    for name in names:
        a, b = (run.rows(name, Prediction) for run in runs)
        rows += _differences(name, samples=shared, pair=(a, b), settings=settings)
    if not rows:
        raise RunError(
            f"{first}/ and {second}/ share no method with answers on the same positive samples; RUN:METHOD names one "
            f"of each ({_methods_of(runs[0])}; {_methods_of(runs[1])})"
        )
    title = f"first is {first}, second is {second}"
    return Comparison(title=title, iou=settings.iou, rows=tuple(rows), samples=matched.about)


def _methods_of(run: RunData) -> str:
    return f"{run.folder}/ has {', '.join(run.answering()) or 'none'}"


def _of_methods(folder: Path, settings: CompareSettings) -> list[Difference]:
    """Each strategy of a run minus each pathway alone."""
    run = RunData(folder)
    samples = [s for s in run.samples if s.positive]
    together = run.answering("sfa", "crs")
    if not together:
        others = run.answering()
        if len(others) > 1:
            raise RunError(
                f"{folder}/ has no answers of SFA or CRS to compare with. To compare two methods, name them: "
                f"{folder}:{others[0]} {folder}:{others[1]}"
            )
        raise RunError(
            f"{folder}/ has no answers of SFA or CRS to compare: repeat the command that started it, with --both"
        )
    rows = []
    for name in together:
        who = run.stages[name].answering
        routed = who is not None and who.method == "sfa"
        # CRS and SFA may have several variants, which only the stage's name tells apart.
        label = "SFA" if name == "sfa" else name
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
