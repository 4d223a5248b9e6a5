"""First stage of the mini MLLM's training: the vision tower alone, with heads that are thrown away afterwards.

Each merged token predicts whether the centre of an object is in its cell, and if so which: category, colour, size,
pattern and box. The box is asked for twice, once as numbers, once as distributions over the 101 coordinates that the
language stage uses (steps of 10 in 1000).
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F
from transformers import Qwen2VLConfig
from transformers.models.qwen2_vl.modeling_qwen2_vl import Qwen2VisionTransformerPretrainedModel

from finecops.construction.graph import SceneGraph
from finecops.mini.training.loop import TRAIN_SEED_BASE, ParameterGroup, TrainPlan, own_share, train
from finecops.mini.training.qwen2vl import GRID, IMAGE_TOKENS, MERGE, PATCH, fast_vision, patchify
from finecops.mini.world.catalogue import ASPECTS, COLOURS, IMAGE_SIZE, SIZES
from finecops.mini.world.draw import draw_scene
from finecops.mini.world.scenes import sample_scene

COORDINATES = 101
_KINDS, _COLOURS, _SIZES = list(ASPECTS), list(COLOURS), list(SIZES)
_CELLS = GRID // MERGE
_CELL = PATCH * MERGE
_BOX_WEIGHT, _COORDINATE_WEIGHT = 5.0, 0.5
"""Weights of the loss: the L1 error of a box in 0 to 1 is small, the cross-entropy over 101 steps large."""


class VisionWithHeads(nn.Module):
    """The vision tower with one linear head over its merged tokens.

    `forward` returns, per image and token, `[n, 25, …]`: presence (1), category, colour, size, pattern (1), box (4) and
    coordinates (4 · 101), all as logits.
    """

    def __init__(self, config: Qwen2VLConfig) -> None:
        super().__init__()
        self.visual = Qwen2VisionTransformerPretrainedModel(config.vision_config)
        self.sections = [1, len(_KINDS), len(_COLOURS), len(_SIZES), 1, 4, 4 * COORDINATES]
        self.norm = nn.LayerNorm(config.vision_config.hidden_size)
        self.head = nn.Linear(config.vision_config.hidden_size, sum(self.sections))

    def forward(self, pixel_values: torch.Tensor, grid_thw: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Patches as `patchify` makes them → the heads' outputs."""
        tokens = self.visual(pixel_values, grid_thw=grid_thw).pooler_output.float()
        tokens = tokens.reshape(len(grid_thw), IMAGE_TOKENS, -1)
        outputs: torch.Tensor = self.head(self.norm(tokens))
        return tuple(torch.split(outputs, self.sections, dim=-1))


