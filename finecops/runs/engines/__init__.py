"""Engines: where the batches of a stage are worked through. `--engine NAME` chooses one.

To add one, write a function with the signature of `Engine` and enter it in `ENGINES`. An engine gives the rows of
every batch, in any order; the runner alone writes files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

from finecops.runs.batches import Batch
from finecops.runs.engines.local import BatchResult, run_local
from finecops.runs.engines.processes import run_processes
from finecops.runs.engines.ray import run_ray
from finecops.runs.specification import Work

Engine: TypeAlias = Callable[[Work[Any], Sequence[Batch]], Iterator[BatchResult[Any]]]
"""Called with work and batches it makes the stage (models are loaded now, and errors in that are raised now), and
returns an iterator over the rows of each batch."""

ENGINES: dict[str, Engine] = {"local": run_local, "processes": run_processes, "ray": run_ray}
"""`local`: one stage in this process. `processes`: several on this machine. `ray`: on a Ray cluster."""
ENGINE_OPTIONS: dict[str, tuple[str, ...]] = {
    "processes": ("workers", "gpus_per_worker"),
    "ray": ("workers", "gpus_per_worker", "address"),
}
"""The options that an engine uses, by their names in `finecops.strategies.options.Options`; others are refused."""
