"""Every chart of a run, or of several side by side."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final, TypeAlias

from finecops.report.charts.chart import Chart, Charts, Missing
from finecops.report.charts.crs import candidate_recall, crs_losses
from finecops.report.charts.paper import figure_5a, figure_5a_time, figure_5b
from finecops.report.charts.rates import KINDS, precision_by_iou, precision_by_level, recall_by_type
from finecops.report.charts.scores import calibration_after, calibration_before, risk_coverage, roc
from finecops.report.charts.subject import ChartMethod, ChartRun, methods_of
from finecops.report.charts.sweep import routing_costs, routing_shares

Draw: TypeAlias = Callable[[Sequence[ChartRun], Sequence[ChartMethod]], list[Chart | Missing]]
"""From runs and their methods to charts, or to why they are not there."""

_TEXT, _IMAGE = KINDS
CHARTS: Final[Mapping[str, Draw]] = {
    "precision-level": lambda _, methods: [precision_by_level(methods)],
    "recall-expressions": lambda _, methods: [recall_by_type(methods, _TEXT)],
    "recall-images": lambda _, methods: [recall_by_type(methods, _IMAGE)],
    "iou-threshold": lambda _, methods: [precision_by_iou(methods)],
    "roc-expressions": lambda _, methods: [roc(methods, _TEXT)],
    "roc-images": lambda _, methods: [roc(methods, _IMAGE)],
    "risk-coverage": lambda _, methods: [risk_coverage(methods)],
    "calibration-before": lambda _, methods: [calibration_before(methods)],
    "calibration-after": lambda _, methods: [calibration_after(methods)],
    "candidate-recall": lambda runs, methods: [candidate_recall(runs, methods)],
    "crs-losses": lambda _, methods: crs_losses(methods),
    "routing-sweep": routing_shares,
    "routing-cost": routing_costs,
    "paper-5a": lambda _, methods: [figure_5a(methods)],
    "paper-5a-time": lambda _, methods: [figure_5a_time(methods)],
    "paper-5b": lambda _, methods: [figure_5b(methods)],
}
"""Every chart by its name. Of several runs `crs-losses` and the sweeps have a chart each, with a number behind."""


def run_charts(runs: Sequence[ChartRun], only: Collection[str] = ()) -> Charts:
    """What can be drawn of runs, and what cannot, with the reason.

    Methods of all runs share the charts of rates and scores; losses and sweeps are a chart each.

    Args:
        runs: in the order of their legends.
        only: names in `CHARTS`; all if there is none.
    """
    methods = methods_of(runs)
    wanted = [draw for name, draw in CHARTS.items() if not only or name in only]
    return Charts.of([one for draw in wanted for one in draw(runs, methods)])
