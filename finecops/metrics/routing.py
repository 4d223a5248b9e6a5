"""The threshold sweep: what other routing rules would have given, from what both pathways answered.

A rule is a score threshold, an IoU for NMS, the level of a target that is not detected, and a lowest confidence the
specialist must have for its answer to be kept. No model runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from finecops.boxes import iou_xyxy
from finecops.metrics.answers import Floats, Ints
from finecops.records import Route, Sample

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Rule:
    """A routing rule; `min_confidence` 0 keeps every answer of the specialist."""

    score_threshold: float
    nms_iou: float
    zero_is: int
    min_confidence: float = 0.0


@dataclass(frozen=True)
class RuleResult:
    """What a rule gives: precision@1 on positives (per cent), the share of all samples that the MLLM answers, and what
    a sample costs on average in 10**9 operations (None where the stages' costs are not known)."""

    rule: Rule
    precision_at_1: float
    to_mllm: float
    gflops: float | None = None


@dataclass(frozen=True)
class Costs:
    """What a sample costs each stage, in 10**9 operations."""

    router: float
    specialist: float
    mllm: float

    def of_share(self, to_mllm_percent: float) -> float:
        """The mean cost of a sample if that share goes to the MLLM: every sample is routed."""
        share = to_mllm_percent / 100
        return self.router + share * self.mllm + (1 - share) * self.specialist


@dataclass(frozen=True)
class SweepData:
    """Arrays over n samples: the router's detections (`scores [n, k]`, best first, -inf behind the last; `iou
    [n, k, k]`), the specialist's best score, whether each pathway is right, which samples are positives, and which
    ones no rule can route: their target is doubtful or they failed, and they go to the MLLM."""

    scores: Floats
    iou: Floats
    confidence: Floats
    specialist_right: Bools
    mllm_right: Bools
    positive: Bools
    unrouted: Bools


def detections_of(samples: Sequence[Sample], routes: Mapping[str, Route]) -> tuple[Floats, Floats]:
    """`scores [n, k]` and `iou [n, k, k]` of what the router detected."""
    most = max((len(routes[s.id].all_scores) for s in samples if s.id in routes), default=0)
    scores = np.full((len(samples), most), -np.inf)
    boxes = np.zeros((len(samples), most, 4))
    for i, sample in enumerate(samples):
        route = routes.get(sample.id)
        if route is not None and route.all_scores:
            scores[i, : len(route.all_scores)] = route.all_scores
            boxes[i, : len(route.all_boxes)] = route.all_boxes
    return scores, iou_xyxy(boxes[:, :, None], boxes[:, None])


def kept_by_nms(scores: Floats, iou: Floats, nms_iou: float) -> Bools:
    """Which detections greedy NMS keeps, `[n, k]`. It does not depend on the score threshold: a box below the
    threshold never suppresses one above it."""
    kept = np.isfinite(scores)
    # All samples at once, rank by rank: greedy NMS looks at kept boxes of a higher score alone.
    for i in range(1, scores.shape[1]):
        kept[:, i] &= ~np.any(kept[:, :i] & (iou[:, i, :i] > nms_iou), axis=1)
    return kept


def sweep(data: SweepData, rules: Iterable[Rule], costs: Costs | None = None) -> list[RuleResult]:
    """The result of every rule, in their order."""
    kept: dict[float, Bools] = {}
    counts: dict[tuple[float, float], Ints] = {}
    results = []
    for rule in rules:
        if rule.nms_iou not in kept:
            kept[rule.nms_iou] = kept_by_nms(data.scores, data.iou, rule.nms_iou)
        key = (rule.nms_iou, rule.score_threshold)
        if key not in counts:
            counts[key] = np.sum(kept[rule.nms_iou] & (data.scores > rule.score_threshold), axis=1)
        easy = counts[key] == 1
        if rule.zero_is == 1:
            easy |= counts[key] == 0
        # A sample whose answer is below the lowest confidence goes to the MLLM.
        easy &= (data.confidence >= rule.min_confidence) & ~data.unrouted
        right = np.where(easy, data.specialist_right, data.mllm_right)
        precision = 100 * float(right[data.positive].mean()) if data.positive.any() else 0.0
        to_mllm = 100 * float(1 - easy.mean())
        results.append(
            RuleResult(
                rule, precision_at_1=precision, to_mllm=to_mllm, gflops=costs.of_share(to_mllm) if costs else None
            )
        )
    return results


def oracle(data: SweepData) -> tuple[float, float]:
    """The best any router could do on the positives: precision@1, and the share it must send to the MLLM (%)."""
    either = (data.specialist_right | data.mllm_right)[data.positive]
    needed = (~data.specialist_right & data.mllm_right)[data.positive]
    return 100 * float(either.mean()), 100 * float(needed.mean())


def pareto_front(
    results: Sequence[RuleResult], cost: Callable[[RuleResult], float] = attrgetter("to_mllm")
) -> list[RuleResult]:
    """The results that no other beats in both precision and cost, by rising cost.

    Args:
        results: of rules.
        cost: what a result costs; the MLLM's share, unless something else is said.
    """
    front: list[RuleResult] = []
    # By rising cost, of equal cost the best first: a result is on the front if it beats all before it.
    for result in sorted(results, key=lambda r: (cost(r), -r.precision_at_1)):
        if not front or result.precision_at_1 > front[-1].precision_at_1:
            front.append(result)
    return front


def default_rules(confidence: Floats) -> list[Rule]:
    """A grid of 396 rules: 11 thresholds, 3 NMS IoUs, both levels of nothing, 6 confidences (quantiles)."""
    # A rejection has no confidence; quantiles are of the answers that have one.
    known = confidence[np.isfinite(confidence)]
    quantiles = np.quantile(known, [0.02, 0.05, 0.1, 0.2, 0.4]).tolist() if len(known) else []
    lowest = [0.0, *(round(q, 4) for q in quantiles)]
    thresholds = [0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]
    return [Rule(*values) for values in product(thresholds, (0.5, 0.7, 0.9), (1, 2), lowest)]
