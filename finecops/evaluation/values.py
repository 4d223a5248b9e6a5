"""All metrics of one list of predictions, as tidy rows: one value with its denominator each."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from finecops.metrics.answers import OUTCOMES, Floats, Ints
from finecops.metrics.arrays import (
    BOX,
    REJECT,
    Bools,
    Evaluated,
    Predictions,
    evaluate_arrays,
    missing_scores_reason,
    presence_scores,
)
from finecops.metrics.auroc import auroc, average_precision, false_positive_rate_at_recall
from finecops.metrics.calibration import calibration_error
from finecops.metrics.intervals import auroc_interval, cluster_indices, mean_interval
from finecops.metrics.precision import IOU_THRESHOLD, Share, accuracy_over_thresholds, mean_iou, precision_at_k
from finecops.metrics.recall import pair_outcomes, pair_recall_at_k
from finecops.metrics.selective import (
    OPERATING_POINTS,
    answer_confidence,
    area_under_risk_curve,
    choose_threshold,
    operate,
    wrong_answers,
)
from finecops.records import Route, Sample

METRICS = ("p1", "p5", "p10", "acc", "miou", "r1", "r5", "r10", "auroc", "aupr", "fpr95", "reject", "aurc", "ece")
"""Names for `--metrics`; p and r take any k."""

TidyRow = dict[str, Any]
Cluster = Literal["positive", "image"]
_PLACES = ("kind", "type", "level", "router_level", "tuple_type")


def unknown_metrics(names: Sequence[str]) -> list[str]:
    """Which names are no metric's."""
    return [name for name in names if name not in METRICS and not re.fullmatch(r"[pr][1-9]\d{0,2}", name)]


def evaluate(
    samples: Sequence[Sample],
    predictions: Predictions,
    routes: Mapping[str, Route] | None = None,
    metrics: Sequence[str] = METRICS,
    cluster: Cluster | None = None,
    iou_threshold: float = IOU_THRESHOLD,
) -> dict[str, Any]:
    """Evaluate predictions: `{"rows": [...], "outcomes": {...}, "absent": {metric: reason}}`.

    A row has metric, value (per cent), n, and what it is of: kind and type of negatives, level (ground truth; of
    a negative: how near the target it was changed), router_level, tuple_type. None means all. Recall rows carry the
    bounds under ties as `lower` and `upper`; the mean over the columns of a kind has type "mean of columns".

    With `cluster`, precision, recall per column, AUROC and the rejection rates carry a 95% bootstrap interval as
    `ci_low` and `ci_high`, clustered on the positive's id or on the image.
    """
    ranks = max((int(m.group(1)) for name in metrics if (m := re.fullmatch(r"[pr](\d+)", name))), default=1)
    scene = _Scene(evaluate_arrays(samples, predictions, ranks), routes, iou_threshold)
    rows: list[TidyRow] = []
    absent: dict[str, str] = {}
    reason = missing_scores_reason(scene.data)
    for name in metrics:
        if name in _BOX_METRICS or name.startswith("p"):
            rows += scene.box_rows(name)
        elif name == "reject":
            rows += scene.rejection_rows()
        elif reason is not None:
            absent[name] = reason
        elif name in _SEPARATIONS:
            rows += scene.separation_rows(name)
        elif name == "aurc":
            rows += scene.risk_rows()
        elif name == "ece":
            rows += scene.calibration_rows(absent)
        else:
            rows += scene.recall_rows(int(name[1:]))
    if cluster is not None:
        scene.add_intervals(rows, cluster)
    return {"rows": rows, "outcomes": outcome_counts(scene.data), "absent": absent}


def outcome_counts(data: Evaluated) -> dict[str, Any]:
    """Outcome → number in all, and for positives and negatives apart below those keys."""
    apart = data.counts()
    return {**{o: sum(part[o] for part in apart.values()) for o in OUTCOMES}, **apart}


