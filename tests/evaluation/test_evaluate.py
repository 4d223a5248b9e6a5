"""Metrics against hand-counted tables and against brute force over everything."""

from __future__ import annotations

import random
from itertools import pairwise, permutations, product
from typing import Any

import numpy as np
import pytest

from finecops.errors import ConfigError
from finecops.evaluation.evaluate import evaluate
from finecops.evaluation.results import Measured
from finecops.evaluation.settings import MetricSettings
from finecops.metrics.arrays import evaluate_arrays, presence_scores
from finecops.metrics.auroc import auroc, average_precision, false_positive_rate_at_recall
from finecops.metrics.precision import precision_at_k
from finecops.metrics.recall import pair_recall_at_k
from finecops.metrics.values import Subset
from finecops.records import Prediction, Route, Sample
from tests.conftest import make_negative, make_prediction, make_sample

RIGHT, WRONG = (10.0, 10.0, 50.0, 50.0), (60.0, 60.0, 90.0, 90.0)
HALF = (10.0, 10.0, 50.0, 30.0)  # IoU with RIGHT is exactly 0.5


def of_metrics(*names: str, **more: Any) -> MetricSettings:
    return MetricSettings(metrics=names, **more)


def value(result: Measured, metric: str, **of: Any) -> Any:
    (row,) = [v for v in result.values if v.metric == metric and v.subset == Subset(**of)]
    return row.value, row.n


def test_precision_counts_boxes_strictly_above_the_threshold() -> None:
    samples = [make_sample(i) for i in "abcdef"]
    predictions = {
        p.sample_id: p
        for p in (
            make_prediction("a", [RIGHT]),
            make_prediction("b", [WRONG, RIGHT]),
            make_prediction("c", [HALF]),
            make_prediction("d", status="reject"),
            make_prediction("e", status="unparsed"),
        )
    }
    data = evaluate_arrays(samples, predictions)
    assert precision_at_k(data.iou, 1).percent == pytest.approx(100 / 6)
    assert precision_at_k(data.iou, 5).percent == pytest.approx(200 / 6)
    assert data.counts()["positive"] == {"box": 3, "reject": 1, "unparsed": 1, "failed": 0, "missing": 1}


def test_levels_have_their_own_denominators() -> None:
    samples = [make_sample("a", level=1), make_sample("b", level=2), make_sample("c", level=2)]
    routes = {
        i: Route(sample_id=i, status="routed", level=n, boxes=(), scores=()) for i, n in (("a", 1), ("b", 1), ("c", 2))
    }
    result = evaluate(
        samples, {"a": make_prediction("a", [RIGHT]), "c": make_prediction("c", [RIGHT])}, routes, of_metrics("p1")
    )
    assert value(result, "precision@1", level=1) == (100.0, 1)
    assert value(result, "precision@1", level=2) == (50.0, 2)
    assert value(result, "precision@1", router_level=1) == (50.0, 2)
    assert value(result, "precision@1", router_level=2) == (100.0, 1)
    assert value(result, "precision@1") == (pytest.approx(200 / 3), 3)


def brute_pair(positive: Prediction | None, hits: list[bool], negative: Prediction | None, k: int) -> list[float]:
    """One pair's hit under every order that its scores allow: mean, lowest and highest."""
    lost = negative is None or negative.status in ("unparsed", "failed")
    mine = [(s, hit) for s, hit in zip(positive.scores or (), hits, strict=True)] if positive else []
    theirs = [(np.inf, False)] * k if lost else [(s, False) for s in (negative.scores or ())]  # type: ignore[union-attr]
    everything = mine + theirs
    outcomes = []
    for order in permutations(range(len(everything))):
        scores = [everything[i][0] for i in order]
        if all(a >= b for a, b in pairwise(scores)):
            outcomes.append(float(any(everything[i][1] for i in order[:k])))
    return [float(np.mean(outcomes)), min(outcomes), max(outcomes)] if outcomes else [0.0, 0.0, 0.0]


def test_recall_equals_brute_force_over_all_orders() -> None:
    rng = random.Random(0)
    for case in range(400):
        k = rng.choice([1, 1, 2, 3])
        counts = rng.randint(0, 3), rng.randint(0, 3)
        hits = [rng.random() < 0.4 for _ in range(counts[0])]
        boxes = [RIGHT if hit else WRONG for hit in hits]
        scores = [sorted((rng.choice([0.1, 0.2, 0.3]) for _ in range(n)), reverse=True) for n in counts]
        positive = make_prediction("p", boxes, tuple(scores[0])) if counts[0] else make_prediction("p", status="reject")
        status = rng.choice(["box", "box", "unparsed", "missing"])
        negative: Prediction | None = make_prediction("n", [WRONG] * counts[1], tuple(scores[1]))
        if status == "unparsed":
            negative = make_prediction("n", status="unparsed")
        elif status == "missing":
            negative = None
        elif not counts[1]:
            negative = make_prediction("n", status="reject")
        predictions = {p.sample_id: p for p in (positive, negative) if p is not None}
        data = evaluate_arrays([make_sample("p"), make_negative("n", "p")], predictions)
        found = pair_recall_at_k(data, np.array([1]), k)
        expected = brute_pair(positive if counts[0] else None, hits, negative, k)
        assert [found.expected, found.lower, found.upper] == pytest.approx([100 * v for v in expected]), case


