"""What is seen of one sample when it is opened: prompt, reply, every box, the router's detections, letters.

A sample lies in a chunk, a file that the page loads when one of its samples is opened. Chunks have a positive and its
negatives together, since they are looked at together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from finecops.evaluation.cases import Case, Cases, Verdict
from finecops.records import Candidates, Prediction, Record, Route, Target, Xyxy

CHUNK: Final = 100
"""Samples of one file."""
MOST_BOXES: Final = 12
"""Boxes of one list that a page shows; how many there are is said."""
MOST_CHARS: Final = 20_000
"""Of one text. A reply that never ends is cut, and the page says so."""


def chunks_of(cases: Cases, size: int = CHUNK) -> list[list[int]]:
    """Rows of each chunk: families (a positive and its negatives) in the samples' order, cut only if they are large."""
    row_of = {sample.id: row for row, sample in enumerate(cases.samples)}
    chunks: list[list[int]] = [[]]
    for row, sample in enumerate(cases.samples):
        if sample.positive_id in row_of and row_of[sample.positive_id or ""] != row:
            continue
        family = [row, *(row_of[id_] for id_ in cases.negatives_of.get(sample.id, ()) if row_of[id_] != row)]
        if chunks[-1] and len(chunks[-1]) + len(family) > size:
            chunks.append([])
        chunks[-1] += family[:size]
        chunks += [family[start : start + size] for start in range(size, len(family), size)]
    return _with_the_rest(chunks, len(cases.samples), size)


def _with_the_rest(chunks: list[list[int]], samples: int, size: int) -> list[list[int]]:
    """Negatives of negatives, which no benchmark should have, are in no family of a positive."""
    placed = {row for chunk in chunks for row in chunk}
    left = [row for row in range(samples) if row not in placed]
    chunks += [left[start : start + size] for start in range(0, len(left), size)]
    return [chunk for chunk in chunks if chunk]


def case_details(case: Case) -> dict[str, object]:
    """Everything of one sample that its columns do not have."""
    sample = case.sample
    return {
        "dataset": sample.dataset,
        "split": sample.split,
        "file": sample.image,
        "box": None if sample.box is None else list(sample.box),
        "target": _target(case.target),
        "route": _route(case.route),
        "candidates": _candidates(case.candidates),
        "answers": {key: _answer(verdict) for key, verdict in case.verdicts.items()},
    }


def _target(target: Target | None) -> dict[str, object] | None:
    return None if target is None else _plain(target, ("status", "phrase", "extractor", "reason"))


def _route(route: Route | None) -> dict[str, object] | None:
    if route is None:
        return None
    counted = _boxes(route.boxes, route.scores)
    return _plain(route, ("status", "level", "reason")) | counted


def _candidates(candidates: Candidates | None) -> dict[str, object] | None:
    if candidates is None:
        return None
    kept = [candidates.boxes[i] for i in candidates.kept]
    scores = [candidates.scores[i] for i in candidates.kept]
    before = {"before": len(candidates.boxes)}
    return _plain(candidates, ("status", "reason")) | before | _boxes(kept, scores)


def _answer(verdict: Verdict) -> dict[str, object]:
    row = verdict.row
    judged: dict[str, object] = {"outcome": verdict.outcome, "iou": verdict.iou, "score": verdict.score}
    if row is None:
        return judged
    words = _plain(
        row, ("source", "reason", "cause", "note", "prompt", "reply", "score_kind", "presence", "choice", "mass")
    )
    # Boxes of an answer that nobody could parse are none.
    boxes = _boxes(row.boxes, row.scores) if verdict.outcome in ("box", "reject") else _boxes((), None)
    if row.letters is None:
        return judged | words | boxes
    return judged | words | boxes | {"letters": list(row.letters[:MOST_BOXES])} | _none_option(row)


def _none_option(row: Prediction) -> dict[str, object]:
    """The probability of the option None of a question of CRS, if it had one."""
    if row.presence is None or row.scores is None:
        return {}
    # Of all options the probabilities sum to 1; what the boxes leave, beyond rounding, is None's.
    left = 1 - sum(row.scores)
    rejected = row.status == "reject" and row.choice not in (row.letters or ())
    there = rejected or (left > 1e-6 * (1 + len(row.scores)) and abs(left - (1 - row.presence)) < 1e-5)
    return {"none": 1 - row.presence} if there else {}


def _plain(record: Record, names: Iterable[str]) -> dict[str, object]:
    """Fields that are there, long texts cut."""
    found = ((name, getattr(record, name)) for name in names)
    return {name: _cut(value) for name, value in found if value is not None}


def _cut(value: object) -> object:
    if isinstance(value, str) and len(value) > MOST_CHARS:
        return f"{value[:MOST_CHARS]} […] (cut: {len(value)} characters in the row)"
    return value


def _boxes(boxes: Sequence[Xyxy], scores: Sequence[float] | None) -> dict[str, object]:
    return {
        "boxes": [list(box) for box in boxes[:MOST_BOXES]],
        "scores": None if scores is None else list(scores[:MOST_BOXES]),
        "count": len(boxes),
    }
