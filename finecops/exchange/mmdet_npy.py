"""`mmdet-npy`: a NumPy object array of `{img_id, bboxes [b, 4] xyxy, scores [b]}`, as FineCops-Ref's mmdet metric
saves it (`results_cache.npy`). `img_id` is the expression's id."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from finecops.errors import DataError
from finecops.metrics.answers import Answers, AnswersBuilder
from finecops.safe_pickle import load_object_array
from finecops.text import MAX_ID_CHARS, plain_id, shortly


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
            _id(entry["img_id"], path, number),
            status="box",
            boxes=boxes,
            scores=scores,
            presence=None,
            source=source,
            line=number,
        )
    return builder.build()


def _fields(entry: Any, path: Path, number: int) -> tuple[Any, Any]:
    # Tens of thousands of entries: three look-ups cost less than a set of each entry's keys.
    if not isinstance(entry, dict) or "img_id" not in entry or "bboxes" not in entry or "scores" not in entry:
        raise DataError(f"{path}: entry {number} is no dict with img_id, bboxes and scores")
    boxes, scores = _numbers(entry["bboxes"]), _numbers(entry["scores"])
    # Checked before any reshape: an object array could hold anything.
    fits = boxes is not None and scores is not None and scores.ndim == 1
    if not fits or not (
        boxes.shape == (len(scores), 4) or len(scores) == boxes.size == 0 or boxes.shape == (4,) == (4 * len(scores),)
    ):
        shapes = f"bboxes {_shape(entry['bboxes'])} and scores {_shape(entry['scores'])}"
        raise DataError(f"{path}: entry {number} has {shapes}; numbers [b, 4] and [b] are meant")
    return boxes.reshape(-1, 4), scores


def _numbers(value: Any) -> Any:
    """An array of numbers; None for anything else."""
    if isinstance(value, np.ndarray):
        return value if value.dtype.kind in "fiu" else None
    if not isinstance(value, list):
        return None
    # Only numbers, and lists of four: NumPy would make one very long text of a short list with one long text in it.
    flat = [v for item in value for v in (item if isinstance(item, list) else (item,))]
    if not all(type(v) in (int, float) or isinstance(v, np.floating | np.integer) for v in flat):
        return None
    try:
        return np.asarray(value, dtype=np.float64)
    except (ValueError, OverflowError):
        return None


def _shape(value: Any) -> str:
    return (
        str(list(value.shape)) + f" of {value.dtype}" * (value.dtype.kind not in "fiu")
        if isinstance(value, np.ndarray)
        else shortly(value)
    )


def _id(value: Any, path: Path, number: int) -> str:
    if type(value) is str and value.isdecimal() and len(value) < MAX_ID_CHARS:
        return value
    found = plain_id(value.item() if isinstance(value, np.integer | np.str_) else value)
    if found is None:
        raise DataError(f"{path}: entry {number}: img_id is {shortly(value)}; a whole number or a short text is meant")
    return found


def write(path: Path, answers: Answers) -> int:
    """Write answers as such a file; returns how many have no box, which the format cannot tell from each other."""
    entries = np.empty(len(answers), dtype=object)
    for i, id_ in enumerate(answers.ids):
        part = slice(answers.start[i], answers.start[i + 1])
        entries[i] = {"img_id": id_, "bboxes": answers.boxes[part], "scores": answers.scores[part]}
    np.save(path, entries, allow_pickle=True)
    return int((np.diff(answers.start) == 0).sum())
