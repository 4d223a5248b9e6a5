"""Metrics of how well scores say which answers are right: risk over coverage (AURC), calibration error (ECE)."""

from __future__ import annotations

from finecops.metrics.arrays import BOX
from finecops.metrics.calibration import calibration_error
from finecops.metrics.metric import Metric
from finecops.metrics.scene import Scene
from finecops.metrics.selective import answer_confidence, area_under_risk_curve, wrong_answers
from finecops.metrics.values import AbsentMetricError, MetricValue


def _risk(scene: Scene) -> list[MetricValue]:
    wrong = wrong_answers(scene.data, scene.iou)
    area = area_under_risk_curve(answer_confidence(scene.data), wrong)
    return [MetricValue(metric="aurc", value=area, n=len(wrong))]


def _calibration(scene: Scene) -> list[MetricValue]:
    answered = scene.data.outcome == BOX
    confidence = scene.data.scores[answered, 0]
    if confidence.min() < 0 or confidence.max() > 1:
        raise AbsentMetricError("the scores are no probabilities: some are outside 0 to 1")
    # Only answers with a box have a score that can be right or wrong.
    right = ~wrong_answers(scene.data, scene.iou)[answered]
    return [MetricValue(metric="ece", value=calibration_error(confidence, right), n=int(answered.sum()))]


RISK = Metric(title="AURC", measure=_risk, needs_scores=True)
CALIBRATION = Metric(title="calibration error", measure=_calibration, needs_scores=True)
