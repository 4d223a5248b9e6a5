"""The time in a model is counted wherever work in it begins, and once."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from finecops.bench import model_time
from finecops.bench.model_time import ModelClock, matrix_rate


class Tower(nn.Module):
    """A vision tower and a language model, as `generate` calls them: the tower by itself, before the whole."""

    def __init__(self) -> None:
        super().__init__()
        self.vision, self.language = nn.Linear(2, 2), nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.language(self.vision(x))

    def generate(self, x: torch.Tensor) -> torch.Tensor:
        return self(self.vision(x))


@pytest.fixture
def ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that is a second later each time that it is looked at."""
    seconds = iter(range(1000))
    monkeypatch.setattr(model_time, "_now", lambda: float(next(seconds)))


@pytest.mark.parametrize(
    ("call", "seconds"),
    [
        # The whole is one piece of work, whatever it calls.
        (lambda model, x: model(x), 1),
        # The tower before the whole is another one.
        (lambda model, x: model.generate(x), 2),
        # `forward` itself tells nobody: the modules inside are what work begins with.
        (lambda model, x: model.language.forward(x), 2),
    ],
)
def test_time_is_counted_where_work_begins(ticks: None, call: object, seconds: int) -> None:
    model, x = Tower(), torch.ones(1, 2)
    clock = ModelClock([model])
    with clock.finding():
        call(model, x)  # type: ignore[operator]
    for _ in range(2):
        with clock.timing():
            call(model, x)  # type: ignore[operator]
        assert clock.seconds == seconds
    # Nothing is left on the model.
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_a_call_that_raises_is_counted_and_ends(ticks: None) -> None:
    model = Tower()
    clock = ModelClock([model])
    for block in (clock.finding, clock.timing):
        with block(), pytest.raises(RuntimeError):
            model(torch.ones(1, 3))
    with clock.timing():
        model(torch.ones(1, 2))
    assert clock.seconds == 1


def test_the_rate_of_this_machine_is_a_number() -> None:
    assert matrix_rate("cpu", torch.float32) > 1e6
