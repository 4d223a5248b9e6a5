"""`coco`: the truth of all samples in one file, and COCO results of each method, in one space of ids.

COCO has no expressions: a sample, which is an image with an expression, is an image of COCO. A positive has one
annotation of the one category; a negative is an image without annotation, so that a box there is a false positive.
Samples of unknown truth are left out. COCO results have no rejection: its sample has no result.

pycocotools counts an IoU of 0.5 as a match, this project only one above it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from finecops.errors import DataError
from finecops.exchange.exporting.folder import ExportFolder
from finecops.exchange.exporting.methods import MISSING, ExportedMethod
from finecops.records import Sample

Json: TypeAlias = dict[str, object]
CATEGORY: Final = 1
TRUTH_JSON: Final = "ground_truth.json"


@dataclass(frozen=True)
class WrittenMethod:
    """The results of a method."""

    file: Path
    boxes: int
    without_box: int
    """Samples without a result: rejections, answers that could not be parsed, failures, missing rows."""


@dataclass(frozen=True)
class WrittenCoco:
    """What was written."""

    truth: Path
    positives: int
    negatives: int
    unknown: int
    """Samples of unknown truth, which are in no file."""
    methods: dict[str, WrittenMethod]


def export_coco(
    out: Path, samples: Sequence[Sample], methods: Sequence[ExportedMethod], about: Mapping[str, object]
) -> WrittenCoco:
    """Write `ground_truth.json`, `results/<method>.json` and `export.json`.

    Args:
        out: the folder.
        samples: those of the run, in its order: the n-th known one has the image id n.
        methods: whose answers are written.
        about: where they are from, for `export.json`.

    Raises:
        DataError: no sample has a known truth, or the folder holds something else.
    """
    known = [s for s in samples if s.truth != "unknown"]
    if not known:
        raise DataError("the truth of all samples is unknown: COCO's format needs true boxes")
    folder = ExportFolder(out, "coco")
    truth = folder.new(TRUTH_JSON)
    truth.write_text(json.dumps(_truth(known)), encoding="utf-8")
    results = folder.new("results")
    results.mkdir()
    number_of = {s.id: number for number, s in enumerate(known, start=1)}
    written, notes = {}, {}
    for method in methods:
        written[method.name] = _write_results(results / f"{method.name}.json", method, number_of)
        notes[method.name] = _note(method, number_of, written[method.name])
    folder.finish({**about, "methods": notes})
    positives = sum(s.positive for s in known)
    return WrittenCoco(truth, positives, len(known) - positives, len(samples) - len(known), written)


def _truth(samples: Sequence[Sample]) -> Json:
    images: list[Json] = []
    annotations: list[Json] = []
    for number, sample in enumerate(samples, start=1):
        image: Json = {
            "id": number,
            "file_name": sample.image,
            "width": sample.width,
            "height": sample.height,
            "caption": sample.expression,
            "sample_id": sample.id,
            "truth": sample.truth,
            "level": sample.level,
            "tuple_type": sample.tuple_type,
        }
        if sample.negative is not None:
            image["negative"] = sample.negative.model_dump(mode="json")
        images.append(image)
        if sample.box is not None:
            box = _xywh(sample.box)
            # pycocotools takes annotation 0 for no match.
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": CATEGORY,
                    "bbox": box,
                    "area": box[2] * box[3],
                    "iscrowd": 0,
                }
            )
    # Older versions of pycocotools need `info` in the file.
    return {
        "info": {"description": "written by `finecops export coco`: an image is an image with one expression"},
        "licenses": [],
        "images": images,
        "annotations": annotations,
        "categories": [{"id": CATEGORY, "name": "referent"}],
    }


def _write_results(path: Path, method: ExportedMethod, number_of: Mapping[str, int]) -> WrittenMethod:
    entries: list[Json] = []
    without = 0
    for sample in method.samples:
        if sample.id not in number_of:
            continue
        row = method.rows.get(sample.id, MISSING)
        without += not row.boxes
        scores = row.scores if method.score_kind == "given" and row.scores is not None else None
        for rank, box in enumerate(row.boxes):
            # COCO sorts by score: where there is none, one that falls keeps the order of the boxes.
            score = scores[rank] if scores is not None else 1 / (1 + rank)
            entries.append(
                {
                    "image_id": number_of[sample.id],
                    "category_id": CATEGORY,
                    "bbox": _xywh(box),
                    "score": score,
                }
            )
    path.write_text(json.dumps(entries), encoding="utf-8")
    return WrittenMethod(path, len(entries), without)


def _note(method: ExportedMethod, number_of: Mapping[str, int], written: WrittenMethod) -> Json:
    """What `export.json` says of a method."""
    note: Json = {
        "label": method.label,
        "score": "the method's own" if method.score_kind == "given" else "1 / rank: the method has no scores for AP",
        "boxes": written.boxes,
        "outcomes": method.outcomes(),
    }
    ids = [number_of[s.id] for s in method.samples if s.id in number_of]
    if len(ids) < len(number_of):
        # Evaluated on the others too, it would have missed them all.
        note["imgIds"] = ids
    return note


def _xywh(box: Sequence[float]) -> list[float]:
    x1, y1, x2, y2 = box
    return [x1, y1, x2 - x1, y2 - y1]
