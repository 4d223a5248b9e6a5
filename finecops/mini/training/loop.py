"""What every training of a mini model shares: a schedule, a log, and a state that survives a kill."""

from __future__ import annotations

import json
import logging
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import distributed, nn

log = logging.getLogger(__name__)

TRAIN_SEED_BASE = 10_000_000
"""Scenes for training have seeds from here on; the benchmark's splits have smaller ones."""
_LOWEST_FACTOR = 0.02


@dataclass(frozen=True)
class TrainPlan:
    """How long and how fast to train, and how often to write."""

    steps: int

    batch_size: int
    """Images per step, over all processes."""

    learning_rate: float
    """At its highest, for AdamW."""

    matrix_rate: float = 0.02
    """At its highest, for the matrices that Muon learns."""

    warmup_steps: int = 200

    decay_share: float = 0.6
    """Share of the steps, at the end, in which the learning rate falls."""

    weight_decay: float = 0.01
    log_every: int = 25
    save_every: int = 200


@dataclass(frozen=True)
class ParameterGroup:
    """Parameters with a learning rate relative to the plan's."""

    parameters: list[nn.Parameter]
    rate: float = 1.0

    matrices: bool = False
    """Learnt by Muon instead of AdamW: weights of hidden layers, all with two axes."""


def parameter_groups(module: nn.Module, rate: float = 1.0) -> list[ParameterGroup]:
    """What of a transformer can learn: its hidden layers' matrices for Muon, all else for AdamW.

    Embeddings and what stands at a border of the model (patches, heads) are no hidden layers (Jordan et al., 2024).
    """
    learning = [(name, p) for name, p in module.named_parameters() if p.requires_grad]
    hidden = [p for name, p in learning if p.ndim == 2 and not any(part in name for part in _BORDERS)]
    known = {id(p) for p in hidden}
    others = [p for _, p in learning if id(p) not in known]
    return [ParameterGroup(some, rate, some is hidden) for some in (hidden, others) if some]


_BORDERS = ("embed", "head", "slots", "sampling_offsets", "attention_weights", "relative_position", "query_position")
"""Parts of the names of layers at a model's borders, of tables of positions, and of where a detector samples."""


def learning_rate_factor(step: int, plan: TrainPlan) -> float:
    """Linear warm-up, a plateau, then a cosine down to a fiftieth over the last `decay_share` of the steps."""
    if step < plan.warmup_steps:
        return (step + 1) / plan.warmup_steps
    start = plan.steps * (1 - plan.decay_share)
    if step < start:
        return 1.0
    done = min(1.0, (step - start) / max(1.0, plan.steps - start))
    return _LOWEST_FACTOR + (1 - _LOWEST_FACTOR) * 0.5 * (1 + math.cos(math.pi * done))


def own_share(seeds: range) -> range:
    """The part of a batch's seeds that this process draws; all of them where it trains alone."""
    if not distributed.is_initialized():
        return seeds
    return seeds[distributed.get_rank() :: distributed.get_world_size()]


def train(
    model: nn.Module,
    groups: Sequence[ParameterGroup],
    step_loss: Callable[[int], dict[str, torch.Tensor]],
    plan: TrainPlan,
    folder: Path,
    later: Mapping[int, Sequence[ParameterGroup]] | None = None,
) -> None:
    """Run or resume a training, alone or as one of several processes (`torchrun`) that share each batch.

    Args:
        model: everything with weights to learn; its state is what `state.pt` holds.
        groups: what is learnt, and by which optimizer.
        step_loss: step number → named losses; their sum is minimised. It must draw its data from the step number
            alone, so that a resumed run sees what an unbroken one would have seen.
        plan: the schedule.
        folder: where `state.pt` and `log.jsonl` are kept.
        later: from a step on, other groups, with new optimizers.
    """
    folder.mkdir(parents=True, exist_ok=True)
    phases = {0: groups, **(later or {})}
    state_file = folder / "state.pt"
    first, optimizers = _resume(state_file, model, phases, plan)
    if first:
        log.info("resuming at step %d of %d", first, plan.steps)
    model.train()
    # All processes hold the same weights: one writes.
    writes = not distributed.is_initialized() or distributed.get_rank() == 0
    progress = _Log(folder / "log.jsonl", plan)
    for step in range(first, plan.steps):
        if step in phases:
            optimizers = _optimizers(phases[step], plan)
        factor = learning_rate_factor(step, plan)
        for optimizer in optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = group["highest"] * factor
        losses = step_loss(step)
        _update(model, optimizers, losses)
        progress.add(losses)
        done, last = step + 1, step + 1 == plan.steps
        if writes and (done % plan.log_every == 0 or last):
            progress.write(done, plan.learning_rate * factor)
        if writes and (done % plan.save_every == 0 or last):
            _save(state_file, model, optimizers, done)


