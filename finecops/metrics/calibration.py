"""Scores as probabilities of being right: a monotone map per source, fitted on one split and applied to another.

A detector's sigmoid, a product of token probabilities and a letter's probability are not on one scale. Isotonic
regression (scikit-learn) maps each to the share of right answers at that score. It never swaps two scores of one
source; it can make them equal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from finecops.errors import DataError
from finecops.metrics.answers import Answers, Floats
from finecops.metrics.arrays import BOX, Bools, evaluate_arrays
from finecops.metrics.precision import IOU_THRESHOLD
from finecops.records import Sample

BINS = 15


@dataclass(frozen=True)
class MonotoneMap:
    """A piecewise linear map: `x` ascending scores, `y` their probabilities; clipped outside. Fitted on n answers."""

    x: tuple[float, ...]
    y: tuple[float, ...]
    n: int

    def __call__(self, scores: Floats) -> Floats:
        return np.interp(scores, self.x, self.y)


@dataclass(frozen=True)
class Calibration:
    """A map per source for boxes' scores, and one for what an answer says of presence apart from them."""

    scores: Mapping[str, MonotoneMap]
    presence: Mapping[str, MonotoneMap]


def fit_calibration(samples: Sequence[Sample], answers: Answers, threshold: float = IOU_THRESHOLD) -> Calibration:
    """Fit on the answers with a box: best score → whether it is right; a box on a negative never is.

    Presence, where answers give it, is fitted on all readable answers: → whether the target is there.

    Raises:
        DataError: no answer has a score.
    """
    data = evaluate_arrays(samples, answers)
    right = data.answered_iou[:, 0] > threshold
    scored = (data.outcome == BOX) & np.isfinite(data.scores[:, 0])
    given = ~data.lost & ~np.isnan(data.presence)
    if not scored.any():
        raise DataError("nothing to calibrate on: no answer has a box with a score")
    sources = sorted(set(data.source[~data.lost].tolist()))
    boxes = {s: _fit(data.scores[use, 0], right[use]) for s in sources if (use := scored & (data.source == s)).any()}
    present = {
        s: _fit(data.presence[use], data.positive[use]) for s in sources if (use := given & (data.source == s)).any()
    }
    return Calibration(boxes, present)


def apply_calibration(calibration: Calibration, answers: Answers) -> Answers:
    """The answers with calibrated scores.

    Raises:
        DataError: a source was not seen when the maps were fitted.
    """
    source = np.array(list(answers.source), dtype=np.str_)
    row_of = np.repeat(np.arange(len(answers)), np.diff(answers.start))
    scores, presence = answers.scores.copy(), answers.presence.copy()
    for name in np.unique(source[row_of]).tolist():
        if name not in calibration.scores:
            known = ", ".join(map(repr, calibration.scores))
            raise DataError(f"the calibration knows {known}, not {name!r}: it was fitted on answers of other models")
        mine = source[row_of] == name
        scores[mine] = calibration.scores[name](scores[mine])
    for name, curve in calibration.presence.items():
        mine = (source == name) & ~np.isnan(presence)
        presence[mine] = curve(presence[mine])
    return answers.with_scores(scores, presence)


class Bin(NamedTuple):
    """Answers of neighbouring scores.

    Attributes:
        confidence: their mean score.
        right: the share of right ones, from 0 to 1.
        n: how many they are.
    """

    confidence: float
    right: float
    n: int


def reliability(confidence: Floats, right: Bools, bins: int = BINS) -> list[Bin]:
    """Answers in bins of equal size, by rising score; none is empty.

    Where a bin's border falls among equal scores, each part has their common share of right ones.
    """
    # Equal scores share one rate of right answers, wherever a bin ends among them.
    index, counts = np.unique(confidence, return_inverse=True, return_counts=True)[1:]
    share = (np.bincount(index, right) / counts)[index]
    order = np.argsort(confidence, kind="stable")
    parts = [part for part in np.array_split(order, max(min(bins, len(order)), 1)) if len(part)]
    return [Bin(float(confidence[part].mean()), float(share[part].mean()), len(part)) for part in parts]


def calibration_error(confidence: Floats, right: Bools, bins: int = BINS) -> float | None:
    """Expected calibration error in per cent: Σ over bins of equal size of share × |mean confidence − share right|."""
    if not len(confidence):
        return None
    found = reliability(confidence, right, bins)
    return 100 * sum(one.n / len(confidence) * abs(one.confidence - one.right) for one in found)


def _fit(scores: Floats, right: Bools) -> MonotoneMap:
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(scores, right.astype(np.float64))
    return MonotoneMap(tuple(fitted.X_thresholds_.tolist()), tuple(fitted.y_thresholds_.tolist()), len(scores))
