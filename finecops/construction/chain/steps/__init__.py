"""One module per stage: what it reads, what decides its rows, and how they are made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from finecops.construction.chain.context import Context
from finecops.construction.chain.stage import Stage
from finecops.construction.chain.steps.chosen import stage as chosen_stage
from finecops.construction.chain.steps.edits import stage as edits_stage
from finecops.construction.chain.steps.negatives import stage as negatives_stage
from finecops.construction.chain.steps.paths import stage as paths_stage
from finecops.construction.chain.steps.positives import stage as positives_stage
from finecops.construction.chain.steps.reviewed import stage as reviewed_stage
from finecops.construction.chain.steps.rewrites import stage as rewrites_stage
from finecops.construction.chain.steps.scores import stage as scores_stage

STEPS: Final[Mapping[str, Callable[[Context], Stage[Any]]]] = {
    "paths": paths_stage,
    "positives": positives_stage,
    "rewrites": rewrites_stage,
    "negatives": negatives_stage,
    "edits": edits_stage,
    "scores": scores_stage,
    "chosen": chosen_stage,
    "reviewed": reviewed_stage,
}
"""Stage → how it is made, in their order."""
