"""The logit and the probability of each token that a model writes, kept while it writes.

`generate` can return the logits of all tokens itself: of 8 answers of 256 tokens and a vocabulary of 152,000, they are
1.25 GB. Here each step's logits are gone before the next step.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from transformers import GenerationMixin, StoppingCriteria


class WrittenTokens(StoppingCriteria):  # type: ignore[misc]
    """To be given to `generate` as a stopping criterion: it is called after each step, and stops nothing."""

    def __init__(self) -> None:
        self._last: torch.Tensor | None = None
        self._chosen: list[torch.Tensor] = []
        self._probabilities: list[torch.Tensor] = []

    @contextmanager
    def watching(self, model: Any) -> Iterator[None]:
        """Look at the model's logits inside the `with` block: raw, before `generate` changes them."""
        # Kosmos-2 lets the model inside it generate.
        generating = [module for module in model.modules() if isinstance(module, GenerationMixin)]
        handles = [module.register_forward_hook(self._look) for module in generating]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _look(self, module: Any, args: Any, output: Any) -> None:
        # A copy: a view would keep the logits of a whole prompt.
        self._last = output.logits[:, -1].to(torch.float32, copy=True)

    def __call__(self, input_ids: torch.Tensor, scores: Any, **kwargs: Any) -> torch.Tensor:
        """Note the token that was just written; no row is done because of it."""
        assert self._last is not None
        logits = self._last.to(input_ids.device)
        chosen = logits.gather(1, input_ids[:, -1:]).squeeze(1)
        self._chosen.append(chosen)
        # exp(logit - logsumexp) is the softmax at that token.
        self._probabilities.append((chosen - logits.logsumexp(-1)).exp())
        return torch.zeros(len(input_ids), dtype=torch.bool, device=input_ids.device)

    def tables(self, steps: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits and probabilities of the first `steps` tokens of each row, `[rows, steps]`.

        Some devices do a step more than the answer has.
        """
        return torch.stack(self._chosen[:steps], dim=1), torch.stack(self._probabilities[:steps], dim=1)
