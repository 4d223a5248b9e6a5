"""The loop of all trainings: its schedule, and a kill that costs nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from finecops.mini.training.loop import ParameterGroup, TrainPlan, learning_rate_factor, train


def test_a_killed_training_ends_where_an_unbroken_one_does(tmp_path: Path) -> None:
    plan = TrainPlan(steps=6, batch_size=1, learning_rate=1e-2, warmup_steps=2, log_every=2, save_every=2)

    def run(folder: Path, stop_at: int | None = None) -> torch.Tensor:
        torch.manual_seed(0)
        model = torch.nn.Linear(3, 1)

        def step_loss(step: int) -> dict[str, torch.Tensor]:
            if step == stop_at:
                raise KeyboardInterrupt
            data = torch.randn(4, 3, generator=torch.Generator().manual_seed(step))
            return {"loss": (model(data) + torch.rand(1)).square().mean()}

        train(model, [ParameterGroup(list(model.parameters()))], step_loss, plan, folder)
        return model.weight.detach().clone()

    unbroken = run(tmp_path / "unbroken")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "killed", stop_at=5)
    assert torch.equal(run(tmp_path / "killed"), unbroken)
    steps = [json.loads(line)["step"] for line in (tmp_path / "unbroken" / "log.jsonl").read_text().splitlines()]
    assert steps == [2, 4, 6]


@pytest.mark.parametrize(("step", "factor"), [(0, 0.1), (9, 1.0), (30, 1.0), (70, 0.51), (100, 0.02)])
def test_learning_rate(step: int, factor: float) -> None:
    plan = TrainPlan(steps=100, batch_size=1, learning_rate=1.0, warmup_steps=10, decay_share=0.6)
    assert learning_rate_factor(step, plan) == pytest.approx(factor)
