"""The loop of all trainings: its schedule, its phases, and a kill that costs nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from finecops.mini.training.loop import (
    ParameterGroup,
    TrainPlan,
    join_logs,
    learning_rate_factor,
    parameter_groups,
    train,
)

PLAN = TrainPlan(steps=8, batch_size=1, learning_rate=1e-2, warmup_steps=2, log_every=2, save_every=2)


def trained(folder: Path, later_at: int | None, stop_at: int | None = None) -> torch.Tensor:
    torch.manual_seed(0)
    model = torch.nn.Linear(3, 2)

    def step_loss(step: int) -> dict[str, torch.Tensor]:
        if step == stop_at:
            raise KeyboardInterrupt
        data = torch.randn(4, 3, generator=torch.Generator().manual_seed(step))
        return {"loss": (model(data) + torch.rand(1)).square().mean()}

    later = None if later_at is None else {later_at: [ParameterGroup(list(model.parameters()))]}
    train(model, parameter_groups(model), step_loss, PLAN, folder, later)
    return model.weight.detach().clone()


@pytest.mark.parametrize("later_at", [None, 4, 5])
# Killed in the middle of a phase, right after one was saved, and before the next one.
@pytest.mark.parametrize("stop_at", [3, 4, 5, 7])
def test_a_killed_training_ends_where_an_unbroken_one_does(tmp_path: Path, later_at: int | None, stop_at: int) -> None:
    unbroken = trained(tmp_path / "unbroken", later_at)
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "killed", later_at, stop_at)
    assert torch.equal(trained(tmp_path / "killed", later_at), unbroken)
    join_logs(tmp_path, ["unbroken", "killed"], tmp_path / "joined.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "joined.jsonl").read_text().splitlines()]
    assert [(row["stage"], row["step"]) for row in rows] == [
        (s, n) for s in ("unbroken", "killed") for n in (2, 4, 6, 8)
    ]


def test_a_later_phase_has_other_optimizers(tmp_path: Path) -> None:
    runs = [trained(tmp_path / str(at), at) for at in (None, 0, 4)]
    assert not torch.equal(runs[0], runs[2])
    assert not torch.equal(runs[1], runs[2])
    state = torch.load(tmp_path / "4" / "state.pt", weights_only=True)
    # AdamW alone, and new in step 4.
    assert "muon" not in state
    assert state["optimizer"]["state"][0]["step"] == 4


@pytest.mark.parametrize(("step", "factor"), [(0, 0.1), (9, 1.0), (30, 1.0), (70, 0.51), (100, 0.02)])
def test_learning_rate(step: int, factor: float) -> None:
    plan = TrainPlan(steps=100, batch_size=1, learning_rate=1.0, warmup_steps=10, decay_share=0.6)
    assert learning_rate_factor(step, plan) == pytest.approx(factor)
