"""Runs whose gains are known: CRS is right in 70% of each group; the MLLM finds everything and loses a given share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from finecops.records import Candidates, Prediction, Route, Sample, Xyxy
from tests.builders_runs import stage_entry, write_run
from tests.conftest import make_negative, make_prediction, make_sample

SIDES = (8.0, 16.0, 32.0)
"""Of targets, in pixels of an image of 100 by 100: three sizes."""
EACH = 40
"""Positives of each size."""
CRS_RIGHT = 0.7


def gain_run(folder: Path, losses: Sequence[float], tokens: int | None = None, negatives: int = 3) -> Path:
    """A run of 120 positives.

    Args:
        losses: of each size, which share of what it finds the MLLM loses by localisation.
        tokens: the MLLM's budget.
        negatives: so many negatives, which gains leave out.
    """
    samples = [_sample(i) for i in range(EACH * len(SIDES))]
    mllm, crs, candidates, routes = [], [], [], []
    for i, sample in enumerate(samples):
        truth, (size, number) = _box(sample), divmod(i, EACH)
        lost = number < round(losses[size] * EACH)
        # Half of the truth's width aside: IoU 1/3.
        mllm.append(make_prediction(sample.id, [_aside(truth) if lost else truth], (0.5,)))
        # Spread evenly over those that the MLLM loses and those that it has.
        chosen = number % 10 < 10 * CRS_RIGHT
        other: Xyxy = (90.0, 90.0, 99.0, 99.0)
        crs.append(make_prediction(sample.id, [truth, other] if chosen else [other, truth], (0.6, 0.4)))
        candidates.append(
            Candidates(sample_id=sample.id, status="proposed", boxes=(truth, other), scores=(0.9, 0.8), kept=(0, 1))
        )
        level: int = 1 + i % 2
        routes.append(
            Route(
                sample_id=sample.id,
                status="routed",
                level=level,  # type: ignore[arg-type]
                boxes=(truth,) * level,
                scores=(0.9,) * level,
            )
        )
    # Of router level 1 the specialist is always right.
    specialist = [make_prediction(sample.id, [_box(sample)], (0.9,)) for sample in samples]
    sfa = [specialist[i] if routes[i].level == 1 else mllm[i] for i in range(len(samples))]
    both = [specialist[i] if routes[i].level == 1 else crs[i] for i in range(len(samples))]
    rest = [make_negative(f"n{i}", samples[i].id) for i in range(negatives)]
    model = {"mllm": {"name": "toy"} | ({"visual_tokens": tokens} if tokens is not None else {})}
    merge = {"easy": "specialist", "hard": "mllm"}
    stages = {
        "routes": stage_entry("routes"),
        "candidates": stage_entry("candidates"),
        "specialist": stage_entry("answers", "specialist"),
        "mllm": stage_entry("answers", "mllm", settings=model),
        "sfa": stage_entry("answers", "sfa", settings=merge),
        "crs-top2-toy": stage_entry("answers", "crs", inputs={"candidates": "0"}, settings={"topk": 2, **model}),
        "sfa-crs": stage_entry("answers", "sfa", settings=merge | {"hard": "crs-top2-toy"}),
    }
    rows: dict[str, Sequence[Sample | Prediction | Candidates | Route]] = {
        "samples": [*samples, *rest],
        "routes": routes,
        "candidates": candidates,
        "specialist": specialist,
        "mllm": mllm,
        "sfa": sfa,
        "crs-top2-toy": crs,
        "sfa-crs": both,
    }
    return write_run(folder, rows, stages)


def _sample(i: int) -> Sample:
    side = SIDES[i // EACH]
    return make_sample(f"p{i}", width=100, height=100, box=(10.0, 10.0, 10.0 + side, 10.0 + side), level=1 + i % 3)


def _box(sample: Sample) -> Xyxy:
    assert sample.box is not None
    return sample.box


def _aside(box: Xyxy) -> Xyxy:
    half = (box[2] - box[0]) / 2
    return (box[0] + half, box[1], box[2] + half, box[3])
