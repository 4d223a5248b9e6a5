"""Comparisons of runs and methods, as tables and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from pydantic import JsonValue

from finecops.evaluation.comparison import Comparison
from finecops.evaluation.method_pairs import SMALLEST_STRATUM
from finecops.evaluation.pair_results import FourCells, Measure, MethodPair, PairedValue, Stratum
from finecops.metrics.values import MEAN_OF_COLUMNS
from finecops.report.document import Cell, Column, Document, Range, Table, columns
from finecops.report.tables import short_type
from finecops.text import counted

CELLS_TITLE: Final = "Who is right"
"""Begins the title of the table of the four cells."""
_MOST_STRATA = 10
_CELLS = {"both": "both right", "first_only": "only first", "second_only": "only second", "neither": "neither"}
_METRICS = {"precision@1": "P@1", "recall@1": "R@1", "auroc": "AUROC", "negative_accuracy": "negatives rejected"}

JsonObject = dict[str, JsonValue]


def comparison_document(found: Comparison) -> Document:
    """A comparison for every writer."""
    data = found.model_dump(mode="json")
    if not found.pairs:
        return Document([_whole_runs(found)], data=data, rows=data["rows"], leading=tuple(data["rows"][0]))
    tables = [_against_first(found)] if len(found.pairs) > 1 else []
    tables += [table for pair in found.pairs for table in _of_pair(pair, found.iou)]
    rows = [row for pair in found.pairs for row in _flat(pair)]
    return Document(tables, data=data, rows=rows, leading=tuple(rows[0]) if rows else ())


def _at(iou: float) -> str:
    # The usual IoU is in no title.
    return "" if iou == 0.5 else f" (IoU > {iou:g})"


def _whole_runs(found: Comparison) -> Table:
    """Differences of precision@1, a row each."""
    rows: list[tuple[Cell, ...]] = [
        (
            f"{row.method}, {'all' if row.level is None else f'L{row.level}'}",
            row.first,
            row.second,
            _points(row.difference),
            Range(row.ci_low, row.ci_high),
            _p(row.p_value),
            row.n,
        )
        for row in found.rows
    ]
    notes = tuple(found.samples.sentences()) if found.samples is not None else ()
    return Table(f"Precision@1, %{_at(found.iou)}: {found.title}", _header(difference="diff."), tuple(rows), notes)


def _header(p: str = "p", difference: str = "difference") -> tuple[Column, ...]:
    signed = (Column(difference, "+.2f"), Column("95% interval", "+.2f"))
    return (*columns("", "first", "second"), *signed, Column(p), Column("n"))


def _points(value: float) -> float:
    """A difference without the rounding of sums: -1e-15 would be printed as -0.00."""
    return round(value, 9) + 0.0


def _p(value: float) -> str:
    return f"{value:.3f}" if value >= 0.0005 else "<0.001"


def _against_first(found: Comparison) -> Table:
    """Precision@1 of all positives, a row a pair."""
    firsts = dict.fromkeys(pair.first for pair in found.pairs)
    rows = [
        (pair.second if len(firsts) == 1 else f"{pair.second} − {pair.first}", *_numbers(measure))
        for pair in found.pairs
        for measure in pair.measures
        if measure.metric == "precision@1" and measure.level is None
    ]
    title = f"Precision@1 on positives, %{_at(found.iou)}"
    title += f": each minus {found.pairs[0].first}, which is first" if len(firsts) == 1 else ""
    note = f"{len(rows)} comparisons: the p values are not adjusted for their number."
    return Table(title, _header(), tuple(rows), (note,))


def _of_pair(pair: MethodPair, iou: float) -> Iterator[Table]:
    """What is compared, the measures, the four cells, and the strata."""
    section = f"{pair.second} against {pair.first}"
    compared = counted(pair.samples.compared, "sample")
    names = [f"first:  {pair.first}{_label(pair.first, pair.first_label)}"]
    names += [f"second: {pair.second}{_label(pair.second, pair.second_label)}"]
    about = pair.samples.sentences()
    notes = [f"No {_METRICS[name]}: {reason}." for name, reason in pair.absent.items()]
    rows = tuple((_name(measure), *_numbers(measure)) for measure in pair.measures)
    yield Table(notes=(*names, f"compared: {compared} of the same id and content", *about), section=section)
    title = f"Second minus first, %{_at(iou)}"
    if any(measure.ci_low == measure.ci_high for measure in pair.measures):
        notes.append("An interval without width: no sample here differs, and a bootstrap sees no others.")
    yield Table(title, _header(), rows, tuple(notes), section=section)
    if pair.cells:
        yield _cells_table(pair.cells, section)
    yield _strata_table(pair, section)


def _label(title: str, label: str) -> str:
    return f" ({label})" if label not in title else ""


def _numbers(value: Measure) -> tuple[Cell, ...]:
    interval = Range(value.ci_low, value.ci_high)
    return value.first, value.second, _points(value.difference), interval, _p(value.p_value), value.n


def _name(value: PairedValue) -> str:
    """A value in few words: the metric, and of which samples."""
    metric = _METRICS[value.metric]
    of = [f"level {value.level}"] if value.level is not None and value.kind is None else []
    of += [f"router level {value.router_level}"] if value.router_level is not None else []
    of += [value.tuple_type] if value.tuple_type is not None else []
    if value.type == MEAN_OF_COLUMNS and value.kind is not None:
        return f"{metric} {value.kind}, average"
    if value.kind is not None:
        metric = "rejected" if value.metric == "negative_accuracy" else metric
        level = f" {value.level}" if value.level else ""
        of.append(f"{value.kind} {short_type(value.type or '')}{level}")
    return f"{metric}, {', '.join(of)}" if of else f"{metric}, all" if value.metric == "precision@1" else metric


def _cells_table(cells: Sequence[FourCells], section: str) -> Table:
    """A row a cell: of positives and beside them of negatives."""
    rows: list[tuple[Cell, ...]] = []
    for name, words in _CELLS.items():
        row: list[Cell] = [words]
        for side in cells:
            cell = getattr(side, name)
            row += [cell.count, cell.percent, Range(cell.ci_low, cell.ci_high)]
        rows.append(tuple(row))
    rows.append(("n", *(cell for side in cells for cell in (side.n, None, None))))
    header = [Column("", side="left")]
    for side in cells:
        header += [Column(f"{side.of}s"), Column("%", ".1f"), Column("95% interval", ".1f")]
    right = "a positive with its box, a negative with a rejection" if len(cells) > 1 else "a positive with its box"
    return Table(f"{CELLS_TITLE} ({right})", tuple(header), tuple(rows), section=section)


def _strata_table(pair: MethodPair, section: str) -> Table:
    """The largest differences, and how many were looked at to find them."""
    largest = sorted(pair.strata, key=lambda stratum: -abs(stratum.difference))[:_MOST_STRATA]
    rows: list[tuple[Cell, ...]] = []
    for value in largest:
        interval = Range(value.ci_low, value.ci_high)
        adjusted = _p(value.p_adjusted)
        rows.append((_name(value), value.first, value.second, _points(value.difference), interval, adjusted, value.n))
    shown = f"The {len(rows)} largest" if len(rows) < len(pair.strata) else "All"
    looked_at = (
        f"{shown} of {counted(len(pair.strata), 'stratum', 'strata')} that were looked at. {_clear(pair.strata)}"
    )
    notes = [looked_at, "p is adjusted for all of them (Holm); the intervals are not."]
    few = f"{counted(pair.small_strata, 'stratum', 'strata')} with fewer than {SMALLEST_STRATUM} samples"
    if not pair.strata:
        small = (f"Where they differ: {few} were not looked at.",) if pair.small_strata else ()
        return Table(notes=small, section=section)
    if pair.small_strata:
        notes.append(f"Not looked at: {few}.")
    return Table("Where they differ, %", _header("adj. p"), tuple(rows), tuple(notes), section=section)


def _clear(strata: Sequence[Stratum]) -> str:
    below = sum(stratum.p_adjusted < 0.05 for stratum in strata)
    if not below:
        return "None of the differences is clear (adjusted p < 0.05)."
    return f"{below} of the differences {'is' if below == 1 else 'are'} clear (adjusted p < 0.05)."


def _flat(pair: MethodPair) -> Iterator[JsonObject]:
    """A row per number, for CSV."""
    named: JsonObject = {"method": f"{pair.second} − {pair.first}"}
    for value in (*pair.measures, *pair.strata):
        fields = value.model_dump(mode="json")
        yield named | {"metric": fields.pop("metric"), "of": type(value).__name__.lower()} | fields
    for side in pair.cells:
        for name in _CELLS:
            cell = getattr(side, name).model_dump(mode="json")
            yield named | {"metric": f"{side.of}: {name}", "of": "cell", "n": side.n, **cell}
