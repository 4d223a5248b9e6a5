"""What a report is about: runs and methods that the user named, read and evaluated once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from finecops.errors import UsageError
from finecops.evaluation.cases import Cases, MethodAnswers, same_samples
from finecops.evaluation.reading import RunData
from finecops.evaluation.results import Evaluation
from finecops.evaluation.runs import evaluate_run
from finecops.evaluation.sources import Source, resolve_all
from finecops.records import Sample
from finecops.report.page.settings import ReportSettings
from finecops.runs.folder import newest_run


@dataclass(frozen=True)
class Subject:
    """What a report is about.

    Attributes:
        runs: by a name that no other has; the reference comes first.
        evaluations: of each run, with the methods that were named.
        cases: each sample of the reference with the verdicts of all methods.
        pair: keys of the two methods that the user compares; None: they named something else.
        notes: what a reader must know of the samples, a sentence each.
    """

    runs: Mapping[str, RunData]
    evaluations: Mapping[str, Evaluation]
    cases: Cases
    pair: tuple[str, str] | None = None
    notes: tuple[str, ...] = ()

    @property
    def reference(self) -> str:
        """The name of the run that the others are compared with."""
        return next(iter(self.runs))

    def cases_of(self, samples: Sequence[Sample]) -> Cases:
        """The cases of some of the samples."""
        first, *others = self.runs.values()
        return Cases(samples, self.cases.methods, self.cases.iou, first, others)


def read_subject(settings: ReportSettings) -> Subject:
    """Read and evaluate what is named.

    Raises:
        UsageError: the reference is none of the runs, or something is named twice.
        RunError: a run has no answers, or was changed.
    """
    sources = _by_reference(_named(settings.runs), settings.reference)
    methods_of: dict[Path, list[MethodAnswers]] = {}
    run_of: dict[Path, RunData] = {}
    for source in sources:
        assert source.run is not None
        run_of[source.place] = source.run
        methods_of.setdefault(source.place, []).extend(source.methods)
    names = dict(zip(run_of, _short_names(list(run_of))))
    runs = {names[place]: run for place, run in run_of.items()}
    chosen = {names[place]: methods for place, methods in methods_of.items()}
    first, *others = runs.values()
    methods, notes = _joined(runs, chosen)
    evaluations = {name: _evaluated(run, chosen[name], settings) for name, run in runs.items()}
    two = len(methods) == 2 and (len(runs) == 2 or all(source.named for source in sources))
    return Subject(
        runs=runs,
        evaluations=evaluations,
        cases=Cases(first.samples, methods, settings.iou, first, others),
        pair=(methods[0].key, methods[1].key) if two else None,
        notes=tuple(notes),
    )


def _named(texts: Sequence[str]) -> list[Source]:
    sources = resolve_all(texts or [str(newest_run())])
    seen: set[tuple[Path, str]] = set()
    for text, source in zip(texts, sources):
        if source.run is None:
            raise UsageError(
                f"{text} is a prediction file, and a report is about runs; `finecops score` prints its numbers"
            )
        for method in source.methods:
            if (source.place, method.key) in seen:
                raise UsageError(f"{text} is named twice")
            seen.add((source.place, method.key))
    return sources


def _by_reference(sources: Sequence[Source], reference: Path | None) -> list[Source]:
    """The sources, those of the reference first."""
    if reference is None:
        return list(sources)
    places = list(dict.fromkeys(source.place for source in sources))
    if len(places) < 2:
        raise UsageError("--reference goes with several runs")
    same = [place for place in places if place.absolute() == reference.absolute()]
    if not same:
        raise UsageError(f"--reference {reference} is none of the runs: {', '.join(map(str, places))}")
    return sorted(sources, key=lambda source: source.place != same[0])


def _short_names(folders: Sequence[Path]) -> list[str]:
    """The folders' last parts where that tells them apart, else as the user named them."""
    last = [folder.name for folder in folders]
    return last if len(set(last)) == len(last) and all(last) else [str(folder) for folder in folders]


def _joined(
    runs: Mapping[str, RunData], chosen: Mapping[str, Sequence[MethodAnswers]]
) -> tuple[list[MethodAnswers], list[str]]:
    """The methods of all runs, on the samples of the first; and what is lost by that."""
    if len(runs) == 1:
        return list(next(iter(chosen.values()))), []
    (first, reference), *others = runs.items()
    methods = [_of(first, method, method.share) for method in chosen[first]]
    notes = []
    for name, run in others:
        same = same_samples(reference.samples, run.samples)
        methods += [_of(name, m, same if m.share is None else same & m.share) for m in chosen[name]]
        if len(same) < max(len(run.samples), len(reference.samples)):
            notes.append(
                f"{name} and {first} have {len(same)} samples in common, of {len(run.samples)} and "
                f"{len(reference.samples)}; samples are looked at and compared where both have them."
            )
    return methods, notes


def _of(name: str, method: MethodAnswers, share: Iterable[str] | None) -> MethodAnswers:
    """A method with its run in its name."""
    kept = None if share is None else frozenset(share)
    return replace(method, key=f"{name}:{method.key}", label=f"{name}: {method.label}", share=kept)


def _evaluated(run: RunData, methods: Sequence[MethodAnswers], settings: ReportSettings) -> Evaluation:
    found = evaluate_run(run, settings, settings.val)
    if settings.paper:
        from finecops.evaluation.paper import with_paper

        found = with_paper(found, settings.paper_row)
    keys = {method.key for method in methods}
    return found.model_copy(update={"methods": tuple(m for m in found.methods if m.stage in keys)})
