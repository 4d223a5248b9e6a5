"""A look at one model before a long run: a few samples, what it was asked, what it said, how that was read."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from finecops.boxes import iou_xyxy
from finecops.config.schema import ExtractorConfig, MllmConfig, SpecialistConfig
from finecops.images import read_image
from finecops.models.backends import load_mllm_model, load_specialist_model, load_text_llm
from finecops.records import Prediction, Sample, Target
from finecops.runs.runner import ImageGroup
from finecops.stages.answers import MllmStage, SpecialistStage
from finecops.stages.targets import LlmStage, RulesStage

_SIDE = 320
_TRUTH, _ANSWER = "#2e9e4f", "#e6194b"


@dataclass(frozen=True)
class CheckedSample:
    """What a model made of a sample: its row, the IoU of its first box with the truth (None without either), and how
    long it took."""

    sample: Sample
    row: Prediction | Target
    iou: float | None
    seconds: float


def check_model(
    config: SpecialistConfig | MllmConfig | ExtractorConfig, groups: Sequence[ImageGroup], device: str
) -> tuple[float, list[CheckedSample]]:
    """Load a model and ask it about each sample alone: seconds to load, and the answers.

    Raises:
        FinecopsError: it cannot be loaded, or fails on a sample.
    """
    started = time.perf_counter()
    stage = _stage(config, device)
    loaded = time.perf_counter() - started
    checked = []
    for group in groups:
        for sample in group.samples:
            read_image(group.image)
            started = time.perf_counter()
            (row,) = stage([ImageGroup(group.image, (sample,))])
            seconds = time.perf_counter() - started
            iou = None
            if isinstance(row, Prediction) and row.boxes and sample.box is not None:
                iou = float(iou_xyxy(np.array([row.boxes[0]]), np.array(sample.box))[0])
            checked.append(CheckedSample(sample, row, iou, seconds))
    return loaded, checked


def _stage(
    config: SpecialistConfig | MllmConfig | ExtractorConfig, device: str
) -> SpecialistStage | MllmStage | RulesStage | LlmStage:
    if isinstance(config, SpecialistConfig):
        return SpecialistStage(load_specialist_model(config, device), config, None)
    if isinstance(config, MllmConfig):
        return MllmStage(load_mllm_model(config, device), config, None, "mean_prob")
    if config.backend == "rules":
        return RulesStage()
    return LlmStage(load_text_llm(config, device), config.name, config.batch_size)


def peak_memory_mib() -> dict[str, float]:
    """Peak memory of this process, and of the GPU if one was used, in MiB."""
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = {"process": used / (1024 if sys.platform != "darwin" else 1024**2)}
    if "torch" in sys.modules:
        import torch

        if torch.cuda.is_available() and torch.cuda.max_memory_allocated():
            found["GPU"] = torch.cuda.max_memory_allocated() / 1024**2
    return found


def draw_checked(checked: Iterable[CheckedSample], images: Sequence[Path]) -> Image.Image:
    """The samples' images side by side: the truth in green, the model's first box in red with its score."""
    tiles = []
    for item, path in zip(checked, images, strict=True):
        image = read_image(path)
        scale = _SIDE / max(image.size)
        tile = Image.new("RGB", (_SIDE, _SIDE), "white")
        tile.paste(image.resize((round(image.width * scale), round(image.height * scale))))
        draw = ImageDraw.Draw(tile)
        if item.sample.box is not None:
            draw.rectangle([v * scale for v in item.sample.box], outline=_TRUTH, width=3)
        if isinstance(item.row, Prediction) and item.row.boxes:
            x1, y1, x2, y2 = (v * scale for v in item.row.boxes[0])
            draw.rectangle((x1, y1, max(x1, x2), max(y1, y2)), outline=_ANSWER, width=2)
            if item.row.scores:
                draw.text((x1 + 3, y1 + 1), f"{item.row.scores[0]:.2f}", fill=_ANSWER)
        tiles.append(tile)
    sheet = Image.new("RGB", (_SIDE * max(1, len(tiles)), _SIDE), "white")
    for i, tile in enumerate(tiles):
        sheet.paste(tile, (i * _SIDE, 0))
    return sheet
