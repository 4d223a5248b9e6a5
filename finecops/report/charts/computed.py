"""The paper's figures 5(a) and 5(b) for the paper's own pair, computed from the models' shapes: no run is needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from finecops.evaluation import paper_costs
from finecops.evaluation.paper_costs import ComputedCost, computed_costs
from finecops.report.charts.chart import Axis, Chart, Point, Series

_PAIR: Final = "MM-GDINO-L and Qwen2-VL-7B"
_THIRD: Final = 1 / 3


def _title(letter: str) -> str:
    return f"Figure 5({letter}) computed for {_PAIR}"


def operations() -> Chart:
    """Figure 5(a): precision@1 over operations."""
    axis = Axis("10⁹ operations per sample (GFLOP), computed", 0.0)
    return _marks("paper-5a-computed", _title("a"), axis, lambda cost: cost.gflops)


def time() -> Chart:
    """The same over time."""
    axis = Axis("milliseconds per sample, computed", 0.0)
    return _marks("paper-5a-time-computed", f"{_title('a')}, by time", axis, lambda cost: 1000 * cost.seconds)


def mllm_time() -> Chart:
    """Figure 5(b): the time of a letter beside that of a written box."""
    costs = [cost for cost in computed_costs() if cost.own_seconds is not None]
    own = tuple(Point(i, 1000 * (cost.own_seconds or 0.0)) for i, cost in enumerate(costs))
    whole = tuple(Point(i, 1000 * cost.seconds) for i, cost in enumerate(costs))
    series = (
        Series("the MLLM's own time (computed)", own, "bars", 0),
        Series("with all that it needs (computed)", whole, "bars", 1),
    )
    names = Axis("", names=tuple(cost.name for cost in costs))
    return Chart(
        "paper-5b-computed", _title("b"), names, Axis("milliseconds per sample, computed", 0.0), series, _notes()
    )


COMPUTED: Final[Mapping[str, Callable[[], Chart]]] = {
    "paper-5a-computed": operations,
    "paper-5a-time-computed": time,
    "paper-5b-computed": mllm_time,
}
"""The charts by their names; drawn only where they are named."""


def _marks(name: str, title: str, axis: Axis, of: Callable[[ComputedCost], float]) -> Chart:
    series = tuple(
        Series(f"{cost.name} (computed)", (Point(of(cost), cost.precision),), "marks", i)
        for i, cost in enumerate(computed_costs())
    )
    return Chart(name, title, axis, Axis("precision@1 on positives (%), the paper's"), series, _notes())


def _notes() -> tuple[str, ...]:
    specialist, mllm, sfa, crs = computed_costs()
    slower = {cost.name: cost for cost in computed_costs(_THIRD)}
    own = [100 * (c.own_seconds or 0.0) / m.seconds for c, m in ((crs, mllm), (slower["CRS"], slower["MLLM"]))]
    shares = [100 * s.seconds / m.seconds for s, m in ((sfa, mllm), (slower["SFA"], slower["MLLM"]))]
    width, height = paper_costs.IMAGE_WH
    operations_of_choice = 100 * (crs.gflops - specialist.gflops) / mllm.gflops
    return (
        f"Computed from the models' shapes, not measured: an image of {width} x {height}, expressions of "
        f"{paper_costs.EXPRESSION} tokens, {paper_costs.OPTIONS} candidates, one question at a time, no work shared.",
        f"Time is at the limits of an {paper_costs.GPU}; in brackets if a third of its rate of operations is reached.",
        f"The choice of CRS takes {own[0]:.0f}% ({own[1]:.0f}%) of the MLLM's own time for a written box, and "
        f"{operations_of_choice:.0f}% of its operations.",
        f"SFA takes {shares[0]:.0f}% ({shares[1]:.0f}%) of the MLLM's time and {100 * sfa.gflops / mllm.gflops:.0f}% "
        f"of its operations; {100 * paper_costs.share_to_mllm():.0f}% of the samples go to the MLLM (from Table VI).",
    )
