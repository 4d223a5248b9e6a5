"""Which strategy a user should take: every strategy on the same samples, what each costs, and what the data can say.

A strategy is called better than another only where the interval of their paired difference and its p value, adjusted
for the number of pairs, both say so. Where they do not, the number of samples that would be needed is estimated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from finecops.errors import RunError
from finecops.evaluation.evaluate import evaluate
from finecops.evaluation.reading import RunData
from finecops.evaluation.results import Outcomes
from finecops.evaluation.settings import MetricSettings
from finecops.evaluation.strategy_costs import Cost, strategy_cost
from finecops.evaluation.summaries import right_answers
from finecops.metrics.answers import Ints
from finecops.metrics.arrays import Bools
from finecops.metrics.intervals import clusters_of, mean_interval
from finecops.metrics.paired import CONFIDENCE, POWER, holm, paired_difference, randomization_p, samples_needed
from finecops.metrics.values import EVERYTHING, MEAN_OF_COLUMNS, Cluster, MetricValue
from finecops.records import Prediction, Record, Sample

_METRICS = ("r1", "auroc", "reject")
FrontBy: TypeAlias = Literal["gflops", "seconds"]
FORMULA = "n = (z(0.975) √ψ + z(0.8) √(ψ − δ²))² / δ²"
"""Connor (1987), for McNemar's test; `finecops.metrics.paired.samples_needed`."""


class StrategyResult(Record):
    """A strategy on the samples; rates are per cent."""

    strategy: str
    stage: str
    precision_at_1: float
    """Of positives."""
    ci_low: float
    """Of its 95% bootstrap interval."""
    ci_high: float
    recall_at_1: dict[str, float]
    """By the kind of negatives, the mean over its columns; empty without scores or pairs."""
    negatives_rejected: float | None
    """None without negatives."""
    positives_rejected: float
    auroc: float | None
    outcomes: Outcomes
    cost: Cost
    on_front: bool
    """Whether no other strategy is at least as accurate and as cheap, and better in one of them."""


class StrategyPair(Record):
    """The precision@1 of two strategies on the same positives: the second minus the first, in points."""

    first: str
    second: str
    difference: float
    ci_low: float
    ci_high: float
    discordant: float
    """Per cent of the positives on which one of them alone is right."""
    p_adjusted: float
    """Of McNemar's test (or of changing places by cluster), adjusted for the number of pairs (Holm)."""
    clear: bool
    """Whether the interval leaves out zero and the adjusted p value is below 0.05."""
    positives_needed: int | None
    """For a test with 95% confidence and a power of 80%, if the true difference is the one that was seen; None where
    none was seen."""


class Advice(Record):
    """What `finecops advise` says."""

    version: Literal[1] = 1
    run: str
    dataset: str
    split: str
    samples: int
    positives: int
    negatives: int
    positives_in_split: int
    strategies: tuple[StrategyResult, ...]
    pairs: tuple[StrategyPair, ...]
    """Every two strategies."""
    front_by: FrontBy | None
    """The cost of the Pareto front: operations where all are known, else seconds; None where neither is."""
    best: str
    """The strategy of the highest precision@1, whether that is clear or not."""
    undecided: tuple[str, ...]
    """The strategies that the data cannot tell from it."""
    verdict: str
    formula: str = FORMULA
    confidence: float = CONFIDENCE
    power: float = POWER


def advise(folder: Path, stages: Mapping[str, str], split: Iterable[Sample], cluster: Cluster = "positive") -> Advice:
    """Compare the strategies of a run.

    Args:
        folder: a run in which every strategy answered every sample.
        stages: the stage of each strategy's answers, by what the strategy is called.
        split: all samples of the split, to say how many positives there are.
        cluster: what the bootstrap draws together.

    Raises:
        RunError: no sample has a known box, so nothing can be right or wrong.
    """
    run = RunData(folder)
    positives = [sample for sample in run.samples if sample.positive]
    if not positives:
        raise RunError(f"{folder}/ has no positive sample: without a true box nothing says which strategy is right")
    right = {name: right_answers(positives, run.rows(stage, Prediction)) for name, stage in stages.items()}
    clusters = clusters_of(positives, cluster)
    measured = [_measured(run, name, stage, right[name], clusters) for name, stage in stages.items()]
    results, front_by = _with_front(measured)
    pairs = _pairs(right, clusters)
    best = max(results, key=lambda result: result.precision_at_1).strategy
    undecided = [name for name in stages if name != best and not pair_of(pairs, best, name).clear]
    about, there = run.manifest.dataset, sum(sample.positive for sample in split)
    return Advice(
        run=str(folder),
        dataset=about.name,
        split=about.split,
        samples=len(run.samples),
        positives=len(positives),
        negatives=sum(sample.absent for sample in run.samples),
        positives_in_split=there,
        strategies=tuple(results),
        pairs=tuple(pairs),
        front_by=front_by,
        best=best,
        undecided=tuple(undecided),
        verdict=_verdict(results, pairs, best, undecided, front_by, (len(positives), there)),
    )


