"""The paper's figures 5(a) and 5(b) for runs: precision against operations, and the time of CRS beside the MLLM's.

What the published figures show is known from their caption and the text about them: 5(a) "compares the FLOPs
(computational cost) of SFA with other methods, including the Specialist Model […] and MLLMs"; 5(b) "compares the
inference time of CRS with that of MLLMs themselves".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from finecops.evaluation.strategy_costs import Cost, strategy_cost
from finecops.metrics.values import EVERYTHING
from finecops.report.charts.chart import Axis, Chart, Missing, Point, Series
from finecops.report.charts.subject import ChartMethod
from finecops.runs.manifest import ALL

_5A = "paper-5a", "Figure 5(a): precision@1 against operations"
_5A_TIME = "paper-5a-time", "Figure 5(a) by time: precision@1 against time"
_5B = "paper-5b", "Figure 5(b): inference time of CRS and of MLLMs"
_INCLUDED = "Of SFA: the router for all samples, each pathway for its share. Of CRS: proposals and choice."
_TIMES = "Times are of when each stage ran, without the loading of models; compare those of one machine alone."


def figure_5a(methods: Sequence[ChartMethod]) -> Chart | Missing:
    """Precision@1 on positives over 10**9 operations a sample, a mark a method."""
    axis = Axis("10⁹ operations per sample (GFLOP)", 0.0)
    return _against(methods, _5A, axis, "number of operations", (_INCLUDED,), lambda cost: cost.gflops)


def figure_5a_time(methods: Sequence[ChartMethod]) -> Chart | Missing:
    """Precision@1 on positives over milliseconds a sample."""
    axis = Axis("milliseconds per sample", 0.0)
    notes = (_INCLUDED, _TIMES)
    return _against(
        methods, _5A_TIME, axis, "time", notes, lambda cost: None if cost.seconds is None else 1000 * cost.seconds
    )


def _against(
    methods: Sequence[ChartMethod],
    named: tuple[str, str],
    axis: Axis,
    what: str,
    about: Sequence[str],
    of: Callable[[Cost], float | None],
) -> Chart | Missing:
    series, notes = [], []
    for method in methods:
        value = method.values.get(("precision@1", EVERYTHING))
        cost = of(_cost(method))
        if value is None or value.value is None:
            continue
        if method.result.share != ALL:
            notes.append(f"Not drawn: {method.name} answered a part of the samples alone.")
        elif cost is None:
            notes.append(f"Not drawn: {method.name}, since the {what} of a stage is not known.")
        else:
            point = Point(cost, value.value, value.ci_low, value.ci_high, value.n)
            series.append(Series(f"{method.name} (n = {value.n})", (point,), "marks", method.colour))
    if not series:
        why = f"of no method is the {what} of all its stages known" if notes else "there is no positive sample"
        return Missing(*named, why)
    precision = Axis("precision@1 on positives (%)")
    notes = [*about, "The vertical axis does not begin at 0.", *_shares(methods, what, of), *notes]
    return Chart(*named, axis, precision, tuple(series), tuple(notes))


def _shares(methods: Sequence[ChartMethod], what: str, of: Callable[[Cost], float | None]) -> list[str]:
    """What SFA and CRS cost beside the MLLM alone, if there is one."""
    costs = [(method, of(_cost(method))) for method in methods if method.result.share == ALL]
    alone = [cost for method, cost in costs if _kind(method) == "mllm"]
    if len(alone) != 1 or not alone[0]:
        return []
    return [
        f"{method.name}: {100 * cost / alone[0]:.0f}% of the MLLM's {what}."
        for method, cost in costs
        if _kind(method) in ("sfa", "crs") and cost is not None
    ]


def _kind(method: ChartMethod) -> str | None:
    return method.result.answering.method if method.result.answering is not None else None


def figure_5b(methods: Sequence[ChartMethod]) -> Chart | Missing:
    """Milliseconds a sample of each MLLM that writes a box, and of each choice among candidates."""
    of = {kind: [m for m in methods if _kind(m) == kind] for kind in ("mllm", "crs")}
    for kind, command in (("mllm", "finecops crs run --both"), ("crs", "finecops crs run")):
        if not of[kind]:
            return Missing(*_5B, f"no run has answers of {'an MLLM alone' if kind == 'mllm' else 'CRS'}: `{command}`")
    shown = [method for method in (*of["mllm"], *of["crs"]) if _own_seconds(method) is not None]
    if {_kind(method) for method in shown} != {"mllm", "crs"}:
        return Missing(*_5B, "the runs do not say how long these stages took")
    own = tuple(Point(i, 1000 * (_own_seconds(method) or 0.0)) for i, method in enumerate(shown))
    whole = [(i, _cost(method).seconds) for i, method in enumerate(shown)]
    series = (
        Series("the MLLM's own time", own, "bars", 0),
        Series("with all that it needs", tuple(Point(i, None if s is None else 1000 * s) for i, s in whole), "bars", 1),
    )
    notes = [_TIMES]
    if len(of["mllm"]) == 1:
        base = own[shown.index(of["mllm"][0])].y or 0.0
        for i, method in enumerate(shown):
            if method in of["crs"] and base:
                notes.append(f"{method.name} takes {100 * (own[i].y or 0.0) / base:.0f}% of the MLLM's own time.")
    axis = Axis("", names=tuple(method.name for method in shown))
    return Chart(*_5B, axis, Axis("milliseconds per sample", 0.0), series, tuple(notes))


def _cost(method: ChartMethod) -> Cost:
    return strategy_cost(method.of.run, method.stage.name)


def _own_seconds(method: ChartMethod) -> float | None:
    entry = method.stage.entry
    return entry.seconds / entry.timed_samples if entry.seconds is not None and entry.timed_samples else None
