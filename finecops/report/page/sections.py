"""The sections of a report above its gallery: values, charts, what is known besides; several runs side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from finecops.evaluation.results import Evaluation
from finecops.metrics.dictionary import title_of_value
from finecops.metrics.values import MEAN_OF_COLUMNS, MetricValue, Subset
from finecops.report.comparison import comparison_document
from finecops.report.document import Cell, Table, columns
from finecops.report.page.content import Drawing, Section
from finecops.report.page.subject import Subject
from finecops.report.tables import detail_tables, value_tables


def sections_of(subject: Subject, drawings: Sequence[Drawing]) -> tuple[list[Section], list[Section]]:
    """The sections above the gallery and below it.

    Two methods that are compared open at the four cells, in numbers and then in the gallery; everything else comes
    after. Else the gallery is the last.
    """
    charts = [Section("charts", "Charts", drawings=drawings)] if drawings else []
    values = _one(subject, charts) if len(subject.runs) == 1 else _several(subject, charts)
    compared = _comparison(subject)
    if subject.pair is not None and compared:
        return compared, values
    at = 1 + len(charts)
    return [*values[:at], *compared, *values[at:]], []


def _one(subject: Subject, charts: Sequence[Section]) -> list[Section]:
    (evaluation,) = subject.evaluations.values()
    return [
        Section("results", "Results", tables=value_tables(evaluation)),
        *charts,
        Section("details", "Intervals, outcomes, time", notes=evaluation.problems, tables=detail_tables(evaluation)),
    ]


def _several(subject: Subject, charts: Sequence[Section]) -> list[Section]:
    return [
        Section("results", "Side by side", notes=subject.notes, tables=(side_by_side(subject.evaluations),)),
        *charts,
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
    ]


def _comparison(subject: Subject) -> list[Section]:
    if subject.comparison is None:
        return []
    note = (f"The reference is {subject.reference}.",) if len(subject.runs) > 1 else ()
    tables = comparison_document(subject.comparison).tables
    return [Section("differences", "Compared sample by sample", notes=note, tables=tables)]


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