def _measured(run: RunData, name: str, stage: str, right: Bools, clusters: Ints) -> StrategyResult:
    (answering,) = run.methods({stage})
    found = evaluate(answering.samples, answering.answers, settings=MetricSettings(metrics=_METRICS))
    overall = {value.metric: value.value for value in found.values if value.subset == EVERYTHING}
    hits = np.where(right, 100.0, 0.0)
    interval = mean_interval(hits, clusters)
    # Of positives, of which there is at least one.
    assert interval is not None
    return StrategyResult(
        strategy=name,
        stage=stage,
        precision_at_1=float(hits.mean()),
        ci_low=interval.low,
        ci_high=interval.high,
        recall_at_1={v.kind: v.value for v in found.values if _is_mean(v) and v.kind and v.value is not None},
        negatives_rejected=overall["negative_accuracy"],
        positives_rejected=overall["false_rejection_rate"] or 0.0,
        auroc=overall.get("auroc"),
        outcomes=found.outcomes,
        cost=strategy_cost(run, stage),
        on_front=False,
    )


def _is_mean(value: MetricValue) -> bool:
    return value.metric == "recall@1" and value.type == MEAN_OF_COLUMNS


def _with_front(results: Sequence[StrategyResult]) -> tuple[list[StrategyResult], FrontBy | None]:
    """The results with the Pareto front of accuracy against cost, and which cost that is."""
    costs: dict[FrontBy, list[float]] = {
        "gflops": [r.cost.gflops for r in results if r.cost.gflops is not None],
        "seconds": [r.cost.seconds for r in results if r.cost.seconds is not None],
    }
    by = next((name for name, values in costs.items() if len(values) == len(results)), None)
    if by is None:
        return list(results), None
    points = list(zip((result.precision_at_1 for result in results), costs[by]))

    def beaten(point: tuple[float, float]) -> bool:
        # Who equals another in both is not beaten: the two stand on the front together.
        return any(other[0] >= point[0] and other[1] <= point[1] and other != point for other in points)

    return [r.model_copy(update={"on_front": not beaten(p)}) for r, p in zip(results, points)], by


def _pairs(right: Mapping[str, Bools], clusters: Ints) -> list[StrategyPair]:
    """Every two strategies; p values are adjusted for all pairs, since the best one is found among them."""
    found = []
    for first, second in combinations(right, 2):
        a, b = (np.where(right[name], 100.0, 0.0) for name in (first, second))
        found.append((first, second, float((a != b).mean()), paired_difference(a, b, clusters)))
    p_values = [
        randomization_p(100.0 * right[second] - 100.0 * right[first], clusters) for first, second, _, _ in found
    ]
    return [
        StrategyPair(
            first=first,
            second=second,
            difference=value.difference,
            ci_low=value.interval.low,
            ci_high=value.interval.high,
            discordant=100 * discordant,
            p_adjusted=adjusted,
            clear=adjusted < 0.05 and (value.interval.low > 0 or value.interval.high < 0),
            positives_needed=samples_needed(value.difference / 100, discordant),
        )
        for (first, second, discordant, value), adjusted in zip(found, holm(p_values))
    ]


def pair_of(pairs: Sequence[StrategyPair], one: str, other: str) -> StrategyPair:
    """The pair of two strategies, in either order."""
    return next(pair for pair in pairs if {pair.first, pair.second} == {one, other})


def _verdict(
    results: Sequence[StrategyResult],
    pairs: Sequence[StrategyPair],
    best: str,
    undecided: Sequence[str],
    front_by: FrontBy | None,
    positives: tuple[int, int],
) -> str:
    """One sentence that says no more than the intervals do; `positives` are those here and those of the split."""
    n, there = positives
    of = {result.strategy: result for result in results}
    worse = [name for name in of if name != best and name not in undecided]
    if not undecided:
        nearest = max(worse, key=lambda name: of[name].precision_at_1)
        pair = pair_of(pairs, best, nearest)
        # Said as points less, whichever of the two is the pair's first; clear, so both ends have one sign.
        low, high = sorted((abs(pair.ci_low), abs(pair.ci_high)))
        return (
            f"{best} is the most accurate: {of[best].precision_at_1:.1f}% of the {n} positives right, clearly more "
            f"than every other strategy (the nearest is {nearest} with {abs(pair.difference):.1f} points less, 95% "
            f"interval {low:.1f} to {high:.1f})."
        )
    open_ = [best, *undecided]
    said = f"The data cannot decide between {', '.join(open_[:-1])} and {open_[-1]}: on these {n} positives the "
    said += "differences may be chance"
    said += f"; clearly worse than {best}: {', '.join(worse)}" if worse else ""
    # The question that is left: does the best pay for what it costs more?
    other = max(undecided, key=lambda name: of[name].precision_at_1)
    if front_by is not None:
        cheapest = min(open_, key=lambda name: _cost(of[name], front_by))
        said += f"; of the undecided, {cheapest} costs least ({_cost_in_words(of[cheapest], front_by)})"
        other = cheapest if cheapest != best else other
    needed = pair_of(pairs, best, other).positives_needed
    if needed is None:
        return f"{said}, and {best} is right as often as {other}."
    # With several pairs to decide, even a test of enough samples for one may leave it open.
    number = f"about {needed}" if needed > n else f"more than these {n}"
    return f"{said}, and to tell {best} from {other} would take {number} positives (the split has {there})."


def _cost(result: StrategyResult, by: FrontBy) -> float:
    value = result.cost.gflops if by == "gflops" else result.cost.seconds
    # The front's cost is one that all strategies have.
    assert value is not None
    return value


def _cost_in_words(result: StrategyResult, by: FrontBy) -> str:
    unit = "GFLOP" if by == "gflops" else "s"
    return f"{_cost(result, by):.3g} {unit} a sample"
