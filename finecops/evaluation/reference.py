"""`--compat reference`: the arithmetic of the paper's published evaluation scripts, to the printed digit.

Sources: `evaluation/eval_metric_mmdet.py` of liujunzhuo/FineCops-Ref (detectors), `baseline/evaluation_baseline.py` and
`CRS/evaluation_CRS_neg.py` of sleepyshep/FineCops-Ref (box texts, letters). What they do other than the default
arithmetic: IoU of at least 0.5, in single precision; box texts cut to whole pixels; recall pooled over all negatives of
a positive in a column, ties won; scores of 0 and less dropped (below 0 for box texts); AUROC overall with level-1
positives only; FPR at the recall nearest to 95%; for letters level 3 counted as 2, and a negative's score flipped where
None was chosen. `docs/deviations.md` sets each beside the default. For comparison only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finecops.errors import DataError
from finecops.metrics.answers import Answers, Floats, Ints
from finecops.records import Sample

RANKS = 10
_TOPK = (1, 5, 10)
_NEAREST_RECALL = 0.95


class ScriptStopsError(DataError):
    """The scripts would end here with an exception."""


@dataclass(frozen=True)
class Truth:
    """One annotation: `box` xyxy, float64, as the scripts compute it; `column` is (type, level, kind) of a negative."""

    box: tuple[float, float, float, float]
    width: float
    height: float
    level: int
    column: tuple[str, int, str] | None
    positive_id: str


@dataclass(frozen=True)
class Entries:
    """Predictions as the scripts hold them, in the file's order, n rows.

    Attributes:
        truth: what each row is of.
        ids: sample ids, `[n]`.
        iou: `[n, 10]` single precision, in the scripts' order.
        best: `[n]` the highest score.
        scores: `[n, 10]` the highest scores that pass the scripts' filter, -inf behind the last.
    """

    truth: Sequence[Truth]
    ids: Sequence[str]
    iou: NDArray[np.float32]
    best: Floats
    scores: Floats


def truths_of_files(paths: Sequence[Path]) -> dict[str, Truth]:
    """Annotations as they stand in COCO files, uncut."""
    found: dict[str, Truth] = {}
    for path in paths:
        raw = json.loads(path.read_bytes())
        images = {str(image["id"]): image for image in raw["images"]}
        for annotation in raw["annotations"]:
            id_ = str(annotation["image_id"])
            if id_ not in images:
                continue
            x, y, w, h = annotation.get("bbox") or (0, 0, 0, 0)
            negative = annotation.get("negative_type")
            column = None
            if negative is not None:
                column = (
                    str(negative),
                    int(annotation["negative_level"]),
                    str(annotation.get("negative_cate", "text")),
                )
            found[id_] = Truth(
                (x, y, w + x, h + y),
                images[id_]["width"],
                images[id_]["height"],
                int(annotation.get("level") or 0),
                column,
                str(annotation.get("positive_id")),
            )
    return found


def truths_of_samples(samples: Iterable[Sample]) -> dict[str, Truth]:
    """The same from our samples, whose boxes are cut to the image."""
    return {
        s.id: Truth(
            s.box or (0.0, 0.0, 0.0, 0.0),
            s.width,
            s.height,
            s.level or 0,
            (s.negative.type or "", s.negative.level or 0, s.negative.kind or "") if s.negative else None,
            s.positive_id or "",
        )
        for s in samples
    }


def detector_entries(truths: Mapping[str, Truth], answers: Answers) -> Entries:
    """Detections in the file's order; scores above 0 count. A row without a box is one of no area with score 0."""
    rows = []
    for i, id_ in enumerate(answers.ids):
        part = slice(answers.start[i], answers.start[i + 1])
        boxes, scores = answers.boxes[part], answers.scores[part]
        if np.isnan(scores).any():
            raise ScriptStopsError(f"the scripts need a score for every box; id {id_} has none")
        rows.append((id_, boxes, scores) if len(boxes) else (id_, np.zeros((1, 4)), np.zeros(1)))
    return _entries(truths, rows, strict=True)


