"""The threshold sweep: the results of other routing rules, from the answers of both pathways in a run."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from finecops.errors import RunError
from finecops.evaluation.reading import RunData
from finecops.metrics.arrays import evaluate_arrays, scored_samples
from finecops.metrics.precision import IOU_THRESHOLD
from finecops.metrics.routing import (
    Costs,
    RuleResult,
    SweepData,
    default_rules,
    detections_of,
    oracle,
    pareto_front,
    sweep,
)
from finecops.records import Record, Route
from finecops.runs.manifest import Method


class Oracle(Record):
    """The best any router could do on the positives."""

    precision_at_1: float
    """Per cent."""
    to_mllm_of_positives: float
    """Per cent of the positives that only the MLLM has right."""


class Sweep(Record):
    """What each rule gives, which rules no other beats, and what bounds them."""

    n: int
    """How many positives precision@1 is over."""
    rules: tuple[RuleResult, ...]
    front: tuple[RuleResult, ...]
    """By rising share of the MLLM, which is the cost here."""
    oracle: Oracle
    specialist: float
    """Precision@1 of the specialist alone, per cent."""
    mllm: float
    gflops_per_sample: Costs | None
    """None where the run did not measure them."""


def sweep_run(folder: Path | RunData, iou: float = IOU_THRESHOLD) -> Sweep:
    """Sweep the routing rules on a run with both pathways on every sample; nothing is run again.

    Args:
        folder: the run's, or the run if it was read already.
        iou: a box is right above it.

    Raises:
        RunError: the run lacks its routes, or a pathway on some samples.
    """
    run = folder if isinstance(folder, RunData) else RunData(folder)
    folder = run.folder
    routes = run.first("routes", Route)
    specialist, mllm = run.pathway("specialist"), run.pathway("mllm")
    # A rule may send any sample to either pathway, so both must have answered all.
    complete = all(rows is not None and len(rows) >= len(run.samples) for rows in (specialist, mllm))
    if routes is None:
        raise RunError(f"{folder}/ has no routes: only a run of `finecops sfa run --both` can be routed otherwise")
    if specialist is None or mllm is None or not complete:
        raise RunError(
            f"{folder}/ lacks both pathways on every sample: repeat the command that started it, with --both"
        )
    samples = scored_samples(run.samples)
    fast, slow = evaluate_arrays(samples, specialist), evaluate_arrays(samples, mllm)
    scores, overlaps = detections_of(samples, routes)
    data = SweepData(
        scores=scores,
        iou=overlaps,
        # Boxes without scores are below every lowest confidence.
        confidence=np.nan_to_num(fast.scores[:, 0], nan=-np.inf),
        specialist_right=fast.answered_iou[:, 0] > iou,
        mllm_right=slow.answered_iou[:, 0] > iou,
        positive=fast.positive,
        unrouted=np.array([s.id not in routes or routes[s.id].status != "routed" for s in samples]),
    )
    if not data.positive.any():
        raise RunError(f"{folder}/ has no positive sample; a sweep compares how many of them are right")
    costs = _costs(run)
    results = sweep(data, default_rules(data.confidence), costs)
    best, needed = oracle(data)
    return Sweep(
        n=int(data.positive.sum()),
        rules=tuple(results),
        front=tuple(pareto_front(results)),
        oracle=Oracle(precision_at_1=best, to_mllm_of_positives=needed),
        specialist=100 * float(data.specialist_right[data.positive].mean()),
        mllm=100 * float(data.mllm_right[data.positive].mean()),
        gflops_per_sample=costs,
    )


def _costs(run: RunData) -> Costs | None:
    """What a sample cost each stage, as the run measured it; None if one was not measured."""
    router = next((entry.gflops_per_sample for entry in run.stages.values() if entry.role == "routes"), None)
    specialist, mllm = (_cost(run, method) for method in ("specialist", "mllm"))
    if router is None or specialist is None or mllm is None:
        return None
    return Costs(router, specialist, mllm)


def _cost(run: RunData, method: Method) -> float | None:
    names = run.answering(method)
    return run.stages[names[0]].gflops_per_sample if names else None
