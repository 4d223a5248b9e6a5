"""Annotation and prediction files of any size, made from a seed alone, for timing and for tests."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from finecops.benchmark_words import TUPLE_TYPES, type_published
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
_RIGHT_SHARE = 0.6
"""Share of the answers that are near the truth; the others are anywhere."""
Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True)
class Counts:
    """How many samples of each kind; the default is FineCops-Ref's test set (paper, Table II)."""

    positives: int = 9605
    negative_expressions: int = 9814
    negative_images: int = 8507

    @property
    def rows(self) -> int:
        """All samples."""
        return self.positives + self.negative_expressions + self.negative_images

    def times(self, factor: float) -> Counts:
        """Each number multiplied, and at least 1."""
        return Counts(
            *(max(1, round(v * factor)) for v in (self.positives, self.negative_expressions, self.negative_images))
        )


@dataclass(frozen=True)
class SyntheticFiles:
    """Where the files are; the predictions are the same answers in two formats."""

    annotations: Path

    texts: Path
    """JSON lines of box texts, one box each."""

    detections: Path
    """A NumPy file of boxes and scores, best first."""

    rows: int


@dataclass(frozen=True)
class Truth:
    """What annotations say; positives come first."""

    image_wh: Integers
    """`[n, 2]`, pixels."""

    xyxy: Floats
    """`[n, 4]`, as shares of the image's sides."""

    levels: Integers
    """`[positives]`."""

    owners: Integers
    """`[negatives]`: index of each negative's positive."""


