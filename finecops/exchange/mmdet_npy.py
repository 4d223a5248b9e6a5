"""`mmdet-npy`: a NumPy object array of `{img_id, bboxes [b, 4] xyxy, scores [b]}`, as FineCops-Ref's mmdet metric
saves it (`results_cache.npy`). `img_id` is the expression's id."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from finecops.errors import DataError
from finecops.metrics.answers import Answers, AnswersBuilder
from finecops.safe_pickle import load_object_array


def read(path: Path, source: str) -> Answers:
    """Read the file; boxes are ranked by score.

    Raises:
        DataError: it is something else, or holds a pickle of more than arrays.
    """
    entries = load_object_array(path)
    if not isinstance(entries, np.ndarray) or entries.dtype != object or entries.ndim != 1:
        raise DataError(f"{path} is no list of results: it needs a NumPy object array of dicts")
    builder = AnswersBuilder(str(path), ranked=False, unit="entry")
    for number, entry in enumerate(entries.tolist(), start=1):
        boxes, scores = _fields(entry, path, number)
        builder.add(
            str(entry["img_id"]),
            status="box" if len(boxes) else "unparsed",
            boxes=boxes,
            scores=scores,
            presence=None,
            source=source,
            line=number,
        )
        if not len(boxes):
            builder.problem(number, "no box at all; counted as unparsed")
    return builder.build()


def _fields(entry: Any, path: Path, number: int) -> tuple[Any, Any]:
    # Tens of thousands of entries: three look-ups cost less than a set of each entry's keys.
    if not isinstance(entry, dict) or "img_id" not in entry or "bboxes" not in entry or "scores" not in entry:
        raise DataError(f"{path}: entry {number} is no dict with img_id, bboxes and scores")
    boxes, scores = np.asarray(entry["bboxes"]), np.asarray(entry["scores"])
    # Checked before any reshape: an object array could hold anything.
    if boxes.dtype == object or boxes.size != 4 * scores.size or boxes.ndim > 2 or scores.ndim != 1:
        shapes = f"bboxes {list(boxes.shape)} and scores {list(scores.shape)}"
        raise DataError(f"{path}: entry {number} has {shapes}; [b, 4] and [b] are meant")
    return boxes.reshape(-1, 4), scores


def write(path: Path, answers: Answers) -> int:
    """Write answers as such a file; returns how many have no box, which the format cannot tell from each other."""
    entries = np.empty(len(answers), dtype=object)
    for i, id_ in enumerate(answers.ids):
        part = slice(answers.start[i], answers.start[i + 1])
        entries[i] = {"img_id": id_, "bboxes": answers.boxes[part], "scores": answers.scores[part]}
    np.save(path, entries, allow_pickle=True)
    return int((np.diff(answers.start) == 0).sum())
