"""Tokens that a model never learnt: their embeddings are all but the same.

Whatever was predicted in training pushed what was never predicted away together, so such rows point the same way.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

ALIKE = 0.97
"""Two embeddings are twins above this cosine."""
_CHUNK = 16384


def near_duplicate_counts(table: torch.Tensor, ids: Sequence[int]) -> list[int]:
    """How many other rows of an embedding `table [vocabulary, width]` are twins of each of some rows."""
    with torch.no_grad():
        mine = torch.nn.functional.normalize(table[list(ids)].float(), dim=1)
        counts = torch.full((len(ids),), -1, device=table.device)
        for start in range(0, len(table), _CHUNK):
            part = table[start : start + _CHUNK]
            counts += (mine @ torch.nn.functional.normalize(part.float(), dim=1).T > ALIKE).sum(dim=1)
    return [int(count) for count in counts]
