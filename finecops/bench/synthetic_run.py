"""A finished run of any size, made from a seed alone, for timing what looks at runs. No model answered it.

Samples, boxes and scores are those of `synthetic.py`; images are drawn noise, some hundred different ones under as many
names as the benchmark has.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from finecops.bench.synthetic import (
    IMAGE_COLUMNS,
    TEXT_COLUMNS,
    Counts,
    Floats,
    Truth,
    draw_answers,
    draw_truth,
    expression,
)
from finecops.benchmark_words import TUPLE_TYPES
from finecops.records import Candidates, Negative, Prediction, Record, Route, Sample, Target
from finecops.replies.choices import LETTERS
from finecops.runs.checksums import checksums_of, sha256_of
from finecops.runs.jsonl import replace_rows
from finecops.runs.manifest import (
    Answering,
    DatasetEntry,
    ImagesEntry,
    Manifest,
    Method,
    Role,
    StageEntry,
    environment,
    write_manifest,
)

WIDTH_HEIGHT: Final = (640, 480)
"""Of every image, in pixels; a photograph of the benchmark has about as many."""
_DIFFERENT = 300
PER_IMAGE = 2.2
"""Positives of one image, as in FineCops-Ref: 9,605 on 4,313."""
_TOPK = 5


def write_synthetic_run(folder: Path, counts: Counts, seed: int = 0) -> Path:
    """Write images and a run with both pathways, SFA and CRS on every sample.

    Args:
        folder: gets `images/` and `run/`.
        counts: how many samples of each kind.
        seed: of everything that is drawn.

    Returns:
        The run's folder.
    """
    rng = np.random.default_rng(seed)
    truth = draw_truth(rng, counts)
    samples = list(_samples(truth, counts, rng))
    write_images(folder, dict.fromkeys(sample.image for sample in samples), rng)
    run = folder / "run"
    run.mkdir(parents=True, exist_ok=True)
    pixels = np.tile(WIDTH_HEIGHT, 2)
    fast, fast_scores = draw_answers(rng, truth, 10)
    slow, slow_scores = draw_answers(rng, truth, 1)
    # About half of the samples to each pathway.
    levels = rng.choice([1, 2], size=len(samples), p=[0.45, 0.55])
    rows: dict[str, list[Record]] = {name: [] for name in _STAGES}
    for i, sample in enumerate(samples):
        boxes, scores = _boxes(fast[i] * pixels), [round(float(score), 6) for score in fast_scores[i]]
        specialist = _prediction(sample.id, "specialist", boxes, scores)
        mllm = _mllm(sample, _boxes(slow[i] * pixels), [round(float(slow_scores[i, 0]), 6)], refuses=i % 9 == 0)
        rows["targets"].append(_target(sample))
        rows["routes"].append(_route(sample.id, boxes, scores, 1 if levels[i] == 1 else 2))
        rows["specialist"].append(specialist)
        rows["mllm"].append(mllm)
        # SFA's rows are those of the pathway that was chosen.
        rows["sfa"].append(specialist if levels[i] == 1 else mllm)
        kept = tuple(range(len(boxes)))
        proposed = Candidates(sample_id=sample.id, status="proposed", boxes=boxes, scores=tuple(scores), kept=kept)
        rows["candidates"].append(proposed)
        rows["crs"].append(_selected(sample, boxes, rng))
    replace_rows(run / "samples.jsonl", samples)
    stages = {name: _entry(run, name, found) for name, found in rows.items()}
    write_manifest(run, _manifest(folder, samples, stages))
    return run


_STAGES: dict[str, tuple[Role, Method | None, str]] = {
    "targets": ("targets", None, "Targets"),
    "routes": ("routes", None, "Router"),
    "specialist": ("answers", "specialist", "Specialist"),
    "mllm": ("answers", "mllm", "MLLM"),
    "sfa": ("answers", "sfa", "SFA"),
    "candidates": ("candidates", None, "Candidates"),
    "crs": ("answers", "crs", "CRS top-5"),
}


def _samples(truth: Truth, counts: Counts, rng: np.random.Generator) -> Iterator[Sample]:
    for i in range(counts.rows):
        positive = i < counts.positives
        owner = i if positive else int(truth.owners[i - counts.positives])
        edited = i >= counts.positives + counts.negative_expressions
        columns = IMAGE_COLUMNS if edited else TEXT_COLUMNS
        type_, level = columns[int(rng.integers(len(columns)))]
        kind = "image" if edited else "text"
        left, top, right, bottom = _boxes(truth.xyxy[i : i + 1] * np.tile(WIDTH_HEIGHT, 2))[0]
        yield Sample(
            id=str(i + 1),
            dataset="synthetic",
            split="test",
            image=f"images/neg_{i}.jpg" if edited else f"images/{2_300_000 + int(owner / PER_IMAGE)}.jpg",
            width=WIDTH_HEIGHT[0],
            height=WIDTH_HEIGHT[1],
            expression=expression(i if positive or not edited else owner),
            truth="box" if positive else "absent",
            box=(left, top, right, bottom) if positive else None,
            level=int(truth.levels[owner]),
            tuple_type=TUPLE_TYPES[i % len(TUPLE_TYPES)],
            negative=None
            if positive
            else Negative.model_validate({"kind": kind, "type": type_, "level": level, "positive_id": str(owner + 1)}),
        )


def write_images(folder: Path, names: Iterable[str], rng: np.random.Generator) -> None:
    """Write images of these names (paths below the folder, each once): some hundred different ones."""
    drawn: list[Path] = []
    made: set[Path] = set()
    for number, name in enumerate(names):
        path = folder / name
        if path.parent not in made:
            path.parent.mkdir(parents=True, exist_ok=True)
            made.add(path.parent)
        if len(drawn) < _DIFFERENT:
            # Noise scaled up: about as large, and as long to decode, as a photograph.
            noise = rng.integers(0, 256, (60, 80, 3), dtype=np.uint8)
            Image.fromarray(noise).resize(WIDTH_HEIGHT, Image.Resampling.BICUBIC).save(path, quality=85)
            drawn.append(path)
            continue
        # A link instead of a copy: 13,000 names take no more space than the different images.
        path.unlink(missing_ok=True)
        try:
            os.link(drawn[number % _DIFFERENT], path)
        except OSError:
            shutil.copy(drawn[number % _DIFFERENT], path)


def _boxes(xyxy: Floats) -> tuple[tuple[float, float, float, float], ...]:
    return tuple((a, b, c, d) for a, b, c, d in np.round(xyxy, 4).tolist())


def _target(sample: Sample) -> Target:
    phrase = " ".join(sample.expression.split()[:2])
    return Target(sample_id=sample.id, status="found", phrase=phrase, span=(0, len(phrase)), extractor="none")


def _route(
    id_: str, boxes: tuple[tuple[float, float, float, float], ...], scores: Sequence[float], level: int
) -> Route:
    count = 1 if level == 1 else 3
    return Route.model_validate(
        {
            "sample_id": id_,
            "status": "routed",
            "level": level,
            "boxes": boxes[:count],
            "scores": scores[:count],
            "all_boxes": boxes[:4],
            "all_scores": scores[:4],
        }
    )


def _prediction(id_: str, source: str, boxes: object, scores: object, **others: object) -> Prediction:
    fields = {"sample_id": id_, "status": "box", "boxes": boxes, "scores": scores, "source": source}
    return Prediction.model_validate(fields | others)


def _mllm(sample: Sample, boxes: Sequence[object], scores: Sequence[float], refuses: bool) -> Prediction:
    prompt = f"Output the bounding box of {sample.expression} in the image."
    if refuses:
        return Prediction(sample_id=sample.id, status="reject", source="mllm", prompt=prompt, reply="not in the image")
    return _prediction(sample.id, "mllm", boxes, scores, prompt=prompt, reply=f"The box is {boxes[0]}.")


def _selected(sample: Sample, boxes: Sequence[object], rng: np.random.Generator) -> Prediction:
    """CRS's answer: the candidates in the order of their letters' probabilities."""
    order = rng.permutation(_TOPK).tolist()
    probabilities = sorted(rng.dirichlet(np.full(_TOPK, 0.5)).round(6).tolist(), reverse=True)
    letters = [LETTERS[k] for k in order]
    # Options stand in the question in the order of the specialist's scores.
    lines = [f"{LETTERS[k]}. {boxes[k]}" for k in range(_TOPK)]
    return _prediction(
        sample.id,
        "crs",
        [boxes[k] for k in order],
        probabilities,
        prompt="\n".join([f"Which box is {sample.expression}?", *lines]),
        letters=letters,
        choice=letters[0],
        presence=probabilities[0],
    )


def _entry(run: Path, name: str, rows: Sequence[Record]) -> StageEntry:
    path = run / f"{name}.jsonl"
    replace_rows(path, rows)
    role, method, label = _STAGES[name]
    return StageEntry(
        role=role,
        label=f"{label} (drawn)",
        answering=Answering(method=method) if method is not None else None,
        settings={"topk": _TOPK} if method == "crs" else {},
        inputs={"candidates": "drawn"} if method == "crs" else {},
        fingerprint="drawn",
        state="done",
        rows=len(rows),
        failed=0,
        checksums=checksums_of(path, len(rows)),
    )


def _manifest(folder: Path, samples: Sequence[Sample], stages: dict[str, StageEntry]) -> Manifest:
    about = DatasetEntry(
        name="synthetic",
        split="test",
        files=(),
        sha256="drawn",
        limit=0,
        samples=len(samples),
        entries=len(samples),
    )
    return Manifest(
        dataset=about,
        samples_sha256=sha256_of(folder / "run" / "samples.jsonl"),
        prompts_sha256="drawn",
        environment=environment(),
        images=ImagesEntry(root=str(folder.absolute()), folders=("images",)),
        stages=stages,
    )
