"""Accuracies at operating points: a threshold is chosen on other samples, answers below it become rejections."""

from __future__ import annotations

import numpy as np

from finecops.metrics.scene import Scene
from finecops.metrics.selective import OPERATING_POINTS, choose_threshold, operate
from finecops.metrics.values import MetricValue


def operating_values(val: Scene, test: Scene, calibrated: bool) -> list[MetricValue]:
    """A value per operating point and accuracy; `operating_point` says how the threshold was chosen on `val`."""
    data = test.data
    values = []
    for point in OPERATING_POINTS:
        at = choose_threshold(val.data, point, test.iou)
        found = operate(data, at, test.iou)
        # JSON has no infinity.
        shown = at if np.isfinite(at) else ("reject all" if at > 0 else "accept all")
        for metric, value, of in (
            ("operating_positive_accuracy", found.positive_accuracy, data.positive),
            ("operating_negative_accuracy", found.negative_accuracy, ~data.positive),
            ("operating_false_rejection_rate", found.false_rejection_rate, data.positive),
        ):
            more = {"operating_point": point, "threshold": shown, "calibrated": calibrated}
            values.append(MetricValue.model_validate({"metric": metric, "value": value, "n": int(of.sum()), **more}))
    return values