def join_logs(folder: Path, stages: Sequence[str], file: Path) -> None:
    """Write the logs of the trainings of a model as one; each line says of which stage it is.

    Args:
        folder: has the stages' folders.
        stages: their paths below it, in the order in which they were trained.
        file: JSON lines. A step that was made again after a kill is there once, as it was made last.
    """
    with file.open("w", encoding="utf-8") as joined:
        for stage in stages:
            rows: dict[int, str] = {}
            for line in (folder / stage / "log.jsonl").read_text(encoding="utf-8").splitlines():
                row = {"stage": stage} | json.loads(line)
                rows = {step: text for step, text in rows.items() if step < row["step"]}
                rows[row["step"]] = json.dumps(row)
            joined.writelines(text + "\n" for text in rows.values())


_Optimizers = dict[str, torch.optim.Optimizer]


def _optimizers(groups: Sequence[ParameterGroup], plan: TrainPlan) -> _Optimizers:
    """Name in the state → optimizer; Muon is there only if something has matrices for it."""
    settings: dict[bool, list[dict[str, Any]]] = {False: [], True: []}
    for group in groups:
        highest = group.rate * (plan.matrix_rate if group.matrices else plan.learning_rate)
        settings[group.matrices].append({"params": group.parameters, "highest": highest})
    found: _Optimizers = {}
    if settings[False]:
        found["optimizer"] = torch.optim.AdamW(
            settings[False], lr=plan.learning_rate, weight_decay=plan.weight_decay, betas=(0.9, 0.98)
        )
    if settings[True]:
        found["muon"] = torch.optim.Muon(settings[True], lr=plan.matrix_rate, weight_decay=plan.weight_decay)
    return found


def _update(model: nn.Module, optimizers: _Optimizers, losses: dict[str, torch.Tensor]) -> None:
    """One step of the optimizers on the sum of the losses."""
    model.zero_grad(set_to_none=True)
    torch.autograd.backward(torch.stack(list(losses.values())).sum())
    if distributed.is_initialized():
        _average_gradients(list(model.parameters()))
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    for optimizer in optimizers.values():
        optimizer.step()


def _average_gradients(parameters: list[nn.Parameter]) -> None:
    """Make every process's gradients their mean."""
    with_gradient = [p for p in parameters if p.grad is not None]
    # One message for all gradients: thousands of small ones would wait for each other.
    flat = torch.cat([p.grad.flatten() for p in with_gradient if p.grad is not None])
    distributed.all_reduce(flat)
    parts = torch.split(flat / distributed.get_world_size(), [p.numel() for p in with_gradient])
    for parameter, part in zip(with_gradient, parts, strict=True):
        parameter.grad = part.view_as(parameter)


@dataclass
class _Log:
    """Mean losses and speed since the last line of the log."""

    path: Path
    plan: TrainPlan
    sums: dict[str, float] = field(default_factory=dict)
    steps: int = 0
    started: float = field(default_factory=time.perf_counter)

    def add(self, losses: dict[str, torch.Tensor]) -> None:
        self.steps += 1
        for name, value in losses.items():
            self.sums[name] = self.sums.get(name, 0.0) + float(value.detach())

    def write(self, step: int, learning_rate: float) -> None:
        rate = self.steps * self.plan.batch_size / (time.perf_counter() - self.started)
        row = {"step": step, "images_per_second": round(rate, 1), "lr": learning_rate}
        row |= {name: round(total / self.steps, 4) for name, total in self.sums.items()}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        log.info("%s", row)
        self.sums, self.steps, self.started = {}, 0, time.perf_counter()


def _resume(
    path: Path, model: nn.Module, phases: Mapping[int, Sequence[ParameterGroup]], plan: TrainPlan
) -> tuple[int, _Optimizers]:
    """Load a saved state, if there is one; returns the number of steps that are done, and the optimizers."""
    if not path.exists():
        return 0, {}
    state = torch.load(path, weights_only=True)
    model.load_state_dict(state["model"])
    torch.set_rng_state(state["rng"])
    done = int(state["step"])
    # The optimizers of the last step that was done: a phase that begins now has new ones.
    optimizers = _optimizers(phases[max(start for start in phases if start < done)], plan)
    for name, optimizer in optimizers.items():
        # Rates are the plan's, which may be another one than that of the state.
        highest = [group["highest"] for group in optimizer.param_groups]
        optimizer.load_state_dict(state[name])
        for group, rate in zip(optimizer.param_groups, highest, strict=True):
            group["highest"] = rate
    return done, optimizers


def _save(path: Path, model: nn.Module, optimizers: _Optimizers, step: int) -> None:
    state = {
        "model": model.state_dict(),
        **{name: optimizer.state_dict() for name, optimizer in optimizers.items()},
        "step": step,
        "rng": torch.get_rng_state(),
    }
    # A new file is written and renamed: after a kill in between the last state is still complete.
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    os.replace(partial, path)
