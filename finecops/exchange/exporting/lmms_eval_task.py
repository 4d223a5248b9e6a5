"""Functions of a task of lmms-eval, which `finecops export lmms-eval` copies beside the task's YAML file as `utils.py`.

It runs in lmms-eval's environment, without finecops. `task.json` beside it says what the models are asked, and what the
numbers of a box mean in their replies. The task's figures are for a quick look. `finecops import lmms-eval` makes a run
of the log: every sample's record is in it, and the replies are parsed anew.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_TASK = json.loads((Path(__file__).parent / "task.json").read_text(encoding="utf-8"))
PROMPT = _TASK["prompt"]
SCALE = {"pixels": None, "norm1": 1, "norm1000": 1000}[_TASK["boxes"]]
"""What the right or lower side of the image is in a reply; None: its size in pixels."""
FIELDS = (
    "id file_name width height expression truth box level tuple_type negative_kind negative_type negative_level "
    "positive_id"
).split()
_NUMBER = r"\s*(-?\d+(?:\.\d+)?)\s*"
_BOX = re.compile(rf"[\[(]{_NUMBER},{_NUMBER},{_NUMBER},{_NUMBER}[\])]")
_NOTHING = re.compile(r"\b(?:none|null|not found|no target|not present|not in the image|does not exist)\b|\[\]")
"""The words that finecops takes for a rejection where a reply has no box."""


def doc_to_visual(doc: Mapping[str, Any]) -> list[Any]:
    """The image."""
    return [doc["image"].convert("RGB")]


def doc_to_text(doc: Mapping[str, Any], lmms_eval_specific_kwargs: object = None) -> str:
    """What the model is asked."""
    return str(PROMPT).replace("{expression}", doc["expression"])


def doc_to_target(doc: Mapping[str, Any]) -> str:
    """The true box as pixels, or null."""
    return json.dumps(doc["box"])


def process_results(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, dict[str, object]]:
    """The sample's record with what the model answered, for each of the three figures."""
    status, box = read_reply(results[0] if results else "", doc["width"], doc["height"])
    overlap = iou(box, doc["box"]) if box is not None and doc["box"] is not None else 0.0
    answer = {"truth": doc["truth"], "status": status, "iou": overlap}
    record = {name: doc.get(name) for name in FIELDS}
    return {
        "finecops_precision_at_1": {**record, "status": status, "pred": box, "iou": overlap},
        "finecops_rejected_negatives": answer,
        "finecops_unparsed": answer,
    }


def read_reply(reply: str, width: int, height: int) -> tuple[str, list[float] | None]:
    """`box`, `reject` or `unparsed`, and the first box in pixels."""
    found = _BOX.search(reply)
    if found is not None:
        x1, y1, x2, y2 = (float(number) for number in found.groups())
        across, down = (1.0, 1.0) if SCALE is None else (width / SCALE, height / SCALE)
        if x1 > x2 or y1 > y2:
            return "unparsed", None
        return "box", [x1 * across, y1 * down, x2 * across, y2 * down]
    return ("reject", None) if _NOTHING.search(reply.strip().lower()) else ("unparsed", None)


def iou(a: Sequence[float], b: Sequence[float]) -> float:
    """Intersection over union of two boxes xyxy; 0 where one has no area."""
    across, down = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(across, 0) * max(down, 0)
    union = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)) - shared
    return shared / union if union > 0 else 0.0


def precision_at_1(answers: Sequence[Mapping[str, Any]]) -> float:
    """Per cent of the positives whose box has an IoU above 0.5."""
    return _per_cent([answer["iou"] > 0.5 for answer in answers if answer["truth"] == "box"])


def rejected_negatives(answers: Sequence[Mapping[str, Any]]) -> float:
    """Per cent of the negatives that the model rejects. An answer that cannot be parsed is no rejection."""
    return _per_cent([answer["status"] == "reject" for answer in answers if answer["truth"] == "absent"])


def unparsed(answers: Sequence[Mapping[str, Any]]) -> float:
    """Per cent of the answers that could not be parsed."""
    return _per_cent([answer["status"] == "unparsed" for answer in answers])


def _per_cent(hits: Sequence[bool]) -> float:
    return 100 * sum(hits) / len(hits) if hits else float("nan")
