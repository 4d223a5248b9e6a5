"""Metrics that need a second split: calibrated scores and operating points, chosen there and applied here."""

from __future__ import annotations

from collections.abc import Sequence

from finecops.evaluation.evaluate import evaluate
from finecops.evaluation.settings import MetricSettings
from finecops.metrics.answers import Answers
from finecops.metrics.arrays import evaluate_arrays, scored_samples
from finecops.metrics.calibration import Calibration, apply_calibration, fit_calibration
from finecops.metrics.dictionary import find_metric
from finecops.metrics.operating import operating_values
from finecops.metrics.scene import Scene
from finecops.metrics.values import MetricValue
from finecops.records import Sample

Split = tuple[Sequence[Sample], Answers]
"""Samples and the answers to them."""


def validated_values(val: Split, test: Split, settings: MetricSettings) -> tuple[list[MetricValue], Calibration]:
    """Values of the score-based metrics with calibrated scores, and of the operating points raw and calibrated.

    Every value says `calibrated`. Also returns the maps, to be saved.

    Raises:
        DataError: the val answers have no scores, or come from other models than the test answers.
    """
    val, test = ((scored_samples(samples), answers) for samples, answers in (val, test))
    calibration = fit_calibration(*val, settings.iou)
    mapped_val, mapped_test = ((samples, apply_calibration(calibration, answers)) for samples, answers in (val, test))
    scored = [name for name in settings.metrics if (metric := find_metric(name)) and metric.needs_scores]
    # Neither a router level nor an interval is given again: scores change neither boxes nor samples.
    found = evaluate(*mapped_test, None, settings.only(scored)).values
    values = [value.model_copy(update={"calibrated": True}) for value in found]
    for pair, calibrated in (((val, test), False), ((mapped_val, mapped_test), True)):
        scenes = [Scene(evaluate_arrays(*split), None, settings.iou) for split in pair]
        values += operating_values(scenes[0], scenes[1], calibrated)
    return values, calibration
