"""Answering only with high confidence: risk against coverage, and operating points.

A sample is *wrong* if its answer is: a positive without a right box, a negative answered with a box. What is
unparsed, failed or missing counts as a wrong answer of full confidence, so losing rows lowers no risk.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from finecops.metrics.answers import Floats
from finecops.metrics.arrays import BOX, REJECT, Bools, Evaluated, presence_scores
from finecops.metrics.precision import IOU_THRESHOLD

Point = Literal["balanced", "recall95"]
OPERATING_POINTS: tuple[Point, ...] = ("balanced", "recall95")


def answer_confidence(data: Evaluated) -> Floats:
    """The confidence of each answer, `[n]`: a box's presence score, -inf for a rejection, +inf for a lost sample."""
    confidence = np.where(data.outcome == BOX, presence_scores(data), -np.inf)
    confidence[data.lost] = np.inf
    return confidence


def wrong_answers(data: Evaluated, threshold: float = IOU_THRESHOLD) -> Bools:
    """Which answers are wrong, `[n]`."""
    right = data.answered_iou[:, 0] > threshold
    wrong: Bools = np.where(data.positive, ~right, data.outcome != REJECT)
    return wrong


def risk_curve(confidence: Floats, wrong: Bools) -> Floats:
    """Risk at coverage 1/n, 2/n, … 1, `[n]`: the share of wrong ones among the answers of highest confidence.

    Answers of equal confidence come in any order; the value is the expectation over all orders.
    """
    # Equal confidences share the mean of their wrong ones: the expectation over their orders.
    index, counts = np.unique(-confidence, return_inverse=True, return_counts=True)[1:]
    share = np.bincount(index, wrong) / counts
    risk: Floats = np.repeat(share, counts).cumsum() / np.arange(1, len(wrong) + 1)
    return risk


def area_under_risk_curve(confidence: Floats, wrong: Bools) -> float | None:
    """AURC in per cent: the mean risk over all coverages; lower is better. None of nothing."""
    return float(100 * risk_curve(confidence, wrong).mean()) if len(wrong) else None


def curve_points(confidence: Floats, wrong: Bools, points: int = 20) -> list[dict[str, float]]:
    """The curve at `points` coverages, in per cent: `{"coverage", "risk", "threshold"}`, a row each."""
    n = len(wrong)
    risk, ordered = risk_curve(confidence, wrong), -np.sort(-confidence)
    # Coverages are cut to whole samples; few samples may have fewer points.
    at = np.unique(np.ceil(np.linspace(0, n, points + 1)[1:]).astype(int)) - 1
    return [
        {"coverage": 100 * (i + 1) / n, "risk": 100 * float(risk[i]), "threshold": float(ordered[i])}
        for i in at.tolist()
    ]


def choose_threshold(data: Evaluated, point: Point, threshold: float = IOU_THRESHOLD) -> float:
    """The confidence below which answers become rejections, chosen on these samples.

    `balanced` maximises the mean of the accuracy on positives and the accuracy on negatives (of equal ones the
    lowest threshold); `recall95` is the highest threshold at which 95% of the positives keep their box.
    """
    confidence = answer_confidence(data)
    if point == "recall95":
        ordered = -np.sort(-confidence[data.positive])
        # The slack absorbs the rounding of 0.95 * n where that is a whole number.
        kept = math.ceil(0.95 * len(ordered) - 1e-9)
        return float(ordered[kept - 1]) if kept else -np.inf
    right = data.positive & ~wrong_answers(data, threshold)
    accepted = np.sort(confidence[right])
    alarms = np.sort(confidence[~data.positive])
    candidates = np.unique(np.append(confidence, [-np.inf, np.inf]))
    positives, negatives = max(int(data.positive.sum()), 1), max(int((~data.positive).sum()), 1)
    # Right answers at or above each candidate, and negatives below it: both by binary search.
    gain = (len(accepted) - np.searchsorted(accepted, candidates)) / positives
    gain = gain + np.searchsorted(alarms, candidates) / negatives
    return float(candidates[int(np.argmax(gain))])


@dataclass(frozen=True)
class Operated:
    """Accuracies in per cent where answers below a threshold become rejections; None of nothing."""

    positive_accuracy: float | None
    negative_accuracy: float | None
    false_rejection_rate: float | None


def operate(data: Evaluated, at: float, threshold: float = IOU_THRESHOLD) -> Operated:
    """Turn answers of less confidence than `at` into rejections. What is lost stays wrong."""
    kept = answer_confidence(data) >= at
    right = data.positive & ~wrong_answers(data, threshold) & kept
    rejected = (~kept | (data.outcome == REJECT)) & ~data.lost

    def percent(hits: Bools, of: Bools) -> float | None:
        return 100 * float(hits[of].mean()) if of.any() else None

    return Operated(percent(right, data.positive), percent(rejected, ~data.positive), percent(rejected, data.positive))
