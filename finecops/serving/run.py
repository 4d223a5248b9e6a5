"""From configurations to the servers of a run: which checkpoint, on which GPUs, for how long."""

from __future__ import annotations

import atexit
import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from finecops.config.schema import MllmConfig
from finecops.config.served import Served, name_on_server, served_of
from finecops.errors import UsageError
from finecops.replicas import remember
from finecops.runs.engines.cores import cores_here
from finecops.runs.engines.places import gpus_here, places
from finecops.runs.run import Run
from finecops.runs.specification import StageSpec, Workers
from finecops.serving.fleet import Fleet, FleetPlan

log = logging.getLogger(__name__)

LOGS = "servers"
"""The folder of the servers' logs, in that of the run."""
_started: dict[Served, Fleet] = {}


def served_models(specs: Iterable[StageSpec[Any]]) -> list[MllmConfig]:
    """The models of some stages that are to be served, each once."""
    found = [value for spec in specs for value in dict(spec.settings).values() if isinstance(value, MllmConfig)]
    return list({id(config): config for config in found if config.serve is not None}.values())


@contextmanager
def servers_of_run(run: Run, specs: Sequence[StageSpec[Any]]) -> Iterator[None]:
    """The servers of some stages while these are made; they start now if a stage with something to do needs them.

    Raises:
        UsageError: the engine has no servers, the stages ask several checkpoints, or there are not enough GPUs.
        ModelError: a server does not start.
    """
    every = list({spec.name: spec for last in specs for spec in last.walk()}.values())
    configs = served_models(every)
    if not configs:
        yield
        return
    if run.options.engine != "local":
        raise UsageError(f"{configs[0].name} is served by finecops (`serve`), which goes with --engine local")
    prepare(configs, run.folder / LOGS)
    try:
        if served_models([spec for spec in every if run.has_work(spec)]):
            _started[served_of(configs[0])].ensure()
        yield
    finally:
        stop_servers()


def prepare(configs: Sequence[MllmConfig], logs: Path) -> None:
    """Have servers for models, which start when a model is first loaded, and end with this process at the latest.

    Args:
        configs: of models that are to be served; others are left out.
        logs: the folder for what the servers print.

    Raises:
        UsageError: they are of several checkpoints, or there are not enough GPUs.
    """
    kinds = {served_of(config): config for config in configs if config.serve is not None}
    if not kinds:
        return
    if len(kinds) > 1:
        several = " and ".join(f"{config.name} ({config.weights})" for config in kinds.values())
        raise UsageError(f"--serve has servers for one checkpoint, and here are {several}: serve one of them yourself")
    ((served, config),) = kinds.items()
    # Several strategies of one command ask the same model.
    if served in _started:
        return
    gpus = gpus_here()
    plan = FleetPlan(
        served=served,
        adapters=tuple(dict.fromkeys(name_on_server(c) for c in configs if c.adapter is not None)),
        places=_places(config, gpus),
        has_gpus=bool(gpus),
        start_seconds=config.start_seconds,
        logs=logs,
    )
    _started[served] = fleet = Fleet(plan)
    remember(served, fleet)


def _places(config: MllmConfig, gpus: Sequence[str]) -> Sequence[dict[str, str]]:
    """Variables for the environment of each server."""
    each = config.gpus_per_server
    if not gpus:
        if each > 1:
            raise UsageError(f"--tensor-parallel-size {each}: this machine has no GPU")
        return [{}]
    if each > len(gpus):
        raise UsageError(f"--tensor-parallel-size {each}: this machine has {len(gpus)}")
    return [dict(place) for place in places(Workers(gpus_each=each), "auto", gpus, cores_here())]


@atexit.register
def stop_servers() -> None:
    """End all servers that were started."""
    for served, fleet in list(_started.items()):
        del _started[served]
        remember(served, None)
        fleet.stop()
