"""Tokens that a model never saw in training: their embeddings are almost the same.

Training moves the output embedding of every token that is never the right answer in the same direction, so these rows
end up nearly parallel.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

SAME_DIRECTION = 0.97
"""Two embeddings are near duplicates if their cosine similarity is above this."""
_CHUNK = 16384
"""Rows compared at a time. A vocabulary has 150,000 rows: the full matrix of similarities would not fit in memory."""


def near_duplicate_counts(table: torch.Tensor, ids: Sequence[int]) -> list[int]:
    """For each row in `ids`, how many other rows of the embedding `table [vocabulary, width]` are near duplicates."""
    with torch.no_grad():
        # Rows of length 1: their products are cosine similarities.
        rows = torch.nn.functional.normalize(table[list(ids)].float(), dim=1)
        # From -1: each row is counted once as a near duplicate of itself.
        counts = torch.full((len(ids),), -1, device=table.device)
        for start in range(0, len(table), _CHUNK):
            part = table[start : start + _CHUNK]
            counts += (rows @ torch.nn.functional.normalize(part.float(), dim=1).T > SAME_DIRECTION).sum(dim=1)
    return [int(count) for count in counts]
