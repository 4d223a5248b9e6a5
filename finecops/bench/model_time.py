"""The time that is spent in models, and the least time that their work can take on this machine."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

_SIDE, _ACCELERATOR_SIDE = 1024, 8192
"""Of the matrices that are multiplied to measure the rate: large enough that nothing else counts."""
_MEASURED_SECONDS = 0.3


class ModelClock:
    """Seconds in the modules of some models.

    Work in a model does not always begin with a call of the whole: `generate` runs the vision tower before the first
    forward pass, and finecops calls backbone and language model by themselves. So a first run finds the modules with
    which work begins (`finding`), and those alone are timed (`timing`): a hook on every module takes time itself.
    """

    def __init__(self, models: Sequence[torch.nn.Module]) -> None:
        self._modules = {id(module): module for model in models for module in model.modules()}
        self._begin: dict[int, torch.nn.Module] = {}
        self._depth, self._started = 0, 0.0
        self.seconds = 0.0
        """Of the last `timing`."""

    @contextmanager
    def finding(self) -> Iterator[None]:
        """Inside the `with` block, note the modules with which work begins. What runs there is not timed."""

        def before(module: torch.nn.Module, *_: Any) -> None:
            if self._depth == 0:
                self._begin[id(module)] = module
            self._depth += 1

        with self._hooks(self._modules.values(), before, self._leave):
            yield

    @contextmanager
    def timing(self) -> Iterator[None]:
        """Inside the `with` block, add up the time in the modules that were found."""
        self.seconds = 0.0

        def before(*_: Any) -> None:
            if self._depth == 0:
                self._started = _now()
            self._depth += 1

        def after(*_: Any) -> None:
            self._leave()
            if self._depth == 0:
                self.seconds += _now() - self._started

        with self._hooks(self._begin.values(), before, after):
            yield

    def _leave(self, *_: Any) -> None:
        self._depth -= 1

    @contextmanager
    def _hooks(self, modules: Any, before: Any, after: Any) -> Iterator[None]:
        self._depth = 0
        handles = []
        for module in modules:
            handles.append(module.register_forward_pre_hook(before))
            # Also of a call that raises, as one for which there is not enough memory.
            handles.append(module.register_forward_hook(after, always_call=True))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()


def _now() -> float:
    # A GPU works on after the call has returned.
    if torch.accelerator.is_available():
        torch.accelerator.synchronize()
    return time.perf_counter()


def matrix_rate(device: str, dtype: torch.dtype) -> float:
    """Operations a second of a product of large square matrices (a multiply-add counts as two): the best of several."""
    side = _SIDE if device == "cpu" else _ACCELERATOR_SIDE
    one, other = (torch.randn(side, side).to(device, dtype) for _ in range(2))
    best, begun = float("inf"), _now()
    while best == float("inf") or _now() - begun < _MEASURED_SECONDS:
        started = _now()
        torch.mm(one, other)
        best = min(best, _now() - started)
    return 2 * side**3 / best