def operating_rows(
    val_samples: Sequence[Sample],
    val_predictions: Predictions,
    samples: Sequence[Sample],
    predictions: Predictions,
    iou_threshold: float = IOU_THRESHOLD,
) -> list[TidyRow]:
    """Accuracies where answers below a threshold become rejections; the threshold is chosen on other samples.

    A row per operating point and accuracy; `operating_point` says how the threshold was chosen, `threshold` is it.
    """
    val, data = evaluate_arrays(val_samples, val_predictions), evaluate_arrays(samples, predictions)
    rows = []
    for point in OPERATING_POINTS:
        at = choose_threshold(val, point, iou_threshold)
        found = operate(data, at, iou_threshold)
        for metric, value, of in (
            ("operating_positive_accuracy", found.positive_accuracy, data.positive),
            ("operating_negative_accuracy", found.negative_accuracy, ~data.positive),
            ("operating_false_rejection_rate", found.false_rejection_rate, data.positive),
        ):
            shown = at if np.isfinite(at) else ("reject all" if at > 0 else "accept all")
            rows.append(_row(metric, value, int(of.sum()), operating_point=point, threshold=shown))
    return rows


def clusters_of(samples: Sequence[Sample], cluster: Cluster) -> Ints:
    """The cluster of each sample, `[n]`: a positive with its negatives, or an image with all of its samples."""
    if cluster == "image":
        # A negative image belongs to the image it was made from.
        image_of = {s.id: s.image for s in samples if s.positive}
        return cluster_indices([image_of.get(s.positive_id or "", s.image) for s in samples])
    return cluster_indices([s.positive_id or s.id for s in samples])


def _row(metric: str, value: float | None, n: int, **of: Any) -> TidyRow:
    return {"metric": metric, **dict.fromkeys(_PLACES), "value": value, "n": n} | of


_SEPARATIONS: dict[str, Callable[[Floats, Floats], float | None]] = {
    "auroc": auroc,
    "aupr": average_precision,
    "fpr95": false_positive_rate_at_recall,
}
_BOX_METRICS: dict[str, tuple[str, Callable[[Floats], Share]]] = {
    "acc": ("accuracy@0.5:0.95", accuracy_over_thresholds),
    "miou": ("mean_iou", mean_iou),
}


