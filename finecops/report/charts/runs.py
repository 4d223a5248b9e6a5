"""Every chart of a run, or of several side by side."""

from __future__ import annotations

from collections.abc import Sequence

from finecops.report.charts.chart import Chart, Charts, Missing
from finecops.report.charts.crs import candidate_recall, crs_losses
from finecops.report.charts.rates import KINDS, precision_by_iou, precision_by_level, recall_by_type
from finecops.report.charts.scores import calibration_after, calibration_before, risk_coverage, roc
from finecops.report.charts.subject import ChartRun, methods_of
from finecops.report.charts.sweep import routing_sweeps


def run_charts(runs: Sequence[ChartRun]) -> Charts:
    """What can be drawn of runs, and what cannot, with the reason.

    Methods of all runs share the charts of rates and scores; losses and sweeps are a chart each.
    """
    methods = methods_of(runs)
    found: list[Chart | Missing] = [
        precision_by_level(methods),
        *(recall_by_type(methods, kind) for kind in KINDS),
        precision_by_iou(methods),
        *(roc(methods, kind) for kind in KINDS),
        risk_coverage(methods),
        calibration_before(methods),
        calibration_after(methods),
        candidate_recall(runs, methods),
        *crs_losses(methods),
        *routing_sweeps(runs, methods),
    ]
    return Charts.of(found)
