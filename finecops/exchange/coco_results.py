"""`coco-results`: the COCO results list `[{image_id, category_id, bbox [x, y, w, h], score}, …]`, as pycocotools,
mmdet, lmms-eval and FiftyOne exchange it. `image_id` is the expression's id."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from finecops.errors import DataError
from finecops.exchange.values import as_number, as_numbers
from finecops.metrics.answers import OUTCOMES, Answers, AnswersBuilder
from finecops.strict_json import parse_json
from finecops.text import plain_id, shortly

BOX_DIGITS = 4
ID_MEANT = "a whole number or a short text is meant"
BOX_MEANT = "four numbers [x, y, w, h] are meant"


def read(path: Path, source: str) -> Answers:
    """Read the file; boxes of an id are ranked by score. An id that is not in the file is missing: the format has
    no way to say "not there".

    Raises:
        DataError: it is no such list.
    """
    boxes: dict[str, tuple[int, list[Any], list[Any]]] = {}
    for number, entry in enumerate(_entries(path), start=1):
        if not isinstance(entry, dict) or not {"image_id", "bbox"} <= entry.keys():
            raise DataError(f"{path}: entry {number} has no image_id or no bbox")
        id_, box, score = plain_id(entry["image_id"]), as_numbers(entry["bbox"], 4), entry.get("score")
        if id_ is None:
            raise DataError(f"{path}: entry {number}: image_id is {shortly(entry['image_id'])}; {ID_MEANT}")
        if box is None:
            raise DataError(f"{path}: entry {number}: bbox is {shortly(entry['bbox'])}; {BOX_MEANT}")
        # One number per box: a list of several would be the next boxes' scores.
        if score is not None and as_number(score) is None:
            raise DataError(f"{path}: entry {number}: score is {shortly(score)}; a number is meant")
        x, y, w, h = box
        _, mine, scores = boxes.setdefault(id_, (number, [], []))
        mine.append((x, y, x + w, y + h))
        scores.append(as_number(score))
    builder = AnswersBuilder(str(path), ranked=False, unit="entry")
    for id_, (number, mine, scores) in boxes.items():
        # Half-scored lists cannot be ranked; the file is at fault.
        given = [score for score in scores if score is not None]
        if given and len(given) < len(scores):
            raise DataError(f"{path}: image_id {id_} has boxes with and without a score")
        builder.add(id_, status="box", boxes=mine, scores=given or None, presence=None, source=source, line=number)
    return builder.build()


def _entries(path: Path) -> list[Any]:
    try:
        entries = parse_json(path.read_bytes())
    except ValueError as error:
        raise DataError(f"{path} is not JSON: {error}") from error
    if not isinstance(entries, list):
        raise DataError(f"{path} is no results list; [{{image_id, category_id, bbox, score}}, …] is meant")
    return entries


def write(path: Path, answers: Answers) -> int:
    """Write all boxes of answers with a box; returns how many answers of another kind the format cannot hold."""
    entries, left_out = [], 0
    for i, id_ in enumerate(answers.ids):
        if answers.outcome[i] != OUTCOMES.index("box"):
            left_out += 1
            continue
        for j in range(int(answers.start[i]), int(answers.start[i + 1])):
            x1, y1, x2, y2 = answers.boxes[j].tolist()
            entry: dict[str, Any] = {
                "image_id": int(id_) if id_.isdecimal() else id_,
                "category_id": 1,
                "bbox": [round(v, BOX_DIGITS) for v in (x1, y1, x2 - x1, y2 - y1)],
            }
            if not np.isnan(answers.scores[j]):
                entry["score"] = float(answers.scores[j])
            entries.append(entry)
    path.write_text(json.dumps(entries), encoding="utf-8")
    return left_out
