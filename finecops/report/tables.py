"""Evaluations as tables: the values by level, by column of negatives, positives against negatives, single ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from finecops.evaluation.results import Evaluation, MethodResult
from finecops.metrics.dictionary import metric_of_value, title_of_value
from finecops.metrics.metric import Shown
from finecops.metrics.values import EVERYTHING, MEAN_OF_COLUMNS, MetricValue, Subset
from finecops.records import NegativeKind
from finecops.report.details import (
    intervals_table,
    outcomes_table,
    paper_table,
    reference_sfa_table,
    second_split_tables,
    summary,
    timing_table,
)
from finecops.report.document import Cell, Column, Table, columns
from finecops.report.several import COUNTS, join_tables
from finecops.text import counted

_WORDS = {"replace": "repl", "swap": "swap", "object": "obj", "attribute": "attr", "relation": "rel"}
_KINDS: tuple[tuple[NegativeKind, str], ...] = (("text", "expressions"), ("image", "images"))


def evaluation_tables(evaluations: Iterable[Evaluation], full: bool = False) -> list[Table]:
    """The tables of evaluations; with `full`, every column of every metric, and tuple types.

    Several runs are joined: one table for each metric, whose rows name the run. Each arithmetic has its own tables.
    """
    found: dict[bool, dict[str, list[Table]]] = {}
    for evaluation in evaluations:
        reference = any(value.arithmetic == "reference" for method in evaluation.methods for value in method.values)
        section, tables = section_title(evaluation), (*value_tables(evaluation, full), *detail_tables(evaluation))
        # A run that is named twice has its tables once.
        found.setdefault(reference, {})[evaluation.title] = [replace(table, section=section) for table in tables]
    joined: list[Table] = []
    for by_run in found.values():
        joined += join_tables(by_run) if len(by_run) > 1 else next(iter(by_run.values()))
    return joined


def section_title(evaluation: Evaluation) -> str:
    """What an evaluation is of: the run or file, the data, how many samples."""
    data = evaluation.dataset
    title = f"{evaluation.title}  ·  {data.name}, {data.split}, {counted(data.samples, 'sample')}"
    left_out = f"; {data.left_out} of {data.entries} entries in the files were left out" if data.left_out else ""
    return title + left_out


def value_tables(evaluation: Evaluation, full: bool = False) -> list[Table]:
    """The values of every metric, as `evaluation_tables` has them."""
    values = _Values(evaluation.methods)
    separations = [
        *values.shown_as("separation"),
        *(["negative_accuracy"] if "negative_accuracy" in values.names else []),
    ]
    return _not_empty(
        *map(values.by_level, values.shown_as("boxes")),
        *(map(values.by_tuple_type, values.shown_as("boxes")) if full else ()),
        *(values.by_column(name, kind) for name in values.shown_as("pairs") for kind in _KINDS),
        values.separations(),
        *(values.by_column(name, kind) for name in separations for kind in _KINDS if full),
        values.single(),
        *second_split_tables(evaluation.methods, values.overall),
    )


def detail_tables(evaluation: Evaluation) -> list[Table]:
    """What is known besides: intervals, the paper's figures, outcomes, ledgers, time."""
    return _not_empty(
        intervals_table(evaluation.methods),
        paper_table(evaluation),
        reference_sfa_table(evaluation.reference_sfa),
        outcomes_table(evaluation),
        summary(evaluation),
        timing_table(evaluation.stages),
    )


def _not_empty(*tables: Table | None) -> list[Table]:
    return [table for table in tables if table is not None and (table.rows or table.notes)]


