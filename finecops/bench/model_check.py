"""`finecops models check`: one model on a few samples before a long run; its answers, time, memory and a picture."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
from PIL import Image

from finecops.boxes import iou_xyxy
from finecops.config.schema import AnyModelConfig, ExtractorConfig, MllmConfig, SpecialistConfig
from finecops.drawing import Mark, Role, draw_marks, scaled
from finecops.images import read_image
from finecops.models.backends import load_extractor_model, load_mllm_model, load_specialist_model
from finecops.models.extractors import failed_target
from finecops.records import Prediction, Sample, Target
from finecops.replies.formats import BOX_FORMATS, decode
from finecops.runs.batches import rows_of_batch
from finecops.runs.specification import ImageGroup
from finecops.stages import mllm, specialist
from finecops.stages.rows import failed_prediction
from finecops.stages.targets import TargetStage

Asked: TypeAlias = Callable[[ImageGroup], list[Prediction] | list[Target]]
"""Asks a model about one image: the rows of its samples, failed ones too."""

_TILE_SIDE = 320
"""Side in pixels of a sample's picture."""


@dataclass(frozen=True)
class CheckedSample:
    """A model's answer to one sample."""

    sample: Sample

    row: Prediction | Target
    """What the stage wrote; a target for an extractor."""

    iou: float | None
    """IoU of the first box with the truth; None if one of them is missing."""

    seconds: float
    """Time of the answer, without decoding the image."""


def check_model(config: AnyModelConfig, groups: Sequence[ImageGroup], device: str) -> tuple[float, list[CheckedSample]]:
    """Load a model and ask it about each sample alone.

    Args:
        config: the model.
        groups: images with their samples.
        device: "cpu", "cuda", "mps".

    Returns:
        The seconds that loading took, and the answers.

    A model that fails on a sample gives a failed row, as in a run.

    Raises:
        FinecopsError: the model cannot be loaded, or an image cannot be read.
    """
    started = time.perf_counter()
    ask = _asked(config, device)
    loaded = time.perf_counter() - started
    checked = []
    for group in groups:
        for sample in group.samples:
            # Decoded before the clock starts; the stage then gets it from the cache. An extractor sees no image.
            if not isinstance(config, ExtractorConfig):
                read_image(group.image)
            started = time.perf_counter()
            (row,) = ask(ImageGroup(group.image, (sample,)))
            seconds = time.perf_counter() - started
            checked.append(CheckedSample(sample=sample, row=row, iou=_first_iou(row, sample), seconds=seconds))
    return loaded, checked


def formats_that_read(checked: Sequence[CheckedSample]) -> list[str]:
    """Box formats that find a box in each reply, where the model's own finds one in none; empty otherwise.

    A hint alone: several formats read the same text, and differ in what its numbers mean.
    """
    rows = [(item.row, (item.sample.width, item.sample.height)) for item in checked]
    replies = [
        (row.reply, size)
        for row, size in rows
        if isinstance(row, Prediction) and row.status == "unparsed" and row.reply is not None
    ]
    if not replies or len(replies) < len(rows):
        return []
    return [
        name
        for name, box_format in BOX_FORMATS.items()
        if all(decode(box_format, reply, size).status == "box" for reply, size in replies)
    ]


def _first_iou(row: Prediction | Target, sample: Sample) -> float | None:
    if not isinstance(row, Prediction) or not row.boxes or sample.box is None:
        return None
    return float(iou_xyxy(np.array([row.boxes[0]]), np.array(sample.box))[0])


def _asked(config: AnyModelConfig, device: str) -> Asked:
    """The stage that runs a model of this kind, one image at a time."""
    if isinstance(config, SpecialistConfig):
        detector = specialist.SpecialistStage(load_specialist_model(config, device), config, None)
        failure = partial(failed_prediction, source=specialist.SOURCE)
        return lambda group: rows_of_batch((group,), detector, failure)
    if isinstance(config, MllmConfig):
        model = mllm.MllmStage(load_mllm_model(config, device), config, None, "mean_prob")
        return lambda group: rows_of_batch((group,), model, partial(failed_prediction, source=mllm.SOURCE))
    targets = TargetStage(load_extractor_model(config, device), article=True)
    return lambda group: rows_of_batch((group,), targets, partial(failed_target, extractor=config.name))


def peak_memory_mib() -> dict[str, float]:
    """Peak memory in MiB of this "process", and of the "GPU" if one was used."""
    # ru_maxrss is in KiB on Linux and in bytes on macOS.
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = {"process": used / (1024 if sys.platform != "darwin" else 1024**2)}
    if "torch" in sys.modules:
        import torch

        if torch.cuda.is_available() and torch.cuda.max_memory_allocated():
            found["GPU"] = torch.cuda.max_memory_allocated() / 1024**2
    return found


def draw_checked(checked: Iterable[CheckedSample], images: Sequence[Path]) -> Image.Image:
    """The samples' images side by side: the truth, and the model's first box with its score."""
    tiles = [_tile(item, path) for item, path in zip(checked, images, strict=True)]
    sheet = Image.new("RGB", (_TILE_SIDE * max(1, len(tiles)), _TILE_SIDE), "white")
    for i, tile in enumerate(tiles):
        sheet.paste(tile, (i * _TILE_SIDE, 0))
    return sheet


def _tile(item: CheckedSample, path: Path) -> Image.Image:
    """One sample's image, as large as a tile allows, with the boxes."""
    image = read_image(path)
    scale = _TILE_SIDE / max(image.size)
    marks = [Mark(item.sample.box, "truth", "truth")] if item.sample.box is not None else []
    if isinstance(item.row, Prediction) and item.row.boxes:
        label = f"{item.row.scores[0]:.2f}" if item.row.scores else ""
        role: Role = "mllm" if item.row.source == mllm.SOURCE else "specialist"
        marks.append(Mark(item.row.boxes[0], label, role))
    shown = image.resize((round(image.width * scale), round(image.height * scale)))
    return draw_marks(shown, [scaled(mark, scale) for mark in marks])