def text_entries(truths: Mapping[str, Truth], rows: Sequence[Mapping[str, Any]], score: str) -> Entries:
    """Box texts, read as the scripts read them: `[x1,y1,x2,y2]` in whole thousandths, cut to whole pixels."""
    found = []
    for row in rows:
        id_ = str(row["image_id"])
        if id_ not in truths:
            raise ScriptStopsError(f"the scripts stop at image_id {id_}: it has no annotation")
        boxes: Any = _boxes_in(str(row.get("text", "")), truths[id_])
        scores: Any = np.zeros(1)
        if boxes:
            if score not in row:
                raise ScriptStopsError(f"the scripts need the field {score!r} in every row; image_id {id_} has none")
            scores = np.array(row[score], dtype=np.float64)
            if scores.ndim != 1 or not 0 < len(scores) <= len(boxes):
                raise ScriptStopsError(
                    f"the scripts stop at image_id {id_}: {score} does not fit its {len(boxes)} boxes"
                )
            order = np.argsort(scores)[::-1]
            boxes, scores = [boxes[i] for i in order], scores[order]
        found.append((id_, np.array(boxes or [[0, 0, 0, 0]], dtype=np.float64), scores))
    return _entries(truths, found, strict=False)


def box_rows(entries: Entries) -> list[dict[str, Any]]:
    """What the detectors' and the box texts' scripts print: precision and recall @1, 5, 10; AUROC, FPR95, AUPR."""
    level = np.array([t.level for t in entries.truth])
    positive = np.array([t.column is None for t in entries.truth], dtype=np.bool_)
    rows = []
    for value in (1, 2, 3):
        chosen = positive & (level == value)
        for k in _TOPK:
            hits = int((entries.iou[chosen, :k].max(axis=1, initial=0) >= np.float32(0.5)).sum())
            share = round(hits / int(chosen.sum()) * 100, 2) if chosen.any() else 0.0
            rows.append(_row(f"precision@{k}", share, int(chosen.sum()), level=value))
    return rows + _negative_rows(entries, positive, level, _TOPK)


def letter_rows(truths: Mapping[str, Truth], rows: Sequence[Mapping[str, Any]], score: str) -> list[dict[str, Any]]:
    """What the script for letters prints: precision@1 in all and for levels 1 and 2 (3 counts as 2), accuracy on
    negatives, recall@1, AUROC, FPR95 and AUPR."""
    found, scores, boxes, none = [], [], [], []
    for row in rows:
        id_ = str(row["image_id"])
        if id_ not in truths:
            raise ScriptStopsError(f"the script stops at image_id {id_}: it has no annotation")
        option = str(row["answer"][0]).replace(".", "")
        if len(option) > 1:
            match = re.search(r"\b[A-F]\b", option)
            option = match.group() if match else ""
        if option not in row["gt"]:
            raise ScriptStopsError(
                f"the script stops at image_id {id_}: the answer {row['answer']!r} is none of the options"
            )
        if score not in row:
            raise ScriptStopsError(f"the script needs the field {score!r} in every row; image_id {id_} has none")
        chosen = row["gt"][option]
        rejected = chosen == "None"
        value = float(np.exp(row[score]))
        found.append(id_)
        none.append(rejected)
        boxes.append([0.0] * 4 if rejected else chosen)
        scores.append(1 - value if rejected and truths[id_].column is not None else value)
    truth = [truths[id_] for id_ in found]
    iou = np.zeros((len(found), RANKS), dtype=np.float32)
    iou[:, 0] = _iou_single(np.array(boxes).reshape(-1, 4), np.array([t.box for t in truth]).reshape(-1, 4))
    filtered = np.full((len(found), RANKS), -np.inf)
    filtered[:, 0] = scores
    entries = Entries(truth, found, iou, np.array(scores), filtered)
    positive = np.array([t.column is None for t in truth], dtype=np.bool_)
    level = np.minimum([t.level for t in truth], 2)
    hit = iou[:, 0] >= np.float32(0.5)
    out = []
    for at, chosen in ((None, positive), (1, positive & (level == 1)), (2, positive & (level == 2))):
        share = round(int(hit[chosen].sum()) / int(chosen.sum()) * 100, 2) if chosen.any() else 0.0
        out.append(_row("precision@1", share, int(chosen.sum()), level=at))
    rejected_share = round(float(np.mean(np.array(none)[~positive])) * 100, 2) if (~positive).any() else 0.0
    out.append(_row("negative_accuracy", rejected_share, int((~positive).sum())))
    return out + _negative_rows(entries, positive, level, (1,))


