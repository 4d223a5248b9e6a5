"""Risk, coverage and operating points against walking through every order and every threshold."""

from __future__ import annotations

import random
from itertools import permutations
from typing import Any

import numpy as np
import pytest

from finecops.metrics.arrays import evaluate_arrays
from finecops.metrics.selective import (
    answer_confidence,
    area_under_risk_curve,
    choose_threshold,
    curve_points,
    operate,
    risk_curve,
    wrong_answers,
)
from finecops.records import Prediction, Sample
from tests.conftest import make_negative, make_prediction, make_sample

RIGHT, WRONG = (10.0, 10.0, 50.0, 50.0), (60.0, 60.0, 90.0, 90.0)


def world(seed: int, n: int = 40) -> tuple[list[Sample], dict[str, Prediction]]:
    rng = random.Random(seed)
    samples = [make_sample(f"p{i}") for i in range(n)] + [make_negative(f"n{i}", f"p{i}") for i in range(n)]
    predictions = {}
    for sample in samples:
        status = rng.choice(["box"] * 6 + ["reject", "unparsed"])
        box, score = rng.choice([RIGHT, WRONG]), (rng.choice([0.1, 0.3, 0.5, 0.7, 0.9]),)
        is_box = status == "box"
        predictions[sample.id] = make_prediction(sample.id, [box] if is_box else (), score if is_box else None, status)
    return samples, predictions


def test_the_curve_is_the_mean_over_all_orders() -> None:
    rng = random.Random(0)
    for _ in range(60):
        n = rng.randint(1, 6)
        confidence = np.array([rng.choice([0.1, 0.5, np.inf, -np.inf]) for _ in range(n)])
        wrong = np.array([rng.random() < 0.5 for _ in range(n)])
        orders = [o for o in permutations(range(n)) if np.all(confidence[list(o)][:-1] >= confidence[list(o)][1:])]
        walked = np.mean([np.cumsum(wrong[list(o)]) / np.arange(1, n + 1) for o in orders], axis=0)
        assert risk_curve(confidence, wrong) == pytest.approx(walked)


def test_risk_counts_lost_answers_as_wrong_and_certain() -> None:
    samples = [make_sample("p"), make_sample("q"), make_negative("n", "p"), make_negative("m", "q")]
    predictions: dict[str, Any] = {
        "p": make_prediction("p", [RIGHT], (0.9,)),
        "q": make_prediction("q", status="unparsed"),
        "n": make_prediction("n", status="reject"),
        "m": make_prediction("m", [WRONG], (0.2,)),
    }
    data = evaluate_arrays(samples, predictions)
    assert wrong_answers(data).tolist() == [False, True, False, True]
    points = curve_points(answer_confidence(data), wrong_answers(data), 4)
    assert [point["risk"] for point in points] == pytest.approx([100, 50, 200 / 3, 50])


@pytest.mark.parametrize("seed", range(5))
def test_losing_answers_never_lowers_the_area(seed: int) -> None:
    samples, predictions = world(seed)
    data = evaluate_arrays(samples, predictions)
    before = area_under_risk_curve(answer_confidence(data), wrong_answers(data))
    for id_ in random.Random(seed).sample(sorted(predictions), 15):
        del predictions[id_]
        data = evaluate_arrays(samples, predictions)
        after = area_under_risk_curve(answer_confidence(data), wrong_answers(data))
        assert after is not None
        assert before is not None
        assert after >= before - 1e-9
        before = after


@pytest.mark.parametrize("seed", range(5))
def test_the_balanced_threshold_is_the_best_of_all(seed: int) -> None:
    data = evaluate_arrays(*world(seed))

    def gain(at: float) -> float:
        found = operate(data, at)
        assert found.positive_accuracy is not None
        assert found.negative_accuracy is not None
        return found.positive_accuracy + found.negative_accuracy

    best = max(gain(at) for at in (-np.inf, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0))
    assert gain(choose_threshold(data, "balanced")) == pytest.approx(best)


def test_recall95_keeps_95_percent_of_the_positives_and_no_more_than_it_must() -> None:
    scores = np.linspace(0.01, 1, 100)
    samples = [make_sample(str(i)) for i in range(100)]
    data = evaluate_arrays(
        samples, {str(i): make_prediction(str(i), [RIGHT], (float(s),)) for i, s in enumerate(scores)}
    )
    at = choose_threshold(data, "recall95")
    assert operate(data, at).false_rejection_rate == pytest.approx(5)
    assert operate(data, np.nextafter(at, 2)).false_rejection_rate == pytest.approx(6)


def test_a_threshold_rejects_answers_but_never_mends_lost_ones() -> None:
    samples = [make_sample("p"), make_negative("n", "p"), make_negative("m", "p")]
    data = evaluate_arrays(
        samples, {"p": make_prediction("p", [RIGHT], (0.4,)), "n": make_prediction("n", [WRONG], (0.3,))}
    )
    found = operate(data, 0.35)
    assert (found.positive_accuracy, found.negative_accuracy, found.false_rejection_rate) == (100, 50, 0)
