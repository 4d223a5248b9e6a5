"""The routing sweep as a chart: accuracy against cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from finecops.errors import RunError
from finecops.evaluation.sweep import Sweep, sweep_run
from finecops.metrics.routing import Costs
from finecops.metrics.values import EVERYTHING
from finecops.report.charts.chart import MUTED, Axis, Chart, Charts, Missing, Point, Series
from finecops.report.charts.subject import ChartMethod, ChartRun

_NAME, _TITLE = "routing-sweep", "Routing rules: precision@1 over the MLLM's share"
_Y = Axis("precision@1 on positives (%)")
_COST_NAME, _COST_TITLE = "routing-cost", "Routing rules: precision@1 over operations"


def sweep_chart(found: Sweep, name: str = _NAME, title: str = _TITLE, as_run: Point | None = None) -> Chart:
    """Every rule over the share of samples that the MLLM answers, the rules that no other beats, each pathway alone,
    the oracle, and the rule of the run.

    Args:
        found: the sweep.
        name: the chart's name.
        title: the chart's title.
        as_run: precision@1 of SFA as it was run, over the share of samples that the MLLM answered (%).
    """
    note = f"n = {found.n} positives. The oracle's share is of positives. The vertical axis does not begin at 0."
    x = Axis("samples sent to the MLLM (%)", 0.0, 100.0)
    return Chart(name, title, x, _Y, _series(found, lambda share: share, (0.0, 100.0), as_run), (note,))


def cost_chart(
    found: Sweep, costs: Costs, name: str = _COST_NAME, title: str = _COST_TITLE, as_run: Point | None = None
) -> Chart:
    """The same over the cost of a sample in 10**9 operations."""
    # Alone, a pathway needs no router.
    series = _series(found, costs.of_share, (costs.specialist, costs.mllm), as_run)
    notes = (
        f"n = {found.n} positives. Rules and oracle cost the router too; pathways alone do not.",
        "Operations are those of each stage's first batch. The vertical axis does not begin at 0.",
    )
    return Chart(name, title, Axis("10⁹ operations per sample (GFLOP)"), _Y, series, notes)


def _series(
    found: Sweep, cost: Callable[[float], float], alone: tuple[float, float], as_run: Point | None
) -> tuple[Series, ...]:
    rules = tuple(Point(cost(rule.to_mllm), rule.precision_at_1) for rule in found.rules)
    front = tuple(Point(cost(rule.to_mllm), rule.precision_at_1) for rule in found.front)
    best = found.oracle
    series = [
        Series(f"{len(rules)} rules", rules, "cloud", MUTED),
        Series("Pareto front", front, "line", 0, dots=True),
        Series("oracle", (Point(cost(best.to_mllm_of_positives), best.precision_at_1),), "marks", 3),
        Series("specialist alone", (Point(alone[0], found.specialist),), "marks", 1),
        Series("MLLM alone", (Point(alone[1], found.mllm),), "marks", 2),
    ]
    if as_run is not None:
        series.append(Series("SFA as run", (as_run._replace(x=cost(as_run.x)),), "marks", 4))
    return tuple(series)


def sweep_charts(found: Sweep, name: str = "", number: int | None = None, as_run: Point | None = None) -> Charts:
    """The sweep over the MLLM's share, and over operations where the run measured them.

    Args:
        found: the sweep.
        name: of the run, for the titles; none where one run is drawn.
        number: of the run among several.
        as_run: see `sweep_chart`.
    """
    names, titles = _named(name, number)
    if found.gflops_per_sample is None:
        why = "the run did not measure the operations of router and both pathways"
        return Charts((sweep_chart(found, names[0], titles[0], as_run),), (Missing(names[1], titles[1], why),))
    first = sweep_chart(found, names[0], titles[0], as_run)
    return Charts((first, cost_chart(found, found.gflops_per_sample, names[1], titles[1], as_run)))


def routing_sweeps(runs: Sequence[ChartRun], methods: Sequence[ChartMethod]) -> list[Chart | Missing]:
    """The sweeps of each run that has both pathways on every sample."""
    found: list[Chart | Missing] = []
    for i, run in enumerate(runs, start=1):
        name, number = (run.name, i) if len(runs) > 1 else ("", None)
        try:
            drawn = sweep_charts(sweep_run(run.run), name, number, _as_run(run, methods))
        except RunError as error:
            names, titles = _named(name, number)
            found += [Missing(one, title, str(error)) for one, title in zip(names, titles)]
        else:
            found += [*drawn.charts, *drawn.missing]
    return found


def _named(run: str, number: int | None) -> tuple[tuple[str, str], tuple[str, str]]:
    """Names and titles of the two charts."""
    after, of = "" if number is None else f"-{number}", f", {run}" if run else ""
    return (f"{_NAME}{after}", f"{_COST_NAME}{after}"), (f"{_TITLE}{of}", f"{_COST_TITLE}{of}")


def _as_run(run: ChartRun, methods: Sequence[ChartMethod]) -> Point | None:
    router = run.evaluation.router
    for method in methods:
        answering, value = method.result.answering, method.values.get(("precision@1", EVERYTHING))
        ours = method.of is run and answering is not None and answering.method == "sfa"
        if ours and router is not None and router.n and value is not None:
            return Point(100 * router.to_mllm / router.n, value.value, n=value.n)
    return None
