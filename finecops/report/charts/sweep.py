"""The routing sweep as a chart: accuracy against cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from finecops.evaluation.sweep import Sweep
from finecops.metrics.routing import Costs, pareto_front
from finecops.metrics.values import EVERYTHING
from finecops.report.charts.chart import MUTED, Axis, Chart, Missing, Point, Series
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
    # Not the sweep's own front: where the MLLM takes fewer operations than the specialist, more of it costs less.
    best_rules = pareto_front(found.rules, lambda rule: cost(rule.to_mllm))
    front = tuple(Point(cost(rule.to_mllm), rule.precision_at_1) for rule in best_rules)
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


def sweep_charts(found: Sweep, name: str) -> list[Chart]:
    """The sweep of a run: over the MLLM's share, and over operations where the run measured them."""
    costs = found.gflops_per_sample
    first = sweep_chart(found, title=f"{_TITLE}, {name}")
    return [first] if costs is None else [first, cost_chart(found, costs, title=f"{_COST_TITLE}, {name}")]


def routing_shares(runs: Sequence[ChartRun], methods: Sequence[ChartMethod]) -> list[Chart | Missing]:
    """The sweep of each run over the MLLM's share."""
    return [
        found if isinstance(found, Missing) else sweep_chart(found, name, title, _as_run(run, methods))
        for run, name, title, found in _sweeps(runs, _NAME, _TITLE)
    ]


def routing_costs(runs: Sequence[ChartRun], methods: Sequence[ChartMethod]) -> list[Chart | Missing]:
    """The sweep of each run over operations, where it measured them."""
    charts: list[Chart | Missing] = []
    for run, name, title, found in _sweeps(runs, _COST_NAME, _COST_TITLE):
        if isinstance(found, Missing):
            charts.append(found)
        elif found.gflops_per_sample is None:
            charts.append(Missing(name, title, "the run did not measure the operations of router and both pathways"))
        else:
            charts.append(cost_chart(found, found.gflops_per_sample, name, title, _as_run(run, methods)))
    return charts


def _sweeps(runs: Sequence[ChartRun], name: str, title: str) -> Iterator[tuple[ChartRun, str, str, Sweep | Missing]]:
    """Each run with the name and title of its chart, and its sweep or why there is none."""
    for i, run in enumerate(runs, start=1):
        named, titled = (name, title) if len(runs) == 1 else (f"{name}-{i}", f"{title}, {run.name}")
        found = run.sweep
        yield run, named, titled, Missing(named, titled, found) if isinstance(found, str) else found


def _as_run(run: ChartRun, methods: Sequence[ChartMethod]) -> Point | None:
    router = run.evaluation.router
    for method in methods:
        answering, value = method.result.answering, method.values.get(("precision@1", EVERYTHING))
        ours = method.of is run and answering is not None and answering.method == "sfa"
        if ours and router is not None and router.n and value is not None:
            return Point(100 * router.to_mllm / router.n, value.value, n=value.n)
    return None