def test_a_negative_without_its_positive_is_no_pair() -> None:
    samples = [make_sample("p"), make_negative("n", "p"), make_negative("m", "gone")]
    data = evaluate_arrays(samples, {"p": make_prediction("p", [RIGHT], (0.9,))})
    assert pair_recall_at_k(data, np.array([1, 2]), 1).n == 1


def test_the_average_is_the_mean_over_columns_not_over_pairs() -> None:
    samples = [make_sample("p")]
    samples += [make_negative(f"a{i}", "p", "replace_object", 1) for i in range(3)]
    samples += [make_negative("b", "p", "flip", 1)]
    predictions = {s.id: make_prediction(s.id, [RIGHT], (0.5,)) for s in samples}
    predictions["b"] = make_prediction("b", [WRONG], (0.9,))
    for i in range(3):
        predictions[f"a{i}"] = make_prediction(f"a{i}", [WRONG], (0.1,))
    result = evaluate(samples, predictions, None, of_metrics("r1"))
    assert value(result, "recall@1", kind="text", type="replace_object", level=1) == (100.0, 3)
    assert value(result, "recall@1", kind="text", type="flip", level=1) == (0.0, 1)
    assert value(result, "recall@1", kind="text", type="mean of columns") == (50.0, 4)


def test_auroc_equals_counting_all_pairs() -> None:
    rng = random.Random(1)
    for _ in range(200):
        a, b = ([rng.choice([-np.inf, 0.1, 0.2, 0.3, np.inf]) for _ in range(rng.randint(1, 8))] for _ in range(2))
        wins = np.mean([1.0 if x > y else 0.5 if x == y else 0.0 for x, y in product(a, b)])
        assert auroc(np.array(a), np.array(b)) == pytest.approx(100 * wins)
    assert auroc(np.array([]), np.array([1.0])) is None


def test_average_precision_and_fpr_equal_walking_down_the_thresholds() -> None:
    rng = random.Random(4)
    for _ in range(200):
        a, b = ([rng.choice([-np.inf, 0.1, 0.2, 0.3, np.inf]) for _ in range(rng.randint(1, 9))] for _ in range(2))
        area, before, rates = 0.0, 0.0, []
        for threshold in sorted({*a, *b}, reverse=True):
            hits, alarms = (sum(s >= threshold for s in side) for side in (a, b))
            area += (hits / len(a) - before) * hits / (hits + alarms)
            before = hits / len(a)
            if hits >= 0.95 * len(a):
                rates.append(alarms / len(b))
        assert average_precision(np.array(a), np.array(b)) == pytest.approx(100 * area)
        assert false_positive_rate_at_recall(np.array(a), np.array(b)) == pytest.approx(100 * min(rates))


@pytest.mark.parametrize(
    ("predictions", "reason"),
    [
        ([make_prediction("p", [RIGHT]), make_prediction("n", [WRONG])], "2 of 2 answers have boxes without scores"),
        ([make_prediction("p", [RIGHT], (1.0,)), make_prediction("n", [WRONG], (1.0,))], "all scores are equal"),
        ([make_prediction("p", status="reject")], "no sample was answered with a box"),
    ],
)
def test_metrics_that_need_scores_are_absent_with_the_reason(predictions: list[Prediction], reason: str) -> None:
    samples = [make_sample("p"), make_negative("n", "p")]
    result = evaluate(samples, {p.sample_id: p for p in predictions}, None, of_metrics("p1", "r1", "auroc"))
    assert result.absent == {"r1": reason, "auroc": reason}
    assert {row.metric for row in result.values} == {"precision@1"}


def worlds() -> tuple[list[Sample], dict[str, Prediction]]:
    rng = random.Random(2)
    samples, predictions = [], {}
    for i in range(60):
        samples += [make_sample(f"p{i}"), make_negative(f"n{i}", f"p{i}", level=i % 2 + 1)]
        predictions[f"p{i}"] = make_prediction(f"p{i}", [rng.choice([RIGHT, WRONG])], (rng.random(),))
        rejects = rng.random() < 0.3
        predictions[f"n{i}"] = (
            make_prediction(f"n{i}", status="reject") if rejects else make_prediction(f"n{i}", [WRONG], (rng.random(),))
        )
    return samples, predictions


@pytest.mark.parametrize("broken", ["unparsed", "failed", "missing"])
def test_losing_rows_never_raises_a_number(broken: str) -> None:
    samples, predictions = worlds()
    whole = evaluate(samples, predictions)
    rng = random.Random(3)
    for _ in range(30):
        worse = dict(predictions)
        for id_ in rng.sample(sorted(worse), 12):
            if broken == "missing":
                del worse[id_]
            else:
                worse[id_] = make_prediction(id_, status=broken)
        for row, before in zip(evaluate(samples, worse).values, whole.values, strict=True):
            if row.metric == "ece":  # how honest scores are, not how good answers are: docs/metrics.md
                continue
            assert row.n == before.n
            assert row.value is not None
            assert before.value is not None
            if row.metric in ("fpr95", "aurc"):
                assert row.value >= before.value - 1e-9, row
            elif row.metric != "false_rejection_rate":
                assert row.value <= before.value + 1e-9, row