def write_files(folder: Path, counts: Counts, seed: int = 0, boxes: int = 10) -> SyntheticFiles:
    """Write annotations, box texts (one box each) and detections (`boxes` each, best first) of random answers."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    files = SyntheticFiles(folder / "annotations.json", folder / "texts.jsonl", folder / "detections.npy", counts.rows)
    truth = draw_truth(rng, counts)
    _write_annotations(files.annotations, counts, truth, rng)
    found, scores = draw_answers(rng, truth, boxes)
    _write_texts(files.texts, found, scores)
    _write_detections(files.detections, found, scores, truth.image_wh)
    return files


def draw_truth(rng: np.random.Generator, counts: Counts) -> Truth:
    """Sizes of images, boxes, levels, and which negative belongs to which positive."""
    n, p = counts.rows, counts.positives
    image_wh = np.stack([rng.integers(300, 641, n), rng.integers(300, 641, n)], axis=1)
    # Corner and side are drawn so that every box is inside its image: 0.6 + 0.1 + 0.28 < 1.
    low = rng.random((n, 2)) * 0.6
    xyxy = np.concatenate([low, low + 0.1 + rng.random((n, 2)) * 0.28], axis=1)
    levels = rng.choice([1, 2, 3], p=_LEVEL_SHARES, size=p)
    return Truth(image_wh=image_wh, xyxy=xyxy, levels=levels, owners=rng.integers(0, p, n - p))


def draw_answers(rng: np.random.Generator, truth: Truth, boxes: int) -> tuple[Floats, NDArray[np.float32]]:
    """Boxes `[n, boxes, 4]` (xyxy, shares of the sides) and scores `[n, boxes]`, falling."""
    n = len(truth.xyxy)
    scale = np.where(rng.random(n) < _RIGHT_SHARE, 0.01, 0.3)
    noise = rng.normal(scale=scale[:, None, None], size=(n, boxes, 4))
    found = np.clip(truth.xyxy[:, None] + noise, 0, 0.999)
    # Noise may swap corners: sort them, and keep every side above 0.
    found = np.concatenate([np.minimum(found[..., :2], found[..., 2:]), np.maximum(found[..., :2], found[..., 2:])], -1)
    found[..., 2:] = np.maximum(found[..., 2:], found[..., :2] + 0.001)
    return found, -np.sort(-rng.random((n, boxes)).astype(np.float32), axis=1)


def _write_texts(path: Path, found: Floats, scores: NDArray[np.float32]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for i in range(len(found)):
            # Thousandths, as the models of FineCops-Ref's scripts write boxes.
            inside = ", ".join(str(int(v * 1000)) for v in found[i, 0])
            row = {"image_id": i + 1, "text": f"a thing [{inside}].", "scores_prob_average": [float(scores[i, 0])]}
            file.write(json.dumps(row) + "\n")


def _write_detections(path: Path, found: Floats, scores: NDArray[np.float32], image_wh: Integers) -> None:
    builder = AnswersBuilder("synthetic")
    pixels = found * np.concatenate([image_wh, image_wh], axis=1)[:, None]
    for i in range(len(found)):
        builder.add(str(i + 1), "box", pixels[i], scores[i])
    mmdet_npy.write(path, builder.build())


def write_annotations(path: Path, counts: Counts, seed: int = 0) -> None:
    """Write annotations alone, with expressions and all keys as FineCops-Ref's rows have them: some 750 bytes each."""
    rng = np.random.default_rng(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_published(path, counts, draw_truth(rng, counts), rng, lambda i: f"{2_300_000 + i // 6}.jpg")


def write_published(
    path: Path, counts: Counts, truth: Truth, rng: np.random.Generator, image_of: Callable[[int], str]
) -> None:
    """Write such annotations of a truth; `image_of` gives the name of each row's image."""
    _write_annotations(path, counts, truth, rng, image_of)


def write_texts(folder: Path, counts: Counts, seed: int = 0) -> SyntheticFiles:
    """As `write_files`, without detections: that takes a tenth of the memory."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    files = SyntheticFiles(folder / "annotations.json", folder / "texts.jsonl", folder / "detections.npy", counts.rows)
    truth = draw_truth(rng, counts)
    _write_annotations(files.annotations, counts, truth, rng)
    _write_texts(files.texts, *draw_answers(rng, truth, 1))
    return files


def _write_annotations(
    path: Path,
    counts: Counts,
    truth: Truth,
    rng: np.random.Generator,
    image_of: Callable[[int], str] | None = None,
) -> None:
    # Entry by entry: a list of a million would take gigabytes.
    with path.open("w", encoding="utf-8") as file:
        file.write('{"images": [')
        for i, (width, height) in enumerate(_rows_of(truth.image_wh)):
            image = {"id": i + 1, "file_name": f"{i + 1}.jpg", "width": width, "height": height, "caption": "a thing"}
            if image_of is not None:
                image |= {"file_name": image_of(i), "caption": expression(i), "dataset_name": "x"}
            file.write((", " if i else "") + json.dumps(image))
        file.write('], "annotations": [')
        for i in range(counts.rows):
            annotation = _annotation(i, counts, truth, rng)
            if image_of is not None:
                annotation |= _published_fields(i)
            file.write((", " if i else "") + json.dumps(annotation))
        file.write('], "categories": [{"id": 1, "name": "x"}]}')


def _rows_of(numbers: Integers) -> Iterator[list[int]]:
    for start in range(0, len(numbers), 1000):
        yield from numbers[start : start + 1000].tolist()


def _annotation(i: int, counts: Counts, truth: Truth, rng: np.random.Generator) -> dict[str, object]:
    width, height = truth.image_wh[i].tolist()
    x1, y1, x2, y2 = (truth.xyxy[i] * [width, height, width, height]).tolist()
    annotation: dict[str, object] = {
        "id": i + 1,
        "image_id": i + 1,
        "category_id": 1,
        "bbox": [round(v, 2) for v in (x1, y1, x2 - x1, y2 - y1)],
        "tuple_type": TUPLE_TYPES[i % 4],
    }
    if i < counts.positives:
        return annotation | {"level": int(truth.levels[i])}
    return annotation | _negative_fields(i, counts, truth, rng)


_WORDS = (
    "the small wooden chair that is to the left of a man who wears a dark blue jacket and stands in front of the "
    "brick building with large white windows near some tall green trees behind the parked silver car"
).split()


def expression(i: int) -> str:
    """Some 6 to 17 words, another text for nearly every number."""
    return " ".join(_WORDS[(i * 7 + k * (1 + i // 37 % 31)) % len(_WORDS)] for k in range(6 + i % 12)) + "."


def _published_fields(i: int) -> dict[str, object]:
    """The keys that FineCops-Ref's annotations have besides, and readers do not use."""
    return {
        "area": i,
        "iscrowd": 0,
        "objects_id": [str(1_000_000 + 3 * i + k) for k in range(3)],
        "tuple": [["chair"], ["to the left of", "man"], ["wearing", "jacket"]],
        "spatial": "",
        "attribute": [["wooden", "small"], [], ["blue"]],
        "expression": expression(i),
        "segmentation": [],
    }


def _negative_fields(i: int, counts: Counts, truth: Truth, rng: np.random.Generator) -> dict[str, object]:
    """Type, level and positive of the negative in row `i`; expressions come before images."""
    image = i >= counts.positives + counts.negative_expressions
    columns = IMAGE_COLUMNS if image else TEXT_COLUMNS
    type_, level = columns[int(rng.integers(len(columns)))]
    owner = int(truth.owners[i - counts.positives])
    return {
        "level": int(truth.levels[owner]),
        "positive_id": owner + 1,
        "negative_type": type_published(type_),
        "negative_level": level,
        "negative_cate": "image" if image else "text",
    }
