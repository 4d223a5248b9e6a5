"""What a report is about: runs and methods that the user named, read and evaluated once."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from operator import is_
from pathlib import Path

from finecops.errors import FinecopsError, RunError, UsageError
from finecops.evaluation.cases import Cases, MethodAnswers
from finecops.evaluation.comparison import Comparison, compare
from finecops.evaluation.reading import RunData
from finecops.evaluation.results import Evaluation
from finecops.evaluation.runs import evaluate_run
from finecops.evaluation.same_samples import match_samples
from finecops.evaluation.settings import CompareSettings
from finecops.evaluation.sources import Source, resolve_all
from finecops.records import Sample
from finecops.report.page.settings import ReportSettings
from finecops.runs.folder import newest_run

log = logging.getLogger(__name__)

_LARGE = 5000
"""Samples, from which on somebody waits long enough to wonder."""
Shared = tuple[RunData, frozenset[str]]
"""A run, and the ids of the samples that it has in common with the reference."""


@dataclass(frozen=True)
class Subject:
    """What a report is about.

    Attributes:
        runs: by a name that no other has; the reference comes first.
        evaluations: of each run, with the methods that were named.
        cases: each sample of the reference with the verdicts of all methods.
        whole: whether each run is there with all of its methods.
        comparison: of what was named; None where there is nothing to compare, and `notes` say why.
        pair: keys of the two methods that the user compares; None: they named something else.
        notes: what a reader must know of the samples and the comparison, a sentence each.
    """

    runs: Mapping[str, RunData]
    evaluations: Mapping[str, Evaluation]
    cases: Cases
    others: tuple[Shared, ...] = ()
    whole: bool = True
    comparison: Comparison | None = None
    pair: tuple[str, str] | None = None
    notes: tuple[str, ...] = ()

    @property
    def reference(self) -> str:
        """The name of the run that the others are compared with."""
        return next(iter(self.runs))

    def cases_of(self, samples: Sequence[Sample]) -> Cases:
        """The cases of some of the samples, which may know more of themselves by now."""
        if len(samples) == len(self.cases) and all(map(is_, samples, self.cases.samples)):
            return self.cases
        return Cases(samples, self.cases.methods, self.cases.iou, self.cases.run, self.others)


def read_subject(settings: ReportSettings) -> Subject:
    """Read and evaluate what is named.

    Raises:
        UsageError: the reference is none of the runs, or something is named twice.
        RunError: a run has no answers, or was changed.
    """
    named = _by_reference(_named(settings.runs), settings.reference)
    run_of: dict[Path, RunData] = {}
    methods_of: dict[Path, list[MethodAnswers]] = {}
    # Two methods of one run are two sources: the run is read and evaluated once.
    for source in named.values():
        if source.run is not None:
            run_of[source.place] = source.run
            methods_of.setdefault(source.place, []).extend(source.methods)
    names = dict(zip(run_of, _short_names(list(run_of))))
    runs = {names[place]: run for place, run in run_of.items()}
    chosen = {names[place]: methods for place, methods in methods_of.items()}
    if max(len(run.samples) for run in runs.values()) > _LARGE:
        log.info("numbers with intervals, then images and samples: of a large run this takes a minute")
    methods, others, notes = _joined(runs, chosen)
    comparison, why_not = _compared(list(named), settings)
    first = next(iter(runs.values()))
    evaluations = {name: _evaluated(run, chosen[name], settings) for name, run in runs.items()}
    # Two whole runs with one method each are two methods as well.
    one_each = all(len(source.methods) == 1 for source in named.values())
    return Subject(
        runs=runs,
        evaluations=evaluations,
        cases=Cases(first.samples, methods, settings.iou, first, others),
        others=tuple(others),
        whole=not any(source.named for source in named.values()),
        comparison=comparison,
        pair=(methods[0].key, methods[1].key) if len(named) == len(methods) == 2 and one_each else None,
        notes=(*notes, *why_not),
    )


def _named(texts: Sequence[str]) -> dict[str, Source]:
    """What the user named, by how they wrote it."""
    texts = texts or [str(newest_run())]
    for text in texts:
        if Path(text).is_file():
            raise UsageError(f"{text} is a file, and a report is about runs; `finecops score` prints a file's numbers")
    seen: set[tuple[Path, str]] = set()
    sources = resolve_all(texts)
    for text, source in zip(texts, sources):
        for method in source.methods:
            if (source.place, method.key) in seen:
                raise UsageError(f"{text} is named twice")
            seen.add((source.place, method.key))
    return dict(zip(texts, sources))


def _by_reference(named: Mapping[str, Source], reference: Path | None) -> dict[str, Source]:
    """The sources, those of the reference first."""
    if reference is None:
        return dict(named)
    places = list(dict.fromkeys(source.place for source in named.values()))
    if len(places) < 2:
        raise UsageError("--reference goes with several runs")
    same = [place for place in places if place.absolute() == reference.absolute()]
    if not same:
        raise UsageError(f"--reference {reference} is none of the runs: {', '.join(map(str, places))}")
    # Stable: the others keep their order.
    return dict(sorted(named.items(), key=lambda item: item[1].place != same[0]))


def _short_names(folders: Sequence[Path]) -> list[str]:
    """The folders' last parts where that tells them apart, else as the user named them."""
    last = [folder.name for folder in folders]
    return last if len(set(last)) == len(last) and all(last) else [str(folder) for folder in folders]


def _joined(
    runs: Mapping[str, RunData], chosen: Mapping[str, Sequence[MethodAnswers]]
) -> tuple[list[MethodAnswers], list[Shared], list[str]]:
    """The methods of all runs on the samples of the first, the other runs, and what is lost by that."""
    (first, reference), *others = runs.items()
    if not others:
        return list(chosen[first]), [], []
    methods = [_of(first, method, method.share) for method in chosen[first]]
    shared, notes = [], []
    for name, run in others:
        try:
            matched = match_samples(reference.samples, run.samples, (first, name))
        except RunError as error:
            notes.append(f"{error}: the samples below are those of {first}.")
            continue
        same = frozenset(sample.id for sample in matched.samples)
        # What another run was not asked about is no answer that it lacks.
        everything = len(same) == len(reference.samples)
        for method in chosen[name]:
            share = same if method.share is None else same & method.share
            methods.append(_of(name, method, None if everything and method.share is None else share))
        shared.append((run, same))
        notes += matched.about.sentences(first, name)
    return methods, shared, notes


def _of(name: str, method: MethodAnswers, share: frozenset[str] | None) -> MethodAnswers:
    """A method with its run in its name."""
    return replace(method, key=f"{name}:{method.key}", label=f"{name}: {method.label}", share=share)


def _compared(texts: Sequence[str], settings: ReportSettings) -> tuple[Comparison | None, list[str]]:
    """The comparison of what is named, and why there is none."""
    try:
        return compare(CompareSettings(runs=tuple(texts), iou=settings.iou, cluster=settings.cluster)), []
    except FinecopsError as error:
        # A report on one run is whole without: a run may have one method alone.
        return None, [f"Not compared: {error}."] if len(texts) > 1 else []


def _evaluated(run: RunData, methods: Sequence[MethodAnswers], settings: ReportSettings) -> Evaluation:
    found = evaluate_run(run, settings, settings.val, write=False)
    if settings.paper:
        from finecops.evaluation.paper import with_paper

        found = with_paper(found, settings.paper_row)
    keys = {method.key for method in methods}
    return found.model_copy(update={"methods": tuple(m for m in found.methods if m.stage in keys)})
