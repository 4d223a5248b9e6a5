"""The tables below an evaluation's main ones: second split, intervals, the paper, outcomes, ledgers, timings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from finecops.evaluation.results import (
    MOST_REASONS,
    Counts,
    Evaluation,
    MethodResult,
    ReferenceSfa,
    RouterSummary,
    StageTiming,
)
from finecops.metrics.answers import OUTCOMES
from finecops.metrics.candidates import RANKS
from finecops.metrics.ledgers import SfaLedger
from finecops.metrics.values import MEAN_OF_COLUMNS, MetricValue, Subset
from finecops.report.document import Cell, Column, Range, Table, columns
from finecops.runs.failures import most_frequent
from finecops.text import counted

Overall = Callable[[MethodResult, str, Subset], float | None]
"""A method's uncalibrated value of a metric on a subset."""


def second_split_tables(methods: Sequence[MethodResult], overall: Overall) -> Iterator[Table]:
    """Calibrated values beside raw ones, then the operating points."""
    rows: list[tuple[Cell, ...]] = []
    points: dict[tuple[str, str, bool], list[MetricValue]] = {}
    for method in methods:
        for value in method.values:
            if value.operating_point is not None:
                # The three accuracies of a point are one row.
                points.setdefault((method.title, value.operating_point, bool(value.calibrated)), []).append(value)
            elif value.calibrated and (value.kind is None or value.type == MEAN_OF_COLUMNS):
                what = value.metric + (f", {value.kind}, {value.type}" if value.kind else "")
                # The raw value beside the calibrated one shows what calibration changed.
                raw = overall(method, value.metric, value.subset)
                rows.append((f"{method.title}, {what}", raw, value.value, value.n))
    header = columns("", "raw", "calibrated", "n")
    yield Table("Scores calibrated on the other split, %", header, tuple(rows))
    rows = [
        (f"{title}, {point}{', calibrated' if calibrated else ''}", found[0].threshold, *(v.value for v in found))
        for (title, point, calibrated), found in points.items()
    ]
    first, _, *others = columns("", "threshold", "positives right", "negatives rejected", "positives rejected")
    header = (first, Column("threshold", ".4f"), *others)
    yield Table("Operating points chosen on the other split, %", header, tuple(rows))


def intervals_table(methods: Sequence[MethodResult]) -> Table:
    """Bootstrap intervals of what is of all samples, or of one level."""
    rows: list[tuple[Cell, ...]] = []
    for method in methods:
        for value in method.values:
            low, high = value.ci_low, value.ci_high
            if low is not None and high is not None and value.kind is None and value.router_level is None:
                rows.append((f"{method.title}, {_what(value)}", value.value, Range(low, high), value.n))
    return Table("95% bootstrap intervals", columns("", "value", "interval", "n"), tuple(rows))


def _what(value: MetricValue) -> str:
    of = [value.metric, *([f"level {value.level}"] if value.level else []), *filter(None, [value.tuple_type])]
    return ", ".join(of)


def paper_table(evaluation: Evaluation) -> Table | None:
    """The paper's figures beside the measured ones; None if they were not asked for."""
    if all(method.paper is None for method in evaluation.methods):
        return None
    rows: list[tuple[Cell, ...]] = []
    for method in evaluation.methods:
        for figure in method.paper or ():
            of = [figure.metric, *filter(None, [figure.kind, figure.type])]
            of += [f"L{figure.level}"] if figure.level else []
            of += [f"router L{figure.router_level}"] if figure.router_level else []
            cells = (figure.ours, figure.value, figure.difference, figure.table)
            rows.append((f"{method.title}, {', '.join(of)}", *cells))
    if not rows:
        none = f"The paper has no figures for these models on {evaluation.dataset.name} (--paper-row names a row)."
        return Table(notes=(none,))
    first, ours, paper, _, table = columns("", "ours", "paper", "difference", "table")
    header = (first, ours, paper, Column("difference", "+.2f"), table)
    return Table("Beside the paper, %", header, tuple(rows))


def reference_sfa_table(found: ReferenceSfa | None) -> Table | None:
    """SFA as its script counts it."""
    if found is None:
        return None
    rows: tuple[tuple[Cell, ...], ...] = (
        ("accuracy", found.single, found.multiple, found.all),
        ("n", found.n_single, found.n_multiple, found.n_single + found.n_multiple),
    )
    return Table("SFA as its script counts it, %", columns("", "single object", "multiple", "overall"), rows)


