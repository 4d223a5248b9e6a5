"""Batches that do not fit into a device's memory: they are halved, and that is said."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

import torch

log = logging.getLogger(__name__)
T = TypeVar("T")
R = TypeVar("R")


class Halving:
    """Asks a model about as many things at once as its device has memory for.

    Args:
        name: the model's, for messages.
        free: frees what is kept in memory for later.
    """

    def __init__(self, name: str, free: Callable[[], None]) -> None:
        self.name, self._free = name, free
        self.most: int | None = None
        """So many things at once fit; None: no batch was too large by now."""

    def __call__(self, ask: Callable[[Sequence[T]], Sequence[R]], things: Sequence[T]) -> list[R]:
        """The answer to each thing, in their order, from as many calls as it takes.

        Raises:
            torch.OutOfMemoryError: one thing alone does not fit.
        """
        found: list[R] = []
        while len(found) < len(things):
            some = things[len(found) : len(found) + (self.most or len(things))]
            try:
                found += ask(some)
                continue
            except torch.OutOfMemoryError:
                if len(some) == 1:
                    raise
            # Behind the `except`: the error holds the tensors of the call.
            self.most = len(some) // 2
            self._free()
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            log.warning(
                "%s: %d at once do not fit into the device's memory; from now on %d (--batch-size %d says so at once)",
                self.name,
                len(some),
                self.most,
                self.most,
            )
        return found
