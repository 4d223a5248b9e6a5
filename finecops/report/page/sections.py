"""The sections of a report above its gallery: values, charts, what is known besides; several runs side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from finecops.errors import RunError
from finecops.evaluation.comparison import compare
from finecops.evaluation.results import Evaluation
from finecops.evaluation.settings import CompareSettings
from finecops.metrics.dictionary import title_of_value
from finecops.metrics.values import MEAN_OF_COLUMNS, MetricValue, Subset
from finecops.report.document import Cell, Table, columns
from finecops.report.page.content import Drawing, Section
from finecops.report.page.settings import ReportSettings
from finecops.report.page.subject import Subject
from finecops.report.routing import comparison_table
from finecops.report.tables import detail_tables, value_tables


def run_sections(subject: Subject, drawings: Sequence[Drawing]) -> tuple[Section, ...]:
    """The sections of one run."""
    (evaluation,) = subject.evaluations.values()
    return (
        Section("results", "Results", tables=value_tables(evaluation)),
        *([Section("charts", "Charts", drawings=drawings)] if drawings else []),
        Section("details", "Intervals, outcomes, time", notes=evaluation.problems, tables=detail_tables(evaluation)),
    )


def several_sections(subject: Subject, drawings: Sequence[Drawing], settings: ReportSettings) -> tuple[Section, ...]:
    """The sections of several runs: side by side, paired differences, charts, and each run by itself, folded."""
    paired, problems = _paired(subject, settings)
    reference = subject.reference
    return (
        Section("results", "Side by side", notes=subject.notes, tables=(side_by_side(subject.evaluations),)),
        Section(
            "differences",
            "Paired differences",
            notes=(f"The reference is {reference}: each difference is the other run minus {reference}.", *problems),
            tables=paired,
        ),
        *([Section("charts", "Charts", drawings=drawings)] if drawings else []),
        *(
            Section(
                f"run-{number}",
                f"All of {name}",
                notes=evaluation.problems,
                tables=(*value_tables(evaluation), *detail_tables(evaluation)),
                folded=True,
            )
            for number, (name, evaluation) in enumerate(subject.evaluations.items(), start=1)
        ),
    )


def side_by_side(evaluations: Mapping[str, Evaluation]) -> Table:
    """One row a run and method: every metric over all samples, precision@1 by level, and means over columns."""
    wanted: dict[tuple[str, Subset], str] = {}
    for value in _values(evaluations):
        title = _title(value)
        if title is not None:
            wanted.setdefault((value.metric, value.subset), title)
    rows: list[tuple[Cell, ...]] = []
    for name, evaluation in evaluations.items():
        for method in evaluation.methods:
            found = {(v.metric, v.subset): v.value for v in _raw(method.values)}
            rows.append((f"{name}: {method.title}", *(found.get(key) for key in wanted)))
    return Table("All runs, %", columns("", *wanted.values()), tuple(rows))


def _values(evaluations: Mapping[str, Evaluation]) -> Iterator[MetricValue]:
    for evaluation in evaluations.values():
        for method in evaluation.methods:
            yield from _raw(method.values)


def _raw(values: Sequence[MetricValue]) -> Iterator[MetricValue]:
    """Without calibrated values and operating points, which have tables of their own."""
    return (value for value in values if not value.calibrated and value.operating_point is None)


def _title(value: MetricValue) -> str | None:
    """The heading of a value's column; None: it is too small a part for this table."""
    title, subset = title_of_value(value.metric), value.subset
    if subset == Subset():
        return title
    if subset == Subset(level=subset.level) and value.metric == "precision@1":
        return f"L{subset.level}"
    if subset.type == MEAN_OF_COLUMNS and value.n:
        return f"{title}, negative {'expressions' if subset.kind == 'text' else 'images'}"
    return None


def _paired(subject: Subject, settings: ReportSettings) -> tuple[list[Table], list[str]]:
    """Each other run minus the reference, and why some cannot be compared."""
    first, *others = subject.runs.values()
    tables, problems = [], []
    for run in others:
        try:
            pair = CompareSettings(runs=(first.folder, run.folder), iou=settings.iou, cluster=settings.cluster)
            tables.append(comparison_table(compare(pair)))
        except RunError as error:
            problems.append(str(error))
    return tables, problems
