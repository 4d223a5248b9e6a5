"""Charts of scores: ROC of positives against negatives, risk over coverage, calibration."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from finecops.errors import DataError
from finecops.metrics.answers import Floats
from finecops.metrics.arrays import (
    BOX,
    Bools,
    Evaluated,
    evaluate_arrays,
    missing_scores_reason,
    presence_scores,
    scored_samples,
)
from finecops.metrics.auroc import accepted_at_thresholds, auroc
from finecops.metrics.calibration import BINS, apply_calibration, calibration_error, fit_calibration, reliability
from finecops.metrics.selective import answer_confidence, area_under_risk_curve, curve_points, wrong_answers
from finecops.records import NegativeKind
from finecops.report.charts.chart import MUTED, Axis, Chart, Missing, Point, Series
from finecops.report.charts.subject import ChartMethod

_POINTS = 200
"""Points of a curve, at the most: a drawing shows no more."""
Curve = Callable[[ChartMethod], Series | str]
"""A method's line, or why it has none."""


def roc(methods: Sequence[ChartMethod], kind: tuple[NegativeKind, str]) -> Chart | Missing:
    """All positives against all negatives of a kind, by presence score."""

    def curve(method: ChartMethod) -> Series | str:
        data, presence = method.data, presence_scores(method.data)
        of_kind = np.array([s.negative is not None and s.negative.kind == kind[0] for s in data.samples], dtype=bool)
        positives, negatives = presence[data.positive], presence[of_kind]
        area = auroc(positives, negatives)
        if area is None:
            return f"there are no negative {kind[1]}" if len(positives) else "there are no positives"
        hits, alarms = accepted_at_thresholds(positives, negatives)
        # The curve begins where nothing is accepted; the last threshold accepts everything.
        x, y = (np.concatenate([[0], 100 * n / n[-1]]) for n in (alarms, hits))
        points = tuple(Point(float(x[i]), float(y[i])) for i in _some(len(x)))
        name = f"{method.name}, AUROC {area:.1f} (n = {len(positives)} and {len(negatives)})"
        return Series(name, points, colour=method.colour)

    title = f"Positives against negative {kind[1]} (ROC)"
    chance = Series("chance", (Point(0, 0), Point(100, 100)), colour=MUTED)
    axes = Axis(f"negative {kind[1]} accepted (%)", 0.0, 100.0), Axis("positives accepted (%)", 0.0, 100.0)
    return _lines(f"roc-{kind[1]}", title, methods, axes, curve, chance)


def risk_coverage(methods: Sequence[ChartMethod]) -> Chart | Missing:
    """The share of wrong ones among the answers of highest confidence."""

    def curve(method: ChartMethod) -> Series | str:
        confidence, wrong = answer_confidence(method.data), wrong_answers(method.data, method.of.iou)
        area = area_under_risk_curve(confidence, wrong)
        points = tuple(Point(p["coverage"], p["risk"]) for p in curve_points(confidence, wrong, points=100))
        return Series(f"{method.name}, AURC {area:.1f} (n = {len(wrong)})", points, colour=method.colour)

    axes = Axis("coverage (% of samples)", 0.0, 100.0), Axis("risk (% wrong)", 0.0)
    note = "What is unparsed, failed or missing is wrong with full confidence; lower is better."
    return _lines("risk-coverage", "Risk over coverage", methods, axes, curve, notes=(note,))


def calibration_before(methods: Sequence[ChartMethod]) -> Chart | Missing:
    """How often answers with a box are right, over their score."""

    def curve(method: ChartMethod) -> Series | str:
        return _reliability(method, method.data)

    return _calibration("calibration-before", "Calibration of scores, as models give them", methods, curve)


def calibration_after(methods: Sequence[ChartMethod]) -> Chart | Missing:
    """The same with scores mapped to probabilities on the other split."""
    name, title = "calibration-after", "Calibration of scores, mapped on the other split"
    if all(method.of.val is None for method in methods):
        return Missing(name, title, "it needs --val RUN, a run of the same models on another split")
    return _calibration(name, title, methods, _mapped)


def _mapped(method: ChartMethod) -> Series | str:
    other = method.of.val
    if other is None:
        return "no --val run"
    val = next((stage for stage in other.methods() if stage.name == method.stage.name), None)
    if val is None:
        return f"{other.folder}/ has no answers of it"
    try:
        found = fit_calibration(scored_samples(val.samples), val.answers, method.of.iou)
        answers = apply_calibration(found, method.stage.answers)
    except DataError as error:
        return str(error)
    return _reliability(method, evaluate_arrays(method.data.samples, answers))


def _reliability(method: ChartMethod, data: Evaluated) -> Series | str:
    answered = data.outcome == BOX
    score: Floats = data.scores[answered, 0]
    if score.min() < 0 or score.max() > 1:
        return "its scores are no probabilities: some are outside 0 to 1"
    right: Bools = ~wrong_answers(data, method.of.iou)[answered]
    points = tuple(Point(100 * b.confidence, 100 * b.right, n=b.n) for b in reliability(score, right))
    error = calibration_error(score, right)
    name = f"{method.name}, ECE {error:.1f} (n = {len(score)})"
    return Series(name, points, colour=method.colour, dots=True)


def _calibration(name: str, title: str, methods: Sequence[ChartMethod], curve: Curve) -> Chart | Missing:
    axes = Axis("score (%)", 0.0, 100.0), Axis("right among answers with a box (%)", 0.0, 100.0)
    diagonal = Series("a score that is a probability", (Point(0, 0), Point(100, 100)), colour=MUTED)
    note = f"Each point is one of {BINS} parts of equal size, by score."
    return _lines(name, title, methods, axes, curve, diagonal, (note,))


def _lines(
    name: str,
    title: str,
    methods: Sequence[ChartMethod],
    axes: tuple[Axis, Axis],
    curve: Curve,
    beside: Series | None = None,
    notes: tuple[str, ...] = (),
) -> Chart | Missing:
    """A line a method that has scores; the others are named with the reason."""
    series, without = [], []
    for method in methods:
        found = missing_scores_reason(method.data) or curve(method)
        if isinstance(found, Series):
            series.append(found)
        else:
            without.append((method.name, found))
    if not series:
        # One reason for all is said once.
        reasons = dict.fromkeys(reason for _, reason in without)
        said = list(reasons) if len(reasons) == 1 else [f"{who}: {reason}" for who, reason in without]
        return Missing(name, title, "; ".join(said) or "there are no answers")
    notes += tuple(f"Without a line: {who}: {reason}." for who, reason in without)
    return Chart(name, title, *axes, (*series, *([beside] if beside else [])), notes)


def _some(n: int) -> list[int]:
    """Indices of at most `_POINTS` of n points, the first and the last among them."""
    # A set: of few points, two steps may round to one index.
    return sorted({round(i) for i in np.linspace(0, n - 1, min(n, _POINTS)).tolist()})