def router_level(boxes: Floats, scores: Floats, score_threshold: float = 0.2, nms_iou: float = 0.7) -> int:
    """The level that the SFA scripts give: `cv2.dnn.NMSBoxes`, which takes corner and size, is handed two corners,
    and no detection counts as one. `boxes [n, 4]` xyxy; the 10 best are looked at."""
    from finecops.boxes import nms_xyxy, xywh_to_xyxy

    best = np.argsort(-scores, kind="stable")[:RANKS]
    chosen = best[scores[best] > score_threshold]
    kept = nms_xyxy(xywh_to_xyxy(boxes[chosen]), scores[chosen], nms_iou)
    return 1 if len(kept) <= 1 else 2


def _row(metric: str, value: float | None, n: int, **of: Any) -> dict[str, Any]:
    places = dict.fromkeys(("kind", "type", "level", "router_level", "tuple_type"))
    return {"metric": metric, **places, "value": value, "n": n, "arithmetic": "reference"} | of


def _entries(truths: Mapping[str, Truth], rows: Sequence[tuple[str, Floats, Floats]], strict: bool) -> Entries:
    unknown = [id_ for id_, _, _ in rows if id_ not in truths]
    if unknown:
        raise ScriptStopsError(f"the scripts stop at id {unknown[0]}: it has no annotation")
    n = len(rows)
    boxes, scores = np.zeros((n, RANKS, 4)), np.full((n, RANKS), -np.inf)
    best = np.zeros(n)
    for i, (_, found, given) in enumerate(rows):
        boxes[i, : len(found[:RANKS])] = found[:RANKS]
        best[i] = given.max()
        passed = -np.sort(-given[given > 0 if strict else given >= 0])[:RANKS]
        scores[i, : len(passed)] = passed
    truth = [truths[id_] for id_, _, _ in rows]
    target = np.array([t.box for t in truth]).reshape(n, 1, 4)
    return Entries(truth, [id_ for id_, _, _ in rows], _iou_single(boxes, target), best, scores)


def _iou_single(a: Floats, b: Floats) -> NDArray[np.float32]:
    """IoU in single precision, as both libraries the scripts use compute it."""
    a, b = a.astype(np.float32), b.astype(np.float32)
    low, high = np.maximum(a[..., :2], b[..., :2]), np.minimum(a[..., 2:], b[..., 2:])
    side = np.maximum(high - low, np.float32(0))
    shared = side[..., 0] * side[..., 1]
    area_a, area_b = ((x[..., 2] - x[..., 0]) * (x[..., 3] - x[..., 1]) for x in (a, b))
    union = np.maximum(area_a + area_b - shared, np.float32(1e-6))
    result: NDArray[np.float32] = shared / union
    return result


def _negative_rows(
    entries: Entries, positive: NDArray[np.bool_], level: NDArray[Any], topk: Sequence[int]
) -> list[dict[str, Any]]:
    row_of = {id_: i for i, id_ in enumerate(entries.ids) if positive[i]}
    columns: dict[tuple[str, int, str], list[int]] = {}
    for i, truth in enumerate(entries.truth):
        if truth.column is not None:
            columns.setdefault(truth.column, []).append(i)
    rows: list[dict[str, Any]] = []
    separations: list[dict[str, Any]] = []
    for (type_, negative_level, cate), members in sorted(columns.items()):
        of: dict[str, Any] = {
            "kind": "image" if "im" in cate.lower() else "text",
            "type": type_,
            "level": negative_level,
        }
        missing = [entries.truth[i].positive_id for i in members if entries.truth[i].positive_id not in row_of]
        if missing:
            raise ScriptStopsError(f"the scripts stop: the positive {missing[0]} of a negative has no prediction")
        negatives = np.array(members, dtype=np.intp)
        positives = np.array([row_of[entries.truth[i].positive_id] for i in members], dtype=np.intp)
        hits, groups = _pooled_hits(entries, negatives, positives, topk)
        rows += [_row(f"recall@{k}", round(hits[k] / groups * 100, 2), groups, **of) for k in topk]
        scored = np.isfinite(entries.scores[negatives, 0])
        if not np.isfinite(entries.scores[positives[scored], 0]).all():
            raise ScriptStopsError("the scripts stop: a negative's positive has no score that passes their filter")
        if scored.any():
            mine, theirs = entries.scores[positives[scored], 0], entries.scores[negatives[scored], 0]
            separations += _separations(mine, theirs, **of)
    first = positive & (level == 1)
    if first.any() and (~positive).any():
        separations += _separations(entries.best[first], entries.best[~positive])
    return rows + separations


