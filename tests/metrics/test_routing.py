"""The threshold sweep against routing every sample anew with the router's own functions."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from finecops.metrics.ledgers import sfa_ledger
from finecops.metrics.routing import (
    Rule,
    SweepData,
    default_rules,
    detections_of,
    oracle,
    pareto_front,
    sweep,
)
from finecops.records import Route
from finecops.replies.answer import Answer
from finecops.stages.route import counted, level_of_count
from tests.conftest import make_sample


def random_data(n: int = 60) -> tuple[SweepData, list[Answer]]:
    rng = np.random.default_rng(0)
    samples, routes, found = [], {}, []
    for i in range(n):
        k = int(rng.integers(0, 7))
        corners = rng.random((k, 2)) * 40
        boxes = np.concatenate([corners, corners + 10 + 20 * rng.random((k, 2))], axis=1).round(4)
        scores = np.sort(rng.choice([0.06, 0.2, 0.3, 0.55, 0.9], k))[::-1]
        samples.append(make_sample(str(i)))
        found.append(Answer.of_arrays(boxes, scores))
        routes[str(i)] = Route(
            sample_id=str(i),
            status="routed",
            level=2,
            boxes=(),
            scores=(),
            all_boxes=tuple(map(tuple, boxes.tolist())),
            all_scores=tuple(scores.tolist()),
        )
    scores_iou = detections_of(samples, routes)
    right = rng.random((2, n)) < 0.6
    return SweepData(*scores_iou, rng.random(n), right[0], right[1], rng.random(n) < 0.7, rng.random(n) < 0.1), found


def test_a_sweep_equals_routing_anew() -> None:
    data, found = random_data()
    rules = default_rules(data.confidence)
    assert len(rules) == 396
    for result in sweep(data, rules):
        rule = result.rule
        easy = np.array(
            [
                level_of_count(len(counted(d, rule.score_threshold, rule.nms_iou).scores), rule.zero_is) == 1  # type: ignore[arg-type]
                and data.confidence[i] >= rule.min_confidence
                and not data.unrouted[i]
                for i, d in enumerate(found)
            ]
        )
        right = np.where(easy, data.specialist_right, data.mllm_right)[data.positive]
        assert np.isclose(result.precision_at_1, 100 * right.mean())
        assert np.isclose(result.to_mllm, 100 * (1 - easy.mean()))


def test_no_rule_beats_the_oracle_and_the_front_only_rises() -> None:
    data, _ = random_data()
    results = sweep(data, default_rules(data.confidence))
    best, _ = oracle(data)
    assert all(r.precision_at_1 <= best for r in results)
    front = pareto_front(results)
    for cheap, dear in pairwise(front):
        assert cheap.to_mllm < dear.to_mllm
        assert cheap.precision_at_1 < dear.precision_at_1
    for r in results:
        assert any(f.to_mllm <= r.to_mllm and f.precision_at_1 >= r.precision_at_1 for f in front)


def test_known_optimum() -> None:
    """The specialist is right exactly where its confidence is high: asking for it is the best rule."""
    n = 100
    confidence = np.linspace(0, 1, n)
    sure = confidence >= 0.5
    one = np.full((n, 1), 0.9)
    data = SweepData(one, np.ones((n, 1, 1)), confidence, sure, ~sure, np.ones(n, dtype=bool), np.zeros(n, dtype=bool))
    rules = [Rule(0.2, 0.7, 2, c) for c in (0.0, 0.25, 0.5, 0.75)]
    assert [r.precision_at_1 for r in sweep(data, rules)] == [50.0, 75.0, 100.0, 75.0]


def test_the_ledger_counts_every_positive_once() -> None:
    rng = np.random.default_rng(1)
    for _ in range(50):
        n = int(rng.integers(1, 30))
        level, router = rng.integers(1, 4, n), rng.integers(1, 3, n)
        specialist, mllm = rng.random((2, n)) < 0.5
        ledger = sfa_ledger(level, router, specialist, mllm)
        cells = [
            ledger.routed_right_answered_right,
            ledger.routed_right_answered_wrong,
            ledger.routed_wrong_answered_right,
            ledger.routed_wrong_answered_wrong,
        ]
        assert sum(cells) == ledger.n == n
        answered = np.where(router == 1, specialist, mllm)
        assert cells[0] + cells[2] == answered.sum()
        assert answered.sum() + ledger.other_right == (specialist | mllm).sum()
