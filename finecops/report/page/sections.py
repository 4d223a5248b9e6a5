"""The sections of a report above its gallery: values, charts, what is known besides; several runs side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from finecops.evaluation.results import Evaluation
from finecops.metrics.dictionary import title_of_value
from finecops.metrics.values import MEAN_OF_COLUMNS, MetricValue, Subset
from finecops.report.comparison import CELLS_TITLE, comparison_document
from finecops.report.document import Cell, Table, columns
from finecops.report.page.content import Drawing, Section
from finecops.report.page.subject import Subject
from finecops.report.tables import detail_tables, evaluation_tables, value_tables


def sections_of(subject: Subject, charts: Section) -> tuple[list[Section], list[Section]]:
    """The sections above the gallery and below it.

    Two methods that are compared open at the four cells, in numbers and then in the gallery; everything else comes
    after. Else the gallery is the last.
    """
    first, *values = _one(subject) if len(subject.runs) == 1 else _several(subject)
    compared = _comparison(subject)
    if subject.pair is not None and compared:
        return compared, [first, charts, *values]
    return [first, charts, *compared, *values], []


def charts_section(drawings: Sequence[Drawing], missing: Sequence[str]) -> Section:
    """The charts, and below them what could not be drawn."""
    return Section("charts", "Charts", drawings=drawings, tables=(Table(notes=tuple(missing)),))


def _one(subject: Subject) -> list[Section]:
    (evaluation,) = subject.evaluations.values()
    return [
        Section("results", "Results", tables=value_tables(evaluation)),
        Section("details", "Intervals, outcomes, time", notes=evaluation.problems, tables=detail_tables(evaluation)),
    ]


def _several(subject: Subject) -> list[Section]:
    # By the names of the page, which are short.
    named = [found.model_copy(update={"title": name}) for name, found in subject.evaluations.items()]
    problems = [problem for evaluation in named for problem in evaluation.problems]
    return [
        Section("results", "Side by side", notes=subject.notes, tables=(side_by_side(subject.evaluations),)),
        Section("all", "All numbers", notes=tuple(problems), tables=evaluation_tables(named), folded=True),
    ]


def _comparison(subject: Subject) -> list[Section]:
    if subject.comparison is None:
        return []
    note = (f"The reference is {subject.reference}.",) if len(subject.runs) > 1 else ()
    about, *tables = comparison_document(subject.comparison).tables
    if subject.pair is not None:
        # Of two methods one first asks which of them is right.
        tables.sort(key=lambda table: not table.title.startswith(CELLS_TITLE))
    tables.insert(0, about)
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
        # A run may lack a method or a column that another has: its cell is empty.
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
