"""How many operations torch does in a block, counted from shapes beside the computation, which stays as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only
from torch.utils.flop_counter import FlopCounterMode


class OperationCounter(TorchDispatchMode):
    """Matrix products, convolutions and attention of a block, in operations (a multiply-add counts as two).

    torch's own counter takes operators apart to see what is in them, so that a counted batch ends in other last digits
    than the same batch uncounted, and takes three times as long. Here each operator runs as it would, and is counted
    once for its shapes, on tensors without data.
    """

    total: int

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.total = 0
        self._known: dict[tuple[Any, ...], int] = {}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run the operator; add what it costs."""
        named = dict(kwargs or {})
        result = func(*args, **named)
        if torch.Tag.pointwise in func.tags or func.is_view:  # most of the calls: nothing is multiplied and added up
            return result
        leaves = tree_leaves((args, named))
        # On `meta` nothing is computed: another counter looks at shapes.
        if any(isinstance(leaf, torch.Tensor) and not leaf.is_meta for leaf in leaves):
            key = (func, *(tuple(one.shape) if isinstance(one, torch.Tensor) else str(one) for one in leaves))
            if key not in self._known:
                self._known[key] = _count(func, args, named)
            self.total += self._known[key]
        return result


def _count(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
    """The operations of one call, from a second call on tensors that have shapes only; 0 where that is not possible,
    which is so for operators whose result's shape depends on values (none of them multiplies matrices)."""
    shapes, named = tree_map_only(torch.Tensor, lambda t: torch.empty_like(t, device="meta"), (args, kwargs))
    if "device" in named:
        named["device"] = torch.device("meta")
    try:
        with FlopCounterMode(display=False) as counter:
            func(*shapes, **named)
    except (RuntimeError, NotImplementedError):
        return 0
    return int(counter.get_total_flops())