def _pooled_hits(entries: Entries, negatives: Ints, positives: Ints, topk: Sequence[int]) -> tuple[dict[int, int], int]:
    """Per positive of a column: is one of the k best scores, pooled over its negatives, a right box's?"""
    owners, group = np.unique(positives, return_inverse=True)
    pooled = np.concatenate([entries.scores[negatives], entries.scores[owners]])
    member = np.repeat(np.concatenate([group, np.arange(len(owners))]), RANKS)
    flat = pooled.ravel()
    order = np.lexsort((-flat, member))
    start = np.searchsorted(member[order], np.arange(len(owners)))
    hits = {}
    for k in topk:
        kth = flat[order[start + k - 1]]
        mine = entries.scores[owners]
        among = np.minimum(((mine >= kth[:, None]) & np.isfinite(mine)).sum(axis=1), k)
        seen = np.arange(RANKS) < among[:, None]
        hits[k] = int(np.any((entries.iou[owners] >= np.float32(0.5)) & seen, axis=1).sum())
    return hits, len(owners)


def _separations(positive_scores: Floats, negative_scores: Floats, **of: Any) -> list[dict[str, Any]]:
    # scikit-learn's own functions, as the scripts call them: its last bit decides how a 5 is rounded.
    from sklearn.metrics import average_precision_score, roc_auc_score

    scores = np.concatenate([positive_scores, negative_scores])
    labels = np.arange(len(scores)) < len(positive_scores)
    values = (
        ("auroc", roc_auc_score(labels, scores) * 100),
        ("fpr95", _nearest_fpr(positive_scores, negative_scores) * 100),
        ("aupr", 100 * average_precision_score(labels, scores)),
    )
    return [_row(name, round(float(value), 2), len(negative_scores), **of) for name, value in values]


def _nearest_fpr(positive_scores: Floats, negative_scores: Floats) -> float:
    """The share of negatives accepted at the threshold whose recall is nearest to 95% (of equals, the higher)."""
    thresholds = np.unique(np.concatenate([positive_scores, negative_scores]))[::-1]
    hits = len(positive_scores) - np.searchsorted(np.sort(positive_scores), thresholds)
    alarms = len(negative_scores) - np.searchsorted(np.sort(negative_scores), thresholds)
    upto = int(np.searchsorted(hits, hits[-1])) + 1
    recall, alarms = (hits[:upto] / hits[-1])[::-1], alarms[:upto][::-1]
    return float(alarms[np.argmin(np.abs(recall - _NEAREST_RECALL))] / len(negative_scores))


def _boxes_in(text: str, truth: Truth) -> list[list[int]]:
    """Boxes of a text, the scripts' way: what stands between a bracket and the next closing one must be whole
    numbers, or the whole answer has no box; after a box the text is skipped to the next punctuation mark."""
    boxes, start = [], 0
    for i, char in enumerate(text):
        if char == "[":
            start = i + 1
        elif char == "]":
            try:
                values = [int(v) for v in text[start:i].strip().split(",")]
            except ValueError:
                return []
            start = i + 1
            if len(values) >= 4:
                scale = (truth.width / 1000, truth.height / 1000)
                boxes.append([int(v * scale[j % 2]) for j, v in enumerate(values[:4])])
                while start < len(text) and text[start] not in ".,;!?":
                    start += 1
                start += 1
    return boxes
