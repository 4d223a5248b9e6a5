"""A benchmark of any size in FineCops-Ref's layout, drawn: annotations, images, rows that a specialist could have made.

Images are drawn noise, some hundred different ones under as many names as the benchmark would have. Negative
expressions are about the images of their positives, and stand far behind them in the file, as in the release.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np

from finecops.bench.synthetic import Counts, Floats, Truth, draw_answers, draw_truth, write_published
from finecops.bench.synthetic_run import PER_IMAGE, WIDTH_HEIGHT, write_images
from finecops.records import Prediction

ANNOTATIONS = "annotations.json"
_CONFIG = f"""name: large
root: .
format: coco
image_folders: [images, negative_images, "."]
splits: {{test: [{ANNOTATIONS}]}}
preset: mini
get: "`finecops bench large` draws it."
"""
_CHUNK = 1000


def write_benchmark(folder: Path, counts: Counts, seed: int = 0) -> Path:
    """Write annotations and images.

    Returns:
        The dataset's YAML file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    truth, rng = _truth(counts, seed), np.random.default_rng(seed)
    image_of = image_names(counts, truth)
    write_published(folder / ANNOTATIONS, counts, truth, rng, lambda i: image_of(i).partition("/")[2])
    write_images(folder, dict.fromkeys(map(image_of, range(counts.rows))), rng)
    config = folder / "large.yaml"
    config.write_text(_CONFIG, encoding="utf-8")
    return config


def image_names(counts: Counts, truth: Truth) -> Callable[[int], str]:
    """From a row to the path of its image."""
    drawn = counts.positives + counts.negative_expressions

    def name(row: int) -> str:
        if row >= drawn:
            return f"negative_images/neg_{row}.jpg"
        owner = row if row < counts.positives else int(truth.owners[row - counts.positives])
        return f"images/{2_300_000 + int(owner / PER_IMAGE)}.jpg"

    return name


def write_rows(path: Path, counts: Counts, left_out: int, seed: int = 0) -> None:
    """Write a specialist's rows in the order in which batches are made (image by image), without the last ones.

    Args:
        path: the file.
        counts, seed: of the benchmark.
        left_out: so many rows at the end are not written.
    """
    truth = _truth(counts, seed)
    image_of, rows_of = image_names(counts, truth), dict[str, list[int]]()
    for row in range(counts.rows):
        rows_of.setdefault(image_of(row), []).append(row)
    order = (row for rows in rows_of.values() for row in rows)
    with path.open("w", encoding="utf-8") as file:
        for line in _lines(truth, islice(order, counts.rows - left_out), np.random.default_rng(seed)):
            file.write(line)


def _lines(truth: Truth, order: Iterator[int], rng: np.random.Generator) -> Iterator[str]:
    pixels: Floats = np.tile(WIDTH_HEIGHT, 2).astype(np.float64)
    while rows := list(islice(order, _CHUNK)):
        part = Truth(truth.image_wh[rows], truth.xyxy[rows], truth.levels[:0], truth.owners[:0])
        boxes, scores = draw_answers(rng, part, 10)
        for row, box, score in zip(rows, (boxes * pixels).round(4).tolist(), scores.astype(float).round(6).tolist()):
            answer = Prediction(
                sample_id=str(row + 1),
                status="box",
                boxes=tuple(map(tuple, box)),
                scores=tuple(score),
                score_kind="sigmoid, maximum over tokens",
                source="specialist",
            )
            yield answer.model_dump_json() + "\n"


def _truth(counts: Counts, seed: int) -> Truth:
    truth = draw_truth(np.random.default_rng(seed), counts)
    return replace(truth, image_wh=np.tile(np.array(WIDTH_HEIGHT), (counts.rows, 1)))
