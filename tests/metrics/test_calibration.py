"""Calibration: a known distortion is undone, and what it must not do is not done."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from finecops.errors import DataError
from finecops.evaluation.calibrations import Calibrations, save_calibrations
from finecops.evaluation.settings import MetricSettings
from finecops.evaluation.validated import validated_values
from finecops.metrics.answers import Answers, AnswersBuilder
from finecops.metrics.arrays import evaluate_arrays
from finecops.metrics.calibration import (
    apply_calibration,
    calibration_error,
    fit_calibration,
)
from finecops.records import Sample
from tests.conftest import make_negative, make_sample

RIGHT, WRONG = (10.0, 10.0, 50.0, 50.0), (60.0, 60.0, 90.0, 90.0)


def two_sources(seed: int, n: int = 3000) -> tuple[list[Sample], Answers]:
    """Answers right with probability q; one source says q**3, the other 0.5 + q / 2."""
    rng = np.random.default_rng(seed)
    samples, builder = [], AnswersBuilder("test")
    for i in range(n):
        right = float(rng.random())
        positive = rng.random() < 0.7
        sample = make_sample(f"p{i}") if positive else make_negative(f"n{i}", "p0")
        samples.append(sample)
        share = right if positive else 0.0
        detector = i % 2 == 0
        score = right**3 if detector else 0.5 + right / 2
        box = RIGHT if rng.random() < share else WRONG
        builder.add(sample.id, "box", [box, WRONG], [score, score / 2], None, "specialist" if detector else "mllm")
    return samples, builder.build()


def test_two_scales_become_one() -> None:
    val, test = two_sources(0), two_sources(1)
    calibration = fit_calibration(*val)
    mapped = apply_calibration(calibration, test[1])
    raw, after = (evaluate_arrays(test[0], answers) for answers in (test[1], mapped))
    right = raw.iou[:, 0] > 0.5
    errors = [calibration_error(data.scores[:, 0], right) for data in (raw, after)]
    assert errors[0] is not None
    assert errors[1] is not None
    assert errors[0] > 15
    assert errors[1] < 5


def test_no_two_scores_of_a_source_are_swapped() -> None:
    samples, answers = two_sources(2)
    mapped = apply_calibration(fit_calibration(samples, answers), answers)
    source = np.repeat(np.array(answers.source), 2)
    for name in ("specialist", "mllm"):
        order = np.argsort(answers.scores[source == name])
        assert np.all(np.diff(mapped.scores[source == name][order]) >= 0)
    assert mapped.scores.min() >= 0
    assert mapped.scores.max() <= 1


def test_rows_say_which_are_calibrated() -> None:
    settings = MetricSettings(metrics=("p1", "r1", "auroc", "reject", "ece"))
    values, _ = validated_values(two_sources(3), two_sources(4), settings)
    metrics = {(value.metric, value.calibrated) for value in values}
    assert ("auroc", True) in metrics
    assert ("ece", True) in metrics
    assert {("operating_positive_accuracy", False), ("operating_positive_accuracy", True)} <= metrics
    assert not any(name.startswith("precision") or name == "negative_accuracy" for name, _ in metrics)


def test_saved_maps_give_the_same_scores(tmp_path: Path) -> None:
    samples, answers = two_sources(5, 200)
    calibration = fit_calibration(samples, answers)
    save_calibrations(tmp_path / "c.json", "val", {"sfa": calibration})
    again = Calibrations.model_validate_json((tmp_path / "c.json").read_bytes()).methods["sfa"]
    assert np.array_equal(apply_calibration(again, answers).scores, apply_calibration(calibration, answers).scores)


def test_another_models_answers_are_refused() -> None:
    samples, answers = two_sources(6, 100)
    builder = AnswersBuilder("test")
    builder.add("p0", "box", [RIGHT], [0.5], None, "other")
    with pytest.raises(DataError, match="other"):
        apply_calibration(fit_calibration(samples, answers), builder.build())


def test_answers_without_scores_cannot_be_calibrated() -> None:
    builder = AnswersBuilder("test")
    builder.add("p0", "box", [RIGHT], None, None, "mllm")
    with pytest.raises(DataError, match="nothing to calibrate on"):
        fit_calibration([make_sample("p0")], builder.build())


def test_calibration_error_of_a_hand_counted_case() -> None:
    confidence = np.array([0.2, 0.2, 0.8, 0.8])
    right = np.array([False, False, True, False])
    assert calibration_error(confidence, right, bins=2) == pytest.approx(100 * (0.5 * 0.2 + 0.5 * 0.3))
    assert calibration_error(np.array([]), np.array([], dtype=bool)) is None


def test_calibration_error_does_not_depend_on_the_order_of_equal_scores() -> None:
    right = np.array([True] * 50 + [False] * 50)
    assert calibration_error(np.full(100, 0.5), right, bins=10) == pytest.approx(0)
