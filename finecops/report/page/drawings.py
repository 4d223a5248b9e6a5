"""The charts of a report, drawn for the page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from finecops.evaluation.reading import RunData
from finecops.report.charts.runs import run_charts
from finecops.report.charts.subject import ChartRun
from finecops.report.charts.svg import svg
from finecops.report.page.content import Drawing
from finecops.report.page.subject import Subject


def drawings_of(subject: Subject, val: Path | None = None) -> tuple[list[Drawing], Sequence[str]]:
    """Every chart that can be drawn, and a sentence for each that cannot.

    Args:
        subject: what the report is about.
        val: a run of the same models on another split, to calibrate scores on.
    """
    # Read once for the charts of all runs.
    other = RunData(val) if val is not None else None
    iou = subject.cases.iou
    runs = [ChartRun(name, run, subject.evaluations[name], val=other, iou=iou) for name, run in subject.runs.items()]
    found = run_charts(runs)
    drawings = [Drawing(chart.title, svg(chart), chart.notes) for chart in found.charts]
    return drawings, [f"Not drawn: {missing}." for missing in found.missing]
