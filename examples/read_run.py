"""Read a run folder: how its files were made, and precision@1 by router level from the rows themselves.

    finecops sfa run --both --limit 60 --run example
    python examples/read_run.py outputs/example

No model is loaded: every number comes from the files.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from finecops.boxes import iou_xyxy
from finecops.records import Prediction, Route, Sample
from finecops.runs.folder import read_samples
from finecops.runs.jsonl import read_table
from finecops.runs.manifest import read_manifest


def is_right(sample: Sample, row: Prediction) -> bool:
    """Whether the best box has an IoU above 0.5 with the truth. Only the status `box` is an answer with a box."""
    if row.status != "box" or not row.boxes or sample.box is None:
        return False
    return bool(iou_xyxy(np.array(row.boxes[0]), np.array(sample.box)) > 0.5)


def precision(samples: Sequence[Sample], rows: dict[str, Prediction]) -> str:
    """Precision@1 on the positives that a stage has rows for, with the denominator."""
    asked = [sample for sample in samples if sample.positive and sample.id in rows]
    right = sum(is_right(sample, rows[sample.id]) for sample in asked)
    return f"{100 * right / len(asked):.2f}% of {len(asked)}" if asked else "no positive"


def main(run: str) -> None:
    """Print each stage, then precision@1 of each stage that answers, by router level."""
    folder = Path(run)
    manifest = read_manifest(folder)
    print(f"{manifest.dataset.name}, {manifest.dataset.split}: {manifest.dataset.samples} samples")
    for name, entry in manifest.stages.items():
        print(f"{name}: {entry.label}, {entry.rows} rows, {entry.failed} failed, from {sorted(entry.inputs)}")
    samples, routes_file = read_samples(folder), manifest.stage_of("routes")
    routes = read_table(folder / f"{routes_file}.jsonl", Route) if routes_file else {}
    for name, entry in manifest.stages.items():
        if entry.role == "answers" and entry.state == "done":
            rows = dict(read_table(folder / f"{name}.jsonl", Prediction))
            print(f"{name}, all: {precision(samples, rows)}")
            for level in (1, 2):
                chosen = [s for s in samples if s.id in routes and routes[s.id].level == level]
                print(f"{name}, router level {level}: {precision(chosen, rows)}")


if __name__ == "__main__":
    main(sys.argv[1])