def test_every_metric_takes_the_threshold_and_the_rank_that_it_is_given() -> None:
    samples = [make_sample("a", tuple_type="one"), make_sample("b", tuple_type="two")]
    near = (10.0, 10.0, 50.0, 42.0)  # IoU with RIGHT is 0.8
    boxes = [WRONG] * 11 + [RIGHT]
    predictions = {"a": make_prediction("a", [near]), "b": make_prediction("b", boxes)}
    found = evaluate(samples, predictions, None, of_metrics("p1", "p12", "acc", "miou", iou=0.75))
    assert value(found, "precision@1", tuple_type=None) == (50.0, 2)
    assert value(found, "precision@12") == (100.0, 2)
    assert value(found, "precision@1", tuple_type="two") == (0.0, 1)
    assert value(found, "accuracy@0.5:0.95") == (pytest.approx(100 * 6 / 10 / 2), 2)  # above 0.5 to 0.75
    assert value(found, "mean_iou") == (pytest.approx(40.0), 2)
    assert value(evaluate(samples, predictions, None, of_metrics("p1", iou=0.8)), "precision@1")[0] == 0


def test_a_rejections_boxes_rank_but_are_no_answer() -> None:
    samples = [make_sample("p"), make_negative("n", "p")]
    options = {"boxes": (RIGHT, WRONG), "scores": (0.2, 0.1), "status": "reject", "source": "crs", "presence": 0.3}
    predictions = {
        "p": Prediction(sample_id="p", **options),
        "n": Prediction(sample_id="n", **(options | {"scores": (0.15, 0.1), "presence": 0.25})),
    }
    data = evaluate_arrays(samples, predictions)
    assert precision_at_k(data.answered_iou[:1], 1).percent == 0
    assert pair_recall_at_k(data, np.array([1]), 1).expected == 100
    assert presence_scores(data).tolist() == [0.3, 0.25]


@pytest.mark.parametrize("name", ["p0", "q1", "recall", "r", "p1000"])
def test_unknown_metrics(name: str) -> None:
    with pytest.raises(ConfigError, match=f"unknown metric {name}( \\(.*\\))?; there are: p1"):
        of_metrics("p1", name, "r3")


def test_samples_of_unknown_truth_are_counted_and_get_no_score() -> None:
    samples = [make_sample("a"), make_sample("b", truth="unknown", box=None), make_negative("n", "a")]
    answers = {s.id: make_prediction(s.id, [RIGHT], (0.5 + i / 10,)) for i, s in enumerate(samples)}
    found = evaluate(samples, answers)
    known = evaluate([samples[0], samples[2]], answers)
    assert found.unknown == 1
    assert found.values == known.values
    assert sum(found.outcomes.together.values()) == 2


def test_nothing_but_unknown_truth_gives_no_number_and_no_crash() -> None:
    sample = make_sample("b", truth="unknown", box=None)
    found = evaluate([sample], {"b": make_prediction("b", [RIGHT], (0.5,))})
    assert found.unknown == 1
    assert (found.values, found.absent) == ((), {})


@pytest.mark.parametrize("cluster", ["positive", "image"])
def test_intervals_are_made_where_the_metric_says_how(cluster: str) -> None:
    samples, predictions = worlds()
    plain = evaluate(samples, predictions)
    found = evaluate(samples, predictions, None, MetricSettings(intervals=True, cluster=cluster))
    for value, before in zip(found.values, plain.values, strict=True):
        assert (value.metric, value.value, value.n) == (before.metric, before.value, before.n)
        family = value.metric.partition("@")[0]
        overall = value.kind is None
        of_columns = family == "recall" and value.level is not None
        expected = family == "precision" or of_columns or (family in ("auroc", "negative_accuracy") and overall)
        assert (value.ci_low is not None) == (expected or family == "false_rejection_rate"), value
        if value.ci_low is not None and value.ci_high is not None and value.value is not None:
            assert value.ci_low <= value.value <= value.ci_high


def test_values_say_only_what_applies() -> None:
    samples, predictions = worlds()
    rows = [value.model_dump() for value in evaluate(samples, predictions, None, of_metrics("p1", "aurc")).values]
    assert list(rows[0]) == ["metric", "kind", "type", "level", "router_level", "tuple_type", "value", "n", "iou"]
    assert list(rows[-1])[-2:] == ["value", "n"]


def test_settings_refuse_a_key_that_they_do_not_have() -> None:
    with pytest.raises(ValueError, match="metric"):
        MetricSettings.model_validate({"metric": "p1"})
    assert MetricSettings.of({"metrics": "p1, r1", "ctx": None}).metrics == ("p1", "r1")
