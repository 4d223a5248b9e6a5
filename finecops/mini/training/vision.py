"""First stage of the mini MLLM's training: the vision tower alone, with heads that are thrown away afterwards.

A merged token has four slots, since few tokens see many things. Each slot predicts whether it holds the centre of an
object, and if so which: category, colour, size, pattern, state and box. The box is asked for twice, once as numbers,
once as distributions over the 101 coordinates that the language stage uses (steps of 10 in 1000). Objects are given to
the slots of their cell by the Hungarian method. Every step has another budget of visual tokens.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import nn
from torch.nn import functional as F
from transformers import Qwen2VLConfig
from transformers.models.qwen2_vl.modeling_qwen2_vl import Qwen2VisionTransformerPretrainedModel

from finecops.construction.graph import SceneGraph
from finecops.mini.training.fast_vision import fast_vision
from finecops.mini.training.loop import TRAIN_SEED_BASE, TrainPlan, own_share, parameter_groups, train
from finecops.mini.training.qwen2vl import budget_of, patchify
from finecops.mini.world.catalogue import ASPECTS, COLOURS, IMAGE_SIZE, SIZES, STATES, STRIPED
from finecops.mini.world.draw import draw_scene
from finecops.mini.world.scenes import sample_scene

COORDINATES: Final = 101
SLOTS: Final = 4
_KINDS, _COLOURS, _SIZES = list(ASPECTS), list(COLOURS), list(SIZES)
_SECTIONS: Final = [1, len(_KINDS), len(_COLOURS), len(_SIZES), 1, 1, 4, 4 * COORDINATES]
_BOX_WEIGHT, _COORDINATE_WEIGHT = 5.0, 0.5
"""Weights of the loss: the L1 error of a box in 0 to 1 is small, the cross-entropy over 101 steps large."""
_SECOND_STATES: Final = frozenset(second for _, second in STATES.values())


class VisionWithHeads(nn.Module):
    """The vision tower with one head over the slots of its merged tokens.

    `forward` returns, per image, token and slot, `[n, tokens, 4, …]`: presence (1), category, colour, size, pattern
    (1), state (1), box (4) and coordinates (4 · 101), all as logits.
    """

    def __init__(self, config: Qwen2VLConfig) -> None:
        super().__init__()
        self.visual = Qwen2VisionTransformerPretrainedModel(config.vision_config)
        width = config.vision_config.hidden_size
        self.norm, self.slot_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.slots = nn.Linear(width, SLOTS * width)
        # One head for all slots: with one each, what cups look like would be learnt four times.
        self.head = nn.Linear(width, sum(_SECTIONS))

    def forward(self, pixel_values: torch.Tensor, grid_thw: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Patches as `patchify` makes them → the heads' outputs."""
        tokens = self.visual(pixel_values, grid_thw=grid_thw).pooler_output.float()
        tokens = tokens.reshape(len(grid_thw), -1, tokens.shape[-1])
        slots = self.slots(self.norm(tokens)).unflatten(-1, (SLOTS, -1))
        slots = F.gelu(self.slot_norm(slots + tokens.unsqueeze(2)))
        return tuple(torch.split(self.head(slots), _SECTIONS, dim=-1))


@dataclass(frozen=True)
class Truth:
    """The objects of a batch, one entry each, in the order of their images and cells."""

    rows: torch.Tensor
    """Number of the image."""

    cells: torch.Tensor
    """Number of the merged token in which the centre lies."""

    kinds: torch.Tensor
    colours: torch.Tensor
    sizes: torch.Tensor
    striped: torch.Tensor

    states: torch.Tensor
    """1.0: the second state of its category (closed, unlit, empty); 0.0: the first; -1.0: it has none."""

    xyxy: torch.Tensor
    """`[n, 4]`, in 0 to 1."""

    @classmethod
    def of(cls, scenes: list[SceneGraph], side: int) -> Truth:
        """Read off the graphs, for `side` by `side` merged tokens; a cell has no more objects than slots."""
        found = []
        for row, scene in enumerate(scenes):
            for obj in scene.objects.values():
                x, y, w, h = (v / IMAGE_SIZE for v in obj.xywh)
                # Merged tokens are in the order of rows.
                cell = int((y + h / 2) * side) * side + int((x + w / 2) * side)
                # Large ones first: they are kept where there are too many.
                found.append((row, cell, -w * h, obj, [x, y, x + w, y + h]))
        found.sort(key=lambda item: item[:3])
        kept = [item for _, cell in groupby(found, key=lambda item: item[:2]) for item in list(cell)[:SLOTS]]
        objects = [item[3] for item in kept]
        states = [
            -1.0 if obj.name not in STATES else float(not _SECOND_STATES.isdisjoint(obj.attributes)) for obj in objects
        ]
        return cls(
            rows=torch.tensor([item[0] for item in kept]),
            cells=torch.tensor([item[1] for item in kept]),
            kinds=torch.tensor([_KINDS.index(obj.name) for obj in objects]),
            # Colour and size come first among the attributes of every object.
            colours=torch.tensor([_COLOURS.index(obj.attributes[0]) for obj in objects]),
            sizes=torch.tensor([_SIZES.index(obj.attributes[1]) for obj in objects]),
            striped=torch.tensor([float(STRIPED in obj.attributes) for obj in objects]),
            states=torch.tensor(states),
            xyxy=torch.tensor([item[4] for item in kept], dtype=torch.float32),
        )


def soft_coordinates(values: torch.Tensor, sigma: float = 1.5) -> torch.Tensor:
    """Coordinates in steps (0 to 100, any shape) → Gaussian distributions over the 101 steps (last axis)."""
    steps = torch.arange(COORDINATES, dtype=torch.float32)
    return torch.softmax(-((steps - values.unsqueeze(-1)) ** 2) / (2 * sigma**2), dim=-1)