@dataclass(frozen=True)
class _Scene:
    """What every metric of one evaluation looks at."""

    data: Evaluated
    routes: Mapping[str, Route] | None
    threshold: float

    def router_levels(self) -> Ints:
        routes = self.routes or {}
        return np.array([routes[s.id].level if s.id in routes else 0 for s in self.data.samples], dtype=np.intp)

    def places(self) -> Iterator[tuple[dict[str, Any], Bools]]:
        """Which positives a box metric is of: all, each level, each router level, each tuple type."""
        data = self.data
        yield {}, data.positive
        for level in sorted(set(data.level[data.positive].tolist()) - {0}):
            yield {"level": level}, data.positive & (data.level == level)
        if self.routes is not None:
            router = self.router_levels()
            for level in (1, 2):
                yield {"router_level": level}, data.positive & (router == level)
        for name in sorted(set(data.tuple_types[data.positive].tolist()) - {""}):
            yield {"tuple_type": name}, data.positive & (data.tuple_types == name)

    def box_rows(self, name: str) -> list[TidyRow]:
        iou = self.data.answered_iou
        if name in _BOX_METRICS:
            title, measure = _BOX_METRICS[name]
            found = [(of, measure(iou[chosen])) for of, chosen in self.places()]
            return [_row(title, share.percent, share.n, **of) for of, share in found]
        k = int(name[1:])
        found = [(of, precision_at_k(iou[chosen], k, self.threshold)) for of, chosen in self.places()]
        return [_row(f"precision@{k}", share.percent, share.n, iou=self.threshold, **of) for of, share in found]

    def recall_rows(self, k: int) -> list[TidyRow]:
        rows: list[TidyRow] = []
        columns: dict[str, list[TidyRow]] = {}
        for (kind, type_, level), negatives in self.data.columns.items():
            recall = pair_recall_at_k(self.data, negatives, k, self.threshold)
            more = {"lower": recall.lower, "upper": recall.upper, "iou": self.threshold}
            row = _row(f"recall@{k}", recall.expected, recall.n, kind=kind, type=type_, level=level, **more)
            columns.setdefault(kind, []).append(row)
            rows.append(row)
        for kind, members in columns.items():
            counted = [row for row in members if row["n"]]
            mean = {
                key: float(np.mean([row[key] for row in counted])) if counted else None
                for key in ("value", "lower", "upper")
            }
            n = sum(row["n"] for row in counted)
            more = {"lower": mean["lower"], "upper": mean["upper"], "iou": self.threshold}
            rows.append(_row(f"recall@{k}", mean["value"], n, kind=kind, type="mean of columns", **more))
        return rows

    def separation_rows(self, name: str) -> list[TidyRow]:
        measure, data = _SEPARATIONS[name], self.data
        presence, negatives = presence_scores(data), ~data.positive
        rows = [_row(name, measure(presence[data.positive], presence[negatives]), int(negatives.sum()))]
        for (kind, type_, level), members in data.columns.items():
            paired = members[data.pair_of[members] >= 0]
            value = measure(presence[data.pair_of[paired]], presence[paired])
            rows.append(_row(name, value, len(paired), kind=kind, type=type_, level=level))
        return rows

    def rejection_rows(self) -> list[TidyRow]:
        data = self.data
        rejected = data.outcome == REJECT
        places: list[tuple[str, dict[str, Any], Bools]] = [("negative_accuracy", {}, ~data.positive)]
        for (kind, type_, level), members in data.columns.items():
            chosen = np.zeros(len(rejected), dtype=np.bool_)
            chosen[members] = True
            places.append(("negative_accuracy", {"kind": kind, "type": type_, "level": level}, chosen))
        places.append(("false_rejection_rate", {}, data.positive))
        return [
            _row(metric, 100 * float(rejected[chosen].mean()) if chosen.any() else None, int(chosen.sum()), **of)
            for metric, of, chosen in places
        ]

    def risk_rows(self) -> list[TidyRow]:
        data = self.data
        wrong = wrong_answers(data, self.threshold)
        area = area_under_risk_curve(answer_confidence(data), wrong)
        return [_row("aurc", area, len(wrong))]

    def calibration_rows(self, absent: dict[str, str]) -> list[TidyRow]:
        answered = self.data.outcome == BOX
        confidence = self.data.scores[answered, 0]
        if confidence.min() < 0 or confidence.max() > 1:
            absent["ece"] = "the scores are no probabilities: some are outside 0 to 1"
            return []
        right = ~wrong_answers(self.data, self.threshold)[answered]
        return [_row("ece", calibration_error(confidence, right), int(answered.sum()))]

    def add_intervals(self, rows: list[TidyRow], cluster: Cluster) -> None:
        data = self.data
        clusters = clusters_of(data.samples, cluster)
        places = {tuple(of.items()): chosen for of, chosen in self.places()}
        presence = presence_scores(data)
        for row in rows:
            of = tuple((k, row[k]) for k in _PLACES if row[k] is not None)
            name, _, rank = row["metric"].partition("@")
            interval = None
            if name == "precision":
                chosen = places[of]
                hits = np.any(data.answered_iou[chosen, : int(rank)] > self.threshold, axis=1)
                interval = mean_interval(100.0 * hits, clusters[chosen])
            elif name == "recall" and row["level"] is not None:
                members = data.columns[row["kind"], row["type"], row["level"]]
                members = members[data.pair_of[members] >= 0]
                hits = pair_outcomes(data, members, int(rank), self.threshold)[0]
                interval = mean_interval(100 * hits, clusters[members])
            elif name == "auroc" and row["kind"] is None:
                interval = auroc_interval(presence, data.positive, clusters)
            elif name in ("negative_accuracy", "false_rejection_rate") and row["kind"] is None:
                chosen = data.positive if name == "false_rejection_rate" else ~data.positive
                rejected = 100.0 * (data.outcome[chosen] == REJECT)
                interval = mean_interval(rejected, clusters[chosen])
            if interval is not None:
                row |= {"ci_low": interval.low, "ci_high": interval.high}
