"""What the paper's published scripts read: annotations uncut, boxes in their order and precision.

Part of `--compat reference` (`finecops.evaluation.reference`). Box texts are cut to whole pixels, IoU is computed in
single precision, scores of 0 and less are dropped (below 0 for box texts). For comparison only.
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

from finecops.benchmark_words import type_inside
from finecops.errors import DataError
from finecops.metrics.answers import Answers, Floats
from finecops.records import Sample

RANKS = 10


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
    """The annotations of COCO files, not cut to the image."""
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
                    type_inside(str(negative)),
                    int(annotation["negative_level"]),
                    str(annotation.get("negative_cate", "text")),
                )
            found[id_] = Truth(
                box=(x, y, w + x, h + y),
                width=images[id_]["width"],
                height=images[id_]["height"],
                level=int(annotation.get("level") or 0),
                column=column,
                positive_id=str(annotation.get("positive_id")),
            )
    return found


def truths_of_samples(samples: Iterable[Sample]) -> dict[str, Truth]:
    """The same from our samples, whose boxes are cut to the image."""
    return {
        s.id: Truth(
            box=s.box or (0.0, 0.0, 0.0, 0.0),
            width=s.width,
            height=s.height,
            level=s.level or 0,
            column=(s.negative.type or "", s.negative.level or 0, s.negative.kind or "") if s.negative else None,
            positive_id=s.positive_id or "",
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


def letter_entries(
    truths: Mapping[str, Truth], rows: Sequence[Mapping[str, Any]], score: str
) -> tuple[Entries, NDArray[np.bool_]]:
    """Letters, and which rows chose None, `[n]`: a negative's score is flipped there; elsewhere it is the letter's."""
    found, scores, boxes, none = [], [], [], []
    for row in rows:
        id_ = str(row["image_id"])
        chosen = row["gt"][_option(row, truths)]
        if score not in row:
            raise ScriptStopsError(f"the script needs the field {score!r} in every row; image_id {id_} has none")
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
    entries = Entries(truth=truth, ids=found, iou=iou, best=np.array(scores), scores=filtered)
    return entries, np.array(none, dtype=np.bool_)


def _option(row: Mapping[str, Any], truths: Mapping[str, Truth]) -> str:
    """The option that an answer names, parsed as the script does."""
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
    return option


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
        # The detectors' script wants scores above 0, the texts' script scores not below it.
        passed = -np.sort(-given[given > 0 if strict else given >= 0])[:RANKS]
        scores[i, : len(passed)] = passed
    truth = [truths[id_] for id_, _, _ in rows]
    target = np.array([t.box for t in truth]).reshape(n, 1, 4)
    ids = [id_ for id_, _, _ in rows]
    return Entries(truth=truth, ids=ids, iou=_iou_single(boxes, target), best=best, scores=scores)


def _iou_single(a: Floats, b: Floats) -> NDArray[np.float32]:
    """IoU in single precision, as both libraries the scripts use compute it."""
    a, b = a.astype(np.float32), b.astype(np.float32)
    low, high = np.maximum(a[..., :2], b[..., :2]), np.minimum(a[..., 2:], b[..., 2:])
    side = np.maximum(high - low, np.float32(0))
    shared = side[..., 0] * side[..., 1]
    area_a, area_b = ((x[..., 2] - x[..., 0]) * (x[..., 3] - x[..., 1]) for x in (a, b))
    # The constant of the library that the scripts use; it decides nothing but boxes of no area.
    union = np.maximum(area_a + area_b - shared, np.float32(1e-6))
    result: NDArray[np.float32] = shared / union
    return result


def _boxes_in(text: str, truth: Truth) -> list[list[int]]:
    """Boxes of a text, parsed as the scripts do: what is between a bracket and the next closing one must be whole
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
                # The scripts' own regular step: what follows a box up to the next mark is lost.
                while start < len(text) and text[start] not in ".,;!?":
                    start += 1
                start += 1
    return boxes