def slots_of(outputs: tuple[torch.Tensor, ...], truth: Truth) -> torch.Tensor:
    """The slot of each object: the n objects of a cell have its first n slots, by the least cost."""
    kind, box = outputs[1].detach(), outputs[6].detach()
    at = (truth.rows, truth.cells)
    cost = _BOX_WEIGHT * (box[at].sigmoid() - truth.xyxy.unsqueeze(1)).abs().sum(-1)
    log_p = kind[at].log_softmax(-1)
    cost = cost - 0.3 * log_p.gather(-1, truth.kinds.view(-1, 1, 1).expand(-1, SLOTS, 1)).squeeze(-1)
    table, slots = cost.numpy(), np.zeros(len(cost), dtype=np.int64)
    keys = list(zip(truth.rows.tolist(), truth.cells.tolist(), strict=True))
    start = 0
    for _, same in groupby(keys):
        count = sum(1 for _ in same)
        part = slice(start, start + count)
        if count > 1:
            slots[part] = linear_sum_assignment(table[part, :count])[1]
        start += count
    return torch.from_numpy(slots)


def vision_loss(outputs: tuple[torch.Tensor, ...], scenes: list[SceneGraph]) -> dict[str, torch.Tensor]:
    """Named losses of a batch; everything but presence counts only in the slots that hold an object."""
    presence, kind, colour, size, pattern, state, box, coordinates = outputs
    truth = Truth.of(scenes, round(presence.shape[1] ** 0.5))
    at = (truth.rows, truth.cells, slots_of(outputs, truth))
    present = torch.zeros_like(presence[..., 0])
    present[at] = 1.0
    logits = coordinates[at].reshape(-1, 4, COORDINATES)
    # cross_entropy wants the classes on axis 1: [objects, 101, 4].
    soft = soft_coordinates(truth.xyxy * 100).transpose(1, 2)
    has_state = truth.states >= 0
    return {
        "presence": F.binary_cross_entropy_with_logits(presence[..., 0], present),
        "kind": F.cross_entropy(kind[at], truth.kinds),
        "colour": F.cross_entropy(colour[at], truth.colours),
        "size": F.cross_entropy(size[at], truth.sizes),
        "pattern": F.binary_cross_entropy_with_logits(pattern[at][:, 0], truth.striped),
        "state": F.binary_cross_entropy_with_logits(state[at][has_state, 0], truth.states[has_state]),
        "box": _BOX_WEIGHT * F.l1_loss(box[at].sigmoid(), truth.xyxy),
        "coordinates": _COORDINATE_WEIGHT * F.cross_entropy(logits.transpose(1, 2), soft),
    }


def vision_accuracy(model: VisionWithHeads, scenes: list[SceneGraph], tokens: int) -> dict[str, float]:
    """In per cent, at a budget: right categories, colours and sizes, and boxes with an IoU above 0.5; by size too."""
    model.eval()
    with torch.no_grad(), fast_vision():
        outputs = model(*patchify([draw_scene(s) for s in scenes], tokens))
    model.train()
    truth = Truth.of(scenes, round(tokens**0.5))
    at = (truth.rows, truth.cells, slots_of(outputs, truth))
    _, kind, colour, size, _, _, _, coordinates = (part[at] for part in outputs)
    steps = coordinates.reshape(-1, 4, COORDINATES).argmax(-1).float() / 100
    low, high = torch.maximum(steps[:, :2], truth.xyxy[:, :2]), torch.minimum(steps[:, 2:], truth.xyxy[:, 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    area = (steps[:, 2:] - steps[:, :2]).clamp(min=0).prod(-1) + (truth.xyxy[:, 2:] - truth.xyxy[:, :2]).prod(-1)
    right = {
        "kind": kind.argmax(-1) == truth.kinds,
        "colour": colour.argmax(-1) == truth.colours,
        "size": size.argmax(-1) == truth.sizes,
        "box": shared / (area - shared) > 0.5,
    }
    found = {name: round(100 * float(hit.float().mean()), 1) for name, hit in right.items()}
    for number, name in enumerate(_SIZES):
        own = truth.sizes == number
        found |= {f"{key} {name}": round(100 * float(right[key][own].float().mean()), 1) for key in ("kind", "box")}
    return found


def train_vision(config: Qwen2VLConfig, plans: Sequence[TrainPlan], folder: Path) -> VisionWithHeads:
    """Train or resume the vision stage.

    Args:
        config: of the model.
        plans: one after the other, each with new optimizers, new scenes, and the weights of the one before.
        folder: has a folder for each plan, `1`, `2`, …; see `finecops.mini.training.loop.train` for what is in it.
    """
    torch.manual_seed(0)
    model = VisionWithHeads(config)
    done = 0
    for number, plan in enumerate(plans, start=1):
        _train_vision(model, plan, folder / str(number), done)
        done += plan.steps
    return model


def _train_vision(model: VisionWithHeads, plan: TrainPlan, folder: Path, done: int) -> None:
    def step_loss(step: int) -> dict[str, torch.Tensor]:
        step += done
        first = TRAIN_SEED_BASE + step * plan.batch_size
        seeds = own_share(range(first, first + plan.batch_size))
        scenes = [sample_scene(random.Random(seed), str(seed)) for seed in seeds]
        pixels, grid = patchify([draw_scene(scene) for scene in scenes], budget_of(step))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            outputs = model(pixels, grid)
        # The losses in 32 bit: bfloat16 has too few digits for a coordinate.
        return vision_loss(tuple(o.float() for o in outputs), scenes)

    with fast_vision():
        train(model, parameter_groups(model), step_loss, plan, folder)
