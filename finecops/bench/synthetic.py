"""Annotation and prediction files of any size with nothing behind them but a seed. For timing and for tests."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from finecops.exchange import mmdet_npy
from finecops.metrics.answers import AnswersBuilder

TEXT_COLUMNS = [
    (f"{change}_{part}", level)
    for change, parts in (("replace", ("object", "attribute", "relation")), ("swap", ("object", "attribute")))
    for part in parts
    for level in (1, 2)
]
IMAGE_COLUMNS = [("replace_object", 1), ("replace_object", 2), ("swap_object", 1), ("flip", 1), ("flip", 2)]
_LEVEL_SHARES = (0.55, 0.34, 0.11)


@dataclass(frozen=True)
class Counts:
    """How many samples of each sort; the default is FineCops-Ref's test set (paper, Table II)."""

    positives: int = 9605
    negative_expressions: int = 9814
    negative_images: int = 8507

    @property
    def rows(self) -> int:
        """All samples."""
        return self.positives + self.negative_expressions + self.negative_images

    def times(self, factor: float) -> Counts:
        """As many times each."""
        return Counts(
            *(max(1, round(v * factor)) for v in (self.positives, self.negative_expressions, self.negative_images))
        )


@dataclass(frozen=True)
class SyntheticFiles:
    """Where the files lie; predictions in two formats of the same answers."""

    annotations: Path
    texts: Path
    detections: Path
    rows: int


def write_files(folder: Path, counts: Counts, seed: int = 0, boxes: int = 10) -> SyntheticFiles:
    """Write annotations, box texts (one box each) and detections (`boxes` each, best first) of random answers."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    n, p = counts.rows, counts.positives
    size = np.stack([rng.integers(300, 641, n), rng.integers(300, 641, n)], axis=1)
    low = rng.random((n, 2)) * 0.6
    truth = np.concatenate([low, low + 0.1 + rng.random((n, 2)) * 0.28], axis=1)
    levels = rng.choice([1, 2, 3], p=_LEVEL_SHARES, size=p)
    owners = rng.integers(0, p, n - p)
    _write_annotations(folder / "annotations.json", counts, size, truth, levels, owners, rng)

    noise = rng.normal(scale=np.where(rng.random(n) < 0.6, 0.01, 0.3)[:, None, None], size=(n, boxes, 4))
    found = np.clip(truth[:, None] + noise, 0, 0.999)
    found = np.concatenate([np.minimum(found[..., :2], found[..., 2:]), np.maximum(found[..., :2], found[..., 2:])], -1)
    found[..., 2:] = np.maximum(found[..., 2:], found[..., :2] + 0.001)
    scores = -np.sort(-rng.random((n, boxes)).astype(np.float32), axis=1)
    with (folder / "texts.jsonl").open("w", encoding="utf-8") as file:
        for i in range(n):
            inside = ", ".join(str(int(v * 1000)) for v in found[i, 0])
            row = {"image_id": i + 1, "text": f"a thing [{inside}].", "scores_prob_average": [float(scores[i, 0])]}
            file.write(json.dumps(row) + "\n")
    builder = AnswersBuilder("synthetic")
    pixels = found * np.concatenate([size, size], axis=1)[:, None]
    for i in range(n):
        builder.add(str(i + 1), "box", pixels[i], scores[i])
    mmdet_npy.write(folder / "detections.npy", builder.build())
    return SyntheticFiles(folder / "annotations.json", folder / "texts.jsonl", folder / "detections.npy", n)


def _write_annotations(
    path: Path, counts: Counts, size: Any, truth: Any, levels: Any, owners: Any, rng: np.random.Generator
) -> None:
    images, annotations = [], []
    for i in range(counts.rows):
        width, height = (int(v) for v in size[i])
        x1, y1, x2, y2 = (float(v) for v in truth[i] * [width, height, width, height])
        images.append(
            {"id": i + 1, "file_name": f"{i + 1}.jpg", "width": width, "height": height, "caption": "a thing"}
        )
        annotation: dict[str, Any] = {
            "id": i + 1,
            "image_id": i + 1,
            "category_id": 1,
            "bbox": [round(v, 2) for v in (x1, y1, x2 - x1, y2 - y1)],
            "tuple_type": f"tuple_{i % 4}",
        }
        if i < counts.positives:
            annotation["level"] = int(levels[i])
        else:
            image = i >= counts.positives + counts.negative_expressions
            columns = IMAGE_COLUMNS if image else TEXT_COLUMNS
            type_, level = columns[int(rng.integers(len(columns)))]
            owner = int(owners[i - counts.positives])
            annotation |= {
                "level": int(levels[owner]),
                "positive_id": owner + 1,
                "negative_type": type_,
                "negative_level": level,
                "negative_cate": "image" if image else "text",
            }
        annotations.append(annotation)
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "x"}]}))
