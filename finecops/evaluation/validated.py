"""Metrics that need a second split: calibrated scores and operating points, chosen there and applied here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from finecops.evaluation.values import TidyRow, evaluate, operating_rows
from finecops.metrics.answers import Answers
from finecops.metrics.calibration import Calibration, apply_calibration, fit_calibration
from finecops.metrics.precision import IOU_THRESHOLD
from finecops.records import Sample

Split = tuple[Sequence[Sample], Answers]


def validated_rows(
    val: Split, test: Split, metrics: Sequence[str], iou_threshold: float = IOU_THRESHOLD
) -> tuple[list[TidyRow], Calibration]:
    """Rows of the score-based metrics with calibrated scores, and of the operating points raw and calibrated.

    Every row says `calibrated`. Also returns the maps, to be saved.

    Raises:
        DataError: the val answers have no scores, or come from other models than the test answers.
    """
    calibration = fit_calibration(*val, iou_threshold)
    mapped = [(samples, apply_calibration(calibration, answers)) for samples, answers in (val, test)]
    scored = [
        m for m in metrics if m in ("auroc", "aupr", "fpr95", "aurc", "ece") or (m.startswith("r") and m != "reject")
    ]
    rows: list[dict[str, Any]] = evaluate(*mapped[1], None, scored, None, iou_threshold)["rows"]
    rows = [row | {"calibrated": True} for row in rows]
    for splits, calibrated in (((val, test), False), (mapped, True)):
        found = operating_rows(*splits[0], *splits[1], iou_threshold)
        rows += [row | {"calibrated": calibrated} for row in found]
    return rows, calibration
