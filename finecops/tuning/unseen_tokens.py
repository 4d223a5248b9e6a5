"""New random embeddings for tokens that a model never learnt, so that it can distinguish them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from finecops.models.embeddings import near_duplicate_counts
from finecops.tuning.data import TuneRow

_NEAR_DUPLICATES = 10
"""A token with at least so many near-duplicate embeddings was never learnt."""
_NORM = 2.0
"""Mean norm of a new embedding."""
_ROWS = 500
"""Rows whose tokens are looked at; more would find no other wording."""


def start_unseen_tokens(model: Any, tokenizer: Any, rows: Sequence[TuneRow], seed: int) -> list[int]:
    """Give the tokens of the rows that the model never learnt new random embeddings.

    Tokens that are in no training text have almost the same embedding: training pushed all of them away together. A
    model that cannot distinguish letters cannot answer with one. A large model has hardly any such token. A small model
    that was trained without options has most of the question's words among them.

    Args:
        model: a causal model of transformers; its embeddings are changed in place.
        tokenizer: its tokenizer.
        rows: the tuning data.
        seed: seed of the new embeddings.

    Returns:
        Ids of the changed tokens. They are to be tuned too.
    """
    table = model.get_input_embeddings().weight
    used = sorted({i for row in rows[:_ROWS] for i in tokenizer(row.prompt + row.answer)["input_ids"]})
    unseen = [i for i, count in zip(used, near_duplicate_counts(table, used)) if count >= _NEAR_DUPLICATES]
    generator = torch.Generator().manual_seed(seed)
    # The norm of a standard normal vector grows with the root of its width.
    scale = _NORM / table.shape[1] ** 0.5
    with torch.no_grad():
        fresh = torch.randn(len(unseen), table.shape[1], generator=generator) * scale
        table[unseen] = fresh.to(table)
    return unseen
