"""What a strategy costs a sample, from what the stages of a run took and the share of the samples that each gets."""

from __future__ import annotations

from collections.abc import Callable

from finecops.evaluation.reading import RunData
from finecops.records import Record, Route
from finecops.runs.manifest import StageEntry


class Cost(Record):
    """What a sample costs on average."""

    stages: dict[str, float]
    """The stages that a strategy needs, with the share of the samples that each gets: SFA routes every sample, and
    each pathway gets its part of them."""
    seconds: float | None
    """None where a stage has no time."""
    gflops: float | None
    """10**9 operations; None where a stage's are not known: a server's, or a file's."""
    to_mllm: float
    """Per cent of the samples for which the MLLM is asked."""


def strategy_cost(run: RunData, stage: str) -> Cost:
    """The cost of answering by a stage.

    Times are those of when each stage ran, without the loading of models, divided by the rows that were made then. A
    pathway of SFA is taken to cost as much a sample as it does on all samples.
    """
    weights = _weights(run, stage, _to_mllm(run))
    return Cost(
        stages=weights,
        seconds=_sum(run, weights, _seconds),
        gflops=_sum(run, weights, _gflops),
        to_mllm=100 * max((weight for name, weight in weights.items() if _asks_mllm(run.stages[name])), default=0.0),
    )


def _to_mllm(run: RunData) -> float:
    """The share of the samples that the router sends to the MLLM."""
    routes = run.first("routes", Route) or {}
    return sum(route.level == 2 for route in routes.values()) / len(routes) if routes else 0.0


def _weights(run: RunData, stage: str, to_mllm: float) -> dict[str, float]:
    """Each stage that a stage needs, itself too, with its share of the samples."""
    entry = run.stages[stage]
    easy, hard = entry.settings.get("easy"), entry.settings.get("hard")
    if not (isinstance(easy, str) and isinstance(hard, str)):
        found = {name: 1.0 for before in entry.inputs for name in _weights(run, before, to_mllm)}
        return found | {stage: 1.0}
    # Of a merge, the router sees every sample, and what both pathways need is needed once.
    routing = [before for before in entry.inputs if before not in (easy, hard)]
    everything = {name: 1.0 for before in routing for name in _weights(run, before, to_mllm)}
    found = dict(everything)
    for pathway, share in ((easy, 1 - to_mllm), (hard, to_mllm)):
        for name in _weights(run, pathway, to_mllm):
            found[name] = found.get(name, 0.0) + share
    # Last what every sample needs: it replaces the sum of the pathways' shares.
    return found | everything | {stage: 1.0}


def _sum(run: RunData, weights: dict[str, float], of: Callable[[StageEntry], float | None]) -> float | None:
    values = {name: of(run.stages[name]) for name in weights}
    # A sum without one of its stages would look cheap, so there is none.
    known = [weights[name] * value for name, value in values.items() if value is not None]
    return sum(known) if len(known) == len(values) else None


def _seconds(entry: StageEntry) -> float | None:
    return entry.seconds / entry.timed_samples if entry.seconds is not None and entry.timed_samples else None


def _gflops(entry: StageEntry) -> float | None:
    # Reading text by rules and merging rows multiply no matrices.
    if entry.role == "targets" and _extractor(entry) == "rules":
        return 0.0
    return 0.0 if _merges(entry) else entry.gflops_per_sample


def _extractor(entry: StageEntry) -> object:
    extractor = entry.settings.get("extractor")
    return extractor.get("backend") if isinstance(extractor, dict) else None


def _merges(entry: StageEntry) -> bool:
    return "easy" in entry.settings and "hard" in entry.settings


def _asks_mllm(entry: StageEntry) -> bool:
    """Whether the rows of a stage are an MLLM's own answers."""
    return entry.answering is not None and entry.answering.method in ("mllm", "crs")
