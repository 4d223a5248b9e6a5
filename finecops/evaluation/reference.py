"""`--compat reference`: the arithmetic of the paper's published evaluation scripts, to the printed digit.

Sources: `evaluation/eval_metric_mmdet.py` of liujunzhuo/FineCops-Ref (detectors), `baseline/evaluation_baseline.py` and
`CRS/evaluation_CRS_neg.py` of sleepyshep/FineCops-Ref (box texts, letters). What they do other than the default
arithmetic: IoU of at least 0.5, in single precision; box texts cut to whole pixels; recall pooled over all negatives of
a positive in a column, ties won; scores of 0 and less dropped (below 0 for box texts); AUROC overall with level-1
positives only; FPR at the recall nearest to 95%; for letters level 3 counted as 2, and a negative's score flipped where
None was chosen. `docs/deviations.md` sets each beside the default. For comparison only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finecops.boxes import nms_xyxy, xywh_to_xyxy
from finecops.evaluation.reference_entries import RANKS, Entries, ScriptStopsError, Truth, letter_entries
from finecops.metrics.answers import Floats, Ints
from finecops.metrics.arrays import Bools
from finecops.metrics.values import EVERYTHING, MetricValue, Subset

_TOPK = (1, 5, 10)
_NEAREST_RECALL = 0.95
_RIGHT = np.float32(0.5)
"""The scripts count an IoU of at least this, in single precision."""


def box_values(entries: Entries) -> list[MetricValue]:
    """What the detectors' and the box texts' scripts print: precision and recall @1, 5, 10; AUROC, FPR95, AUPR."""
    level = np.array([t.level for t in entries.truth])
    positive = np.array([t.column is None for t in entries.truth], dtype=np.bool_)
    values = []
    for number in (1, 2, 3):
        chosen = positive & (level == number)
        for k in _TOPK:
            hits = entries.iou[chosen, :k].max(axis=1, initial=0) >= _RIGHT
            values.append(_share(f"precision@{k}", hits, Subset(level=number)))
    return values + _negative_values(entries, positive=positive, level=level, topk=_TOPK)


def letter_values(truths: Mapping[str, Truth], rows: Sequence[Mapping[str, Any]], score: str) -> list[MetricValue]:
    """What the script for letters prints: precision@1 in all and for levels 1 and 2 (3 counts as 2), accuracy on
    negatives, recall@1, AUROC, FPR95 and AUPR."""
    entries, none = letter_entries(truths, rows, score)
    positive = np.array([t.column is None for t in entries.truth], dtype=np.bool_)
    level = np.minimum([t.level for t in entries.truth], 2)
    hit = entries.iou[:, 0] >= _RIGHT
    values = [_share("precision@1", hit[positive])]
    values += [_share("precision@1", hit[positive & (level == number)], Subset(level=number)) for number in (1, 2)]
    values.append(_share("negative_accuracy", none[~positive]))
    return values + _negative_values(entries, positive=positive, level=level, topk=(1,))


def router_level(boxes: Floats, scores: Floats, score_threshold: float = 0.2, nms_iou: float = 0.7) -> int:
    """The level that the SFA scripts give: `cv2.dnn.NMSBoxes`, which takes corner and size, is handed two corners,
    and no detection counts as one. `boxes [n, 4]` xyxy; the 10 best are looked at."""
    # The scripts hand on the ten best detections and no more.
    best = np.argsort(-scores, kind="stable")[:RANKS]
    chosen = best[scores[best] > score_threshold]
    # The misreading itself: a second corner taken for width and height.
    kept = nms_xyxy(xywh_to_xyxy(boxes[chosen]), scores[chosen], nms_iou)
    return 1 if len(kept) <= 1 else 2


def _value(metric: str, value: float | None, n: int, subset: Subset) -> MetricValue:
    return MetricValue(metric=metric, value=value, n=n, arithmetic="reference", **dict(subset))


def _share(metric: str, hits: Bools, subset: Subset = EVERYTHING) -> MetricValue:
    """A share as the scripts round it; 0 of nothing."""
    share = round(int(hits.sum()) / len(hits) * 100, 2) if len(hits) else 0.0
    return _value(metric, value=share, n=len(hits), subset=subset)


def _negative_values(entries: Entries, positive: Bools, level: NDArray[Any], topk: Sequence[int]) -> list[MetricValue]:
    """Recall, AUROC, FPR95 and AUPR of each column, then the last three in all, of level-1 positives."""
    row_of = {id_: i for i, id_ in enumerate(entries.ids) if positive[i]}
    columns: dict[tuple[str, int, str], list[int]] = {}
    for i, truth in enumerate(entries.truth):
        if truth.column is not None:
            columns.setdefault(truth.column, []).append(i)
    values: list[MetricValue] = []
    separations: list[MetricValue] = []
    for (type_, negative_level, category), members in sorted(columns.items()):
        subset = Subset(kind="image" if "im" in category.lower() else "text", type=type_, level=negative_level)
        owners = [entries.truth[i].positive_id for i in members]
        missing = [owner for owner in owners if owner not in row_of]
        if missing:
            raise ScriptStopsError(f"the scripts stop: the positive {missing[0]} of a negative has no prediction")
        negatives = np.array(members, dtype=np.intp)
        positives = np.array([row_of[owner] for owner in owners], dtype=np.intp)
        hits, groups = _pooled_hits(entries, negatives=negatives, positives=positives, topk=topk)
        values += [_value(f"recall@{k}", value=round(hits[k] / groups * 100, 2), n=groups, subset=subset) for k in topk]
        scored = np.isfinite(entries.scores[negatives, 0])
        if not np.isfinite(entries.scores[positives[scored], 0]).all():
            raise ScriptStopsError("the scripts stop: a negative's positive has no score that passes their filter")
        if scored.any():
            mine, theirs = entries.scores[positives[scored], 0], entries.scores[negatives[scored], 0]
            separations += _separations(mine, theirs, subset)
    first = positive & (level == 1)
    if first.any() and (~positive).any():
        separations += _separations(entries.best[first], entries.best[~positive], EVERYTHING)
    return values + separations


def _pooled_hits(entries: Entries, negatives: Ints, positives: Ints, topk: Sequence[int]) -> tuple[dict[int, int], int]:
    """Per positive of a column: is one of the k best scores, pooled over its negatives, a right box's?"""
    owners, group = np.unique(positives, return_inverse=True)
    pooled = np.concatenate([entries.scores[negatives], entries.scores[owners]])
    member = np.repeat(np.concatenate([group, np.arange(len(owners))]), RANKS)
    flat = pooled.ravel()
    # Per positive the pooled scores from the highest down; `start` is where each positive's begin.
    order = np.lexsort((-flat, member))
    start = np.searchsorted(member[order], np.arange(len(owners)))
    hits = {}
    for k in topk:
        kth = flat[order[start + k - 1]]
        mine = entries.scores[owners]
        # Ties with the k-th score are won: all of the positive's boxes at or above it count, at most k.
        among = np.minimum(((mine >= kth[:, None]) & np.isfinite(mine)).sum(axis=1), k)
        seen = np.arange(RANKS) < among[:, None]
        hits[k] = int(np.any((entries.iou[owners] >= _RIGHT) & seen, axis=1).sum())
    return hits, len(owners)


