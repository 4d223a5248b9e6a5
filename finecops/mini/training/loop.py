"""What every training of a mini model shares: a schedule, a checkpoint that survives a kill, a log."""

from __future__ import annotations

import json
import logging
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import distributed, nn

log = logging.getLogger(__name__)

TRAIN_SEED_BASE = 10_000_000
"""Scenes for training are drawn with seeds from here on; the benchmark's splits use smaller ones."""


@dataclass(frozen=True)
class TrainPlan:
    """How long and how fast: steps, batch size (images), peak learning rate, and how often to write."""

    steps: int
    batch_size: int
    learning_rate: float
    warmup_steps: int = 200
    decay_share: float = 0.6
    weight_decay: float = 0.01
    log_every: int = 25
    save_every: int = 200


def learning_rate_factor(step: int, plan: TrainPlan) -> float:
    """Linear warm-up, a plateau, then a cosine down to a fiftieth over the last `decay_share` of the steps."""
    if step < plan.warmup_steps:
        return (step + 1) / plan.warmup_steps
    start = plan.steps * (1 - plan.decay_share)
    if step < start:
        return 1.0
    done = min(1.0, (step - start) / max(1.0, plan.steps - start))
    return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done))


def own_share(seeds: range) -> range:
    """The part of a batch's seeds that this process draws; all of them where it trains alone."""
    if not distributed.is_initialized():
        return seeds
    return seeds[distributed.get_rank() :: distributed.get_world_size()]


def _average_gradients(parameters: list[nn.Parameter]) -> None:
    with_gradient = [p for p in parameters if p.grad is not None]
    flat = torch.cat([p.grad.flatten() for p in with_gradient if p.grad is not None])
    distributed.all_reduce(flat)
    parts = torch.split(flat / distributed.get_world_size(), [p.numel() for p in with_gradient])
    for parameter, part in zip(with_gradient, parts, strict=True):
        parameter.grad = part.view_as(parameter)


def train(
    model: nn.Module,
    groups: list[dict[str, Any]],
    step_loss: Callable[[int], dict[str, torch.Tensor]],
    plan: TrainPlan,
    folder: Path,
) -> None:
    """Run or resume a training, alone or as one of several processes (`torchrun`) that share each batch.

    Args:
        model: everything with weights to learn; its state is what the checkpoint holds.
        groups: AdamW parameter groups; `lr` in a group is relative to the plan's (default 1).
        step_loss: step number → named losses, all summed. It must draw its data from the step number alone, so
            that a resumed run sees what an unbroken one would have seen.
        plan: the schedule.
        folder: where `state.pt` and `log.jsonl` are kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for group in groups:
        group["scale"] = group.pop("lr", 1.0)
    optimizer = torch.optim.AdamW(groups, lr=plan.learning_rate, weight_decay=plan.weight_decay, betas=(0.9, 0.98))
    state_file = folder / "state.pt"
    first = 0
    if state_file.exists():
        state = torch.load(state_file, weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["rng"])
        first = state["step"]
        log.info("resuming at step %d of %d", first, plan.steps)
    model.train()
    first_process = not distributed.is_initialized() or distributed.get_rank() == 0
    sums: dict[str, float] = {}
    started, counted = time.perf_counter(), 0
    for step in range(first, plan.steps):
        factor = learning_rate_factor(step, plan)
        for group in optimizer.param_groups:
            group["lr"] = plan.learning_rate * factor * group["scale"]
        losses = step_loss(step)
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(torch.stack(list(losses.values())).sum())
        if distributed.is_initialized():
            _average_gradients(list(model.parameters()))
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        counted += 1
        for name, value in losses.items():
            sums[name] = sums.get(name, 0.0) + float(value.detach())
        if not first_process:
            continue
        if (step + 1) % plan.log_every == 0 or step + 1 == plan.steps:
            rate = counted * plan.batch_size / (time.perf_counter() - started)
            row = {"step": step + 1, "images_per_second": round(rate, 1), "lr": plan.learning_rate * factor}
            row |= {name: round(total / counted, 4) for name, total in sums.items()}
            with (folder / "log.jsonl").open("a") as file:
                file.write(json.dumps(row) + "\n")
            log.info("%s", row)
            sums, started, counted = {}, time.perf_counter(), 0
        if (step + 1) % plan.save_every == 0 or step + 1 == plan.steps:
            _save(state_file, model, optimizer, step + 1)


def _save(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, step: int) -> None:
    state = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "step": step,
        "rng": torch.get_rng_state(),
    }
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    os.replace(partial, path)
