"""First stage of the mini MLLM's training: the vision tower alone, with throw-away heads.

Each merged token says what object's centre it holds, if any: category, colour, size, pattern, and the box, the
latter also as distributions over the 101 coordinates that the language will use (steps of 10 in 1000).
"""

from __future__ import annotations

import random
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F
from transformers import Qwen2VLConfig
from transformers.models.qwen2_vl.modeling_qwen2_vl import Qwen2VisionTransformerPretrainedModel

from finecops.construction.graph import SceneGraph
from finecops.mini.training.loop import TRAIN_SEED_BASE, TrainPlan, own_share, train
from finecops.mini.training.qwen2vl import GRID, IMAGE_TOKENS, MERGE, PATCH, fast_vision, patchify
from finecops.mini.world.catalogue import ASPECTS, COLOURS, IMAGE_SIZE, SIZES
from finecops.mini.world.draw import draw_scene
from finecops.mini.world.scenes import sample_scene

COORDINATES = 101
_KINDS, _COLOURS, _SIZES = list(ASPECTS), list(COLOURS), list(SIZES)
_CELLS = GRID // MERGE
_CELL = PATCH * MERGE


class Eyes(nn.Module):
    """The vision tower with one linear head over its merged tokens `[n, 25, hidden]`."""

    def __init__(self, config: Qwen2VLConfig) -> None:
        super().__init__()
        self.visual = Qwen2VisionTransformerPretrainedModel(config.vision_config)
        self.sections = [1, len(_KINDS), len(_COLOURS), len(_SIZES), 1, 4, 4 * COORDINATES]
        self.norm = nn.LayerNorm(config.vision_config.hidden_size)
        self.head = nn.Linear(config.vision_config.hidden_size, sum(self.sections))

    def forward(self, pixel_values: torch.Tensor, grid_thw: torch.Tensor) -> tuple[torch.Tensor, ...]:
        tokens = self.visual(pixel_values, grid_thw=grid_thw).pooler_output.float()
        tokens = tokens.reshape(len(grid_thw), IMAGE_TOKENS, -1)
        outputs: torch.Tensor = self.head(self.norm(tokens))
        return tuple(torch.split(outputs, self.sections, dim=-1))


def soft_coordinates(values: torch.Tensor, sigma: float = 1.5) -> torch.Tensor:
    """Coordinates in steps (0 to 100, any shape) → Gaussian distributions over the 101 steps (last axis)."""
    steps = torch.arange(COORDINATES, dtype=torch.float32)
    return torch.softmax(-((steps - values.unsqueeze(-1)) ** 2) / (2 * sigma**2), dim=-1)


def eyes_loss(outputs: tuple[torch.Tensor, ...], scenes: list[SceneGraph]) -> dict[str, torch.Tensor]:
    """Named losses of a batch; everything but presence is asked only where an object's centre lies."""
    presence, kind, colour, size, pattern, box, coordinates = outputs
    rows, cells, kinds, colours, sizes, striped, boxes = [], [], [], [], [], [], []
    for row, scene in enumerate(scenes):
        for obj in scene.objects.values():
            x, y, w, h = obj.xywh
            rows.append(row)
            cells.append(int((y + h / 2) // _CELL) * _CELLS + int((x + w / 2) // _CELL))
            kinds.append(_KINDS.index(obj.name))
            colours.append(_COLOURS.index(obj.attributes[0]))
            sizes.append(_SIZES.index(obj.attributes[1]))
            striped.append(float("striped" in obj.attributes))
            boxes.append([x, y, x + w, y + h])
    at = (torch.tensor(rows), torch.tensor(cells))
    there = torch.zeros_like(presence[..., 0])
    there[at] = 1.0
    xyxy = torch.tensor(boxes, dtype=torch.float32) / IMAGE_SIZE
    logits = coordinates[at].reshape(-1, 4, COORDINATES)
    return {
        "presence": F.binary_cross_entropy_with_logits(presence[..., 0], there),
        "kind": F.cross_entropy(kind[at], torch.tensor(kinds)),
        "colour": F.cross_entropy(colour[at], torch.tensor(colours)),
        "size": F.cross_entropy(size[at], torch.tensor(sizes)),
        "pattern": F.binary_cross_entropy_with_logits(pattern[at][:, 0], torch.tensor(striped)),
        "box": 5 * F.l1_loss(box[at].sigmoid(), xyxy),
        "coordinates": 0.5 * F.cross_entropy(logits.transpose(1, 2), soft_coordinates(xyxy * 100).transpose(1, 2)),
    }


def eyes_accuracy(model: Eyes, scenes: list[SceneGraph]) -> dict[str, float]:
    """Shares right (per cent) of category, colour and size, and the mean coordinate error in steps."""
    model.eval()
    with torch.no_grad(), fast_vision():
        _, kind, colour, size, _, _, coordinates = model(*patchify([draw_scene(s) for s in scenes]))
    hits = {"kind": 0, "colour": 0, "size": 0}
    error, count = 0.0, 0
    for row, scene in enumerate(scenes):
        for obj in scene.objects.values():
            x, y, w, h = obj.xywh
            cell = int((y + h / 2) // _CELL) * _CELLS + int((x + w / 2) // _CELL)
            hits["kind"] += _KINDS[int(kind[row, cell].argmax())] == obj.name
            hits["colour"] += _COLOURS[int(colour[row, cell].argmax())] == obj.attributes[0]
            hits["size"] += _SIZES[int(size[row, cell].argmax())] == obj.attributes[1]
            steps = coordinates[row, cell].reshape(4, COORDINATES).argmax(-1).float()
            truth = torch.tensor([x, y, x + w, y + h]) / IMAGE_SIZE * 100
            error += float((steps - truth).abs().mean())
            count += 1
    model.train()
    return {name: round(100 * n / count, 1) for name, n in hits.items()} | {"coordinate_error": round(error / count, 2)}


def train_eyes(config: Qwen2VLConfig, plan: TrainPlan, folder: Path) -> Eyes:
    """Train or resume the eyes; see `finecops.mini.training.loop.train` for what lies in the folder."""
    torch.manual_seed(0)
    model = Eyes(config)

    def step_loss(step: int) -> dict[str, torch.Tensor]:
        first = TRAIN_SEED_BASE + step * plan.batch_size
        seeds = own_share(range(first, first + plan.batch_size))
        scenes = [sample_scene(random.Random(seed), str(seed)) for seed in seeds]
        pixels, grid = patchify([draw_scene(scene) for scene in scenes])
        with torch.autocast("cpu", dtype=torch.bfloat16):
            outputs = model(pixels, grid)
        return eyes_loss(tuple(o.float() for o in outputs), scenes)

    with fast_vision():
        train(model, [{"params": list(model.parameters())}], step_loss, plan, folder)
    return model