def outcomes_table(evaluation: Evaluation) -> Table:
    """How many samples had which outcome; below it which metrics are absent, and why."""
    rows: list[tuple[Cell, ...]] = [
        (f"{method.title}, {kind[:3]}.".replace("router level ", "L"), *(counts[outcome] for outcome in OUTCOMES))
        for method in evaluation.methods
        for kind, counts in (("positive", method.outcomes.positive), ("negative", method.outcomes.negative))
        # The paper's scripts count no outcomes.
        if sum(counts.values())
    ]
    notes = [f"{m.label}: no {metric}: {reason}" for m in evaluation.methods for metric, reason in m.absent.items()]
    notes += [f"{m.title}: failed: {most_frequent(m.reasons, MOST_REASONS)}" for m in evaluation.methods if m.reasons]
    if evaluation.unknown:
        notes.append(f"{counted(evaluation.unknown, 'sample')} of unknown truth: answers and no score")
    header = columns("", *OUTCOMES)
    return (
        Table("Outcomes, samples", columns=header, rows=tuple(rows), notes=tuple(notes))
        if rows
        else Table(notes=tuple(notes))
    )


def summary(evaluation: Evaluation) -> Table:
    """Sentences about targets, routing, candidates and the ledgers."""
    notes = []
    if evaluation.targets is not None:
        notes.append("Targets: " + ", ".join(f"{n} {status}" for status, n in evaluation.targets.items() if n))
    if evaluation.doubtful is not None:
        scores = (f"{label} {score['right']} of {score['n']}" for label, score in evaluation.doubtful.items())
        notes.append(f"Positives with a doubtful target, right: {', '.join(scores)}")
    if evaluation.router is not None:
        notes += _router(evaluation.router)
    if (ceiling := evaluation.candidates) is not None and ceiling["n"]:
        # Larger k are in the JSON; a line has room for these.
        keys = [*(str(k) for k in RANKS if k <= 10), "all"]
        notes.append(f"Candidate recall, %: {', '.join(f'@{key} {_percent(ceiling[key])}' for key in keys)}")
    notes += [_crs_ledger(m.title, m.ledger) for m in evaluation.methods if m.ledger is not None]
    if evaluation.ledger is not None:
        notes.append(_sfa_ledger(evaluation.ledger))
    return Table(notes=tuple(notes))


def _router(router: RouterSummary) -> list[str]:
    crossed = ", ".join(f"{pair.replace('->', '→')}: {n}" for pair, n in router.confusion.items())
    counts = ", ".join(f"{n} with {k}" for k, n in router.detections.items())
    unrouted = f"{router.failed} failed" + (f", {router.doubtful} doubtful" if router.doubtful else "")
    sent = f"Router: {router.to_mllm} of {router.n} samples to the MLLM ({unrouted})"
    detections = f"Samples by number of detections: {counts}"
    # Without levels in the data there is nothing to compare the router's with.
    if not any(router.confusion.values()):
        return [sent, detections]
    accuracy, recall = _percent(router.level_accuracy), _percent(router.level2_recall)
    return [
        f"{sent}; on positives level accuracy {accuracy}, level-2 recall {recall}",
        f"Positives by true level → router level: {crossed}. {detections}",
    ]


def _crs_ledger(title: str, entries: Counts) -> str:
    counted = ", ".join(f"{n} {entry.replace('_', ' ')}" for entry, n in entries.items() if n)
    return f"{title}: of {sum(entries.values())} positives {counted}"


def _sfa_ledger(ledger: SfaLedger) -> str:
    counts = (
        f"{ledger.routed_right_answered_right} routed right and answered right",
        f"{ledger.routed_right_answered_wrong} routed right and answered wrong",
        f"{ledger.routed_wrong_answered_right} routed wrong and answered right",
        f"{ledger.routed_wrong_answered_wrong} routed wrong and answered wrong",
    )
    regret = f"the other pathway had {ledger.other_right} of the wrong ones right"
    points = _percent(100 * ledger.other_right / ledger.n if ledger.n else None)
    return f"SFA's {ledger.n} positives: {', '.join(counts)}; {regret}: regret {points} points"


def timing_table(stages: Mapping[str, StageTiming]) -> Table:
    """How long the stages took, and how many operations a sample took where that was counted."""
    timed = {name: stage for name, stage in stages.items() if stage.timed_samples}
    first, samples, _, pace = columns("stage", "samples", "seconds", "samples/s")
    header = [first, samples, Column("seconds", ".1f"), pace]
    rows: list[tuple[Cell, ...]] = [
        (name, stage.timed_samples, stage.seconds, stage.samples_per_second) for name, stage in timed.items()
    ]
    if any(stage.gflops_per_sample is not None for stage in timed.values()):
        header.append(Column("GFLOP/sample", ".4g"))
        rows = [(*row, stage.gflops_per_sample) for row, stage in zip(rows, timed.values())]
    return Table("Time", tuple(header), tuple(rows))


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