@dataclass(frozen=True)
class _Truth:
    """The objects of a batch, one entry each; `at` are their images and the cells of their centres."""

    at: tuple[torch.Tensor, torch.Tensor]
    kinds: torch.Tensor
    colours: torch.Tensor
    sizes: torch.Tensor
    striped: torch.Tensor
    xyxy: torch.Tensor

    @classmethod
    def of(cls, scenes: list[SceneGraph]) -> _Truth:
        """Read off the graphs."""
        objects = [(row, obj) for row, scene in enumerate(scenes) for obj in scene.objects.values()]
        corners = []
        cells = []
        for _, obj in objects:
            x, y, w, h = obj.xywh
            corners.append([x, y, x + w, y + h])
            # Merged tokens are in the order of rows, five by five; no two centres share one.
            cells.append(int((y + h / 2) // _CELL) * _CELLS + int((x + w / 2) // _CELL))
        return cls(
            at=(torch.tensor([row for row, _ in objects]), torch.tensor(cells)),
            kinds=torch.tensor([_KINDS.index(obj.name) for _, obj in objects]),
            # Colour and size come first among the attributes of every scene.
            colours=torch.tensor([_COLOURS.index(obj.attributes[0]) for _, obj in objects]),
            sizes=torch.tensor([_SIZES.index(obj.attributes[1]) for _, obj in objects]),
            striped=torch.tensor([float("striped" in obj.attributes) for _, obj in objects]),
            xyxy=torch.tensor(corners, dtype=torch.float32) / IMAGE_SIZE,
        )


def soft_coordinates(values: torch.Tensor, sigma: float = 1.5) -> torch.Tensor:
    """Coordinates in steps (0 to 100, any shape) → Gaussian distributions over the 101 steps (last axis)."""
    steps = torch.arange(COORDINATES, dtype=torch.float32)
    return torch.softmax(-((steps - values.unsqueeze(-1)) ** 2) / (2 * sigma**2), dim=-1)


def vision_loss(outputs: tuple[torch.Tensor, ...], scenes: list[SceneGraph]) -> dict[str, torch.Tensor]:
    """Named losses of a batch; everything but presence counts only where an object's centre is."""
    presence, kind, colour, size, pattern, box, coordinates = outputs
    truth = _Truth.of(scenes)
    at = truth.at
    present = torch.zeros_like(presence[..., 0])
    present[at] = 1.0
    logits = coordinates[at].reshape(-1, 4, COORDINATES)
    # cross_entropy wants the classes on axis 1: [objects, 101, 4].
    soft = soft_coordinates(truth.xyxy * 100).transpose(1, 2)
    return {
        "presence": F.binary_cross_entropy_with_logits(presence[..., 0], present),
        "kind": F.cross_entropy(kind[at], truth.kinds),
        "colour": F.cross_entropy(colour[at], truth.colours),
        "size": F.cross_entropy(size[at], truth.sizes),
        "pattern": F.binary_cross_entropy_with_logits(pattern[at][:, 0], truth.striped),
        "box": _BOX_WEIGHT * F.l1_loss(box[at].sigmoid(), truth.xyxy),
        "coordinates": _COORDINATE_WEIGHT * F.cross_entropy(logits.transpose(1, 2), soft),
    }


def vision_accuracy(model: VisionWithHeads, scenes: list[SceneGraph]) -> dict[str, float]:
    """Right categories, colours and sizes in per cent, and the mean error of a coordinate in steps (hundredths)."""
    model.eval()
    with torch.no_grad(), fast_vision():
        _, kind, colour, size, _, _, coordinates = model(*patchify([draw_scene(s) for s in scenes]))
    model.train()
    truth = _Truth.of(scenes)

    def right(logits: torch.Tensor, wanted: torch.Tensor) -> float:
        return round(100 * float((logits[truth.at].argmax(-1) == wanted).float().mean()), 1)

    steps = coordinates[truth.at].reshape(-1, 4, COORDINATES).argmax(-1).float()
    error = float((steps - truth.xyxy * 100).abs().mean())
    return {
        "kind": right(kind, truth.kinds),
        "colour": right(colour, truth.colours),
        "size": right(size, truth.sizes),
        "coordinate_error": round(error, 2),
    }


def train_vision(config: Qwen2VLConfig, plan: TrainPlan, folder: Path) -> VisionWithHeads:
    """Train or resume the vision stage; see `finecops.mini.training.loop.train` for what is in the folder."""
    torch.manual_seed(0)
    model = VisionWithHeads(config)

    def step_loss(step: int) -> dict[str, torch.Tensor]:
        first = TRAIN_SEED_BASE + step * plan.batch_size
        seeds = own_share(range(first, first + plan.batch_size))
        scenes = [sample_scene(random.Random(seed), str(seed)) for seed in seeds]
        pixels, grid = patchify([draw_scene(scene) for scene in scenes])
        with torch.autocast("cpu", dtype=torch.bfloat16):
            outputs = model(pixels, grid)
        # The losses in 32 bit: bfloat16 has too few digits for a coordinate.
        return vision_loss(tuple(o.float() for o in outputs), scenes)

    with fast_vision():
        train(model, [ParameterGroup(list(model.parameters()))], step_loss, plan, folder)
    return model