def _separations(positive_scores: Floats, negative_scores: Floats, subset: Subset) -> list[MetricValue]:
    # scikit-learn's own functions, as the scripts call them: its last bit decides how a 5 is rounded.
    from sklearn.metrics import average_precision_score, roc_auc_score

    scores = np.concatenate([positive_scores, negative_scores])
    labels = np.arange(len(scores)) < len(positive_scores)
    areas = (
        ("auroc", roc_auc_score(labels, scores) * 100),
        ("fpr95", _nearest_fpr(positive_scores, negative_scores) * 100),
        ("aupr", 100 * average_precision_score(labels, scores)),
    )
    return [_value(name, value=round(float(area), 2), n=len(negative_scores), subset=subset) for name, area in areas]


def _nearest_fpr(positive_scores: Floats, negative_scores: Floats) -> float:
    """The share of negatives accepted at the threshold whose recall is nearest to 95% (of equals, the higher)."""
    thresholds = np.unique(np.concatenate([positive_scores, negative_scores]))[::-1]
    hits = len(positive_scores) - np.searchsorted(np.sort(positive_scores), thresholds)
    alarms = len(negative_scores) - np.searchsorted(np.sort(negative_scores), thresholds)
    # Thresholds behind the first full recall are cut off, then walked from the lowest up, as the script does.
    upto = int(np.searchsorted(hits, hits[-1])) + 1
    recall, alarms = (hits[:upto] / hits[-1])[::-1], alarms[:upto][::-1]
    return float(alarms[np.argmin(np.abs(recall - _NEAREST_RECALL))] / len(negative_scores))
