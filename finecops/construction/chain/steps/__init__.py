"""One module per stage: what it reads, what decides its rows, and how they are made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from finecops.construction.chain.context import Context
from finecops.construction.chain.stage import Stage
from finecops.construction.chain.steps import chosen, edits, negatives, paths, positives, reviewed, rewrites, scores

STEPS: Final[Mapping[str, Callable[[Context], Stage[Any]]]] = {
    "paths": paths.stage,
    "positives": positives.stage,
    "rewrites": rewrites.stage,
    "negatives": negatives.stage,
    "edits": edits.stage,
    "scores": scores.stage,
    "chosen": chosen.stage,
    "reviewed": reviewed.stage,
}
"""Stage → how it is made, in their order."""