class _Values:
    """The values of some methods, to be looked up by metric and subset. Calibrated ones are in another table."""

    def __init__(self, methods: Sequence[MethodResult]) -> None:
        self.methods = methods
        self.raw = [[v for v in m.values if not v.calibrated and v.operating_point is None] for m in methods]
        self.found = [{(v.metric, v.subset): v for v in values} for values in self.raw]
        self.of_stage = {method.stage: found for method, found in zip(methods, self.found)}
        # In order of appearance, which is the order of --metrics.
        self.names = list(dict.fromkeys(v.metric for values in self.raw for v in values))

    def shown_as(self, shown: Shown) -> list[str]:
        """Names of values that belong to a table; those of no metric in the dictionary are single ones."""
        of = {name: metric_of_value(name) for name in self.names}
        return [name for name, metric in of.items() if (metric.shown if metric else "single") == shown]

    def all_of(self, name: str) -> list[MetricValue]:
        return [value for values in self.raw for value in values if value.metric == name]

    def overall(self, method: MethodResult, name: str, subset: Subset = EVERYTHING) -> float | None:
        """A method's value, None where it has none."""
        value = self.of_stage[method.stage].get((name, subset))
        return None if value is None else value.value

    def _rows(self, name: str, subsets: Sequence[Subset]) -> list[tuple[Cell, ...]]:
        return [(m.title, *(self.overall(m, name, subset) for subset in subsets)) for m in self.methods]

    def _counts(self, index: int, name: str, subsets: Sequence[Subset]) -> tuple[Cell, ...]:
        """The denominators, of one of the methods."""
        found = [self.found[index].get((name, subset)) for subset in subsets]
        return (COUNTS, *(None if value is None else value.n for value in found))

    def by_level(self, name: str) -> Table:
        """A metric of positives: by router level, in all, by level."""
        # Subsets of all methods: one of them may lack a level.
        there = {value.subset for value in self.all_of(name)}
        levels = sorted({subset.level for subset in there if subset.level is not None})
        routed = any(subset.router_level for subset in there)
        subsets = {f"router L{n}": Subset(router_level=n) for n in (1, 2) if routed}
        subsets |= {"All": EVERYTHING} if EVERYTHING in there else {}
        subsets |= {f"L{n}": Subset(level=n) for n in levels}
        rows = self._rows(name, list(subsets.values()))
        # The last method's: strategies come after the pathways, and answer every sample.
        rows.append(self._counts(-1, name, list(subsets.values())))
        title = f"{title_of_value(name)} on positives, %{_iou_in_words(self.all_of(name))}"
        return Table(title, columns("", *subsets), tuple(rows))

    def by_tuple_type(self, name: str) -> Table | None:
        types = dict.fromkeys(value.tuple_type for value in self.all_of(name) if value.tuple_type is not None)
        if not types:
            return None
        rows = self._rows(name, [Subset(tuple_type=type_) for type_ in types])
        return Table(f"{title_of_value(name)} by tuple type, %", columns("", *types), tuple(rows))

    def by_column(self, name: str, kind: tuple[NegativeKind, str]) -> Table | None:
        """A metric of negatives: by column, and their mean where the metric has one."""
        counted = self._counted_for_columns()
        # The counted method's columns first; the first method may have columns that it has not.
        in_order = [v for i in (counted, 0) for v in self.raw[i] if v.metric == name and v.kind == kind[0]]
        # A benchmark of rejection has no pairs, and none of its columns has a value of a metric of pairs.
        subsets = list(dict.fromkeys(value.subset for value in in_order if value.level is not None and value.n))
        if not subsets:
            return None
        # Level 0: the benchmark states none.
        header = [f"{short_type(subset.type or '')} {subset.level or ''}".rstrip() for subset in subsets]
        counts = self._counts(counted, name, subsets)
        if any(value.type == MEAN_OF_COLUMNS for value in in_order):
            header.append("Avg.")
            subsets.append(Subset(kind=kind[0], type=MEAN_OF_COLUMNS))
            counts = (*counts, "")
        title = title_of_value(name)
        title = f"{title[0].upper()}{title[1:]} on negative {kind[1]}, %"
        return Table(title, columns("", *header), (*self._rows(name, subsets), counts))

    def _counted_for_columns(self) -> int:
        """The method whose pairs are counted below the columns: SFA, which answers every sample, or else the first."""
        of_sfa = [i for i, m in enumerate(self.methods) if m.answering is not None and m.answering.method == "sfa"]
        return of_sfa[0] if of_sfa else 0

    def separations(self) -> Table | None:
        names = self.shown_as("separation")
        rows: list[tuple[Cell, ...]] = []
        for method, found in zip(self.methods, self.found):
            first = found.get((names[0], EVERYTHING)) if names else None
            if first is not None:
                rows.append((method.title, *(self.overall(method, name) for name in names), first.n))
        titles = list(map(title_of_value, names))
        # One side of the comparison is not there: a table of dashes says less than a sentence.
        if rows and not any(row[-1] for row in rows):
            return Table(notes=(f"No negatives: no {', '.join(titles)}",))
        header = columns("", *titles, "negatives")
        return Table("All positives against all negatives, %", header, tuple(rows)) if rows else None

    def single(self) -> Table | None:
        """One number a method: rejections, risk, calibration, and any metric that names no other table."""
        names = [name for name in self.shown_as("single") if any(v.value is not None for v in self.all_of(name))]
        rows = [(m.title, *(self.overall(m, name) for name in names)) for m in self.methods]
        header = (Column("", side="left"), *(Column(title_of_value(name)) for name in names))
        return Table("Single values, %", header, tuple(rows)) if names else None


def _iou_in_words(values: Sequence[MetricValue]) -> str:
    if any(value.arithmetic == "reference" for value in values):
        return " (IoU >= 0.5)"
    # Only one threshold can be in a title.
    thresholds = {value.iou for value in values if value.iou is not None}
    return f" (IoU > {thresholds.pop():g})" if len(thresholds) == 1 else ""


def short_type(type_: str) -> str:
    """A type of negatives in the short words of column headings."""
    return " ".join(_WORDS.get(part, part) for part in type_.split("_"))
