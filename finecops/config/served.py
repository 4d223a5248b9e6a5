"""What servers that finecops starts have in common, by a model's configuration."""

from __future__ import annotations

from typing import NamedTuple

from finecops.config.schema import MllmConfig


class Served(NamedTuple):
    """Two models that are equal in it have the same servers."""

    program: str
    weights: str
    revision: str | None
    dtype: str
    trust_remote_code: bool
    allow_pickle: bool
    gpus_each: int
    args: tuple[str, ...]


def served_of(config: MllmConfig) -> Served:
    """What of a configuration decides about its servers."""
    return Served(
        program=str(config.serve),
        weights=config.weights,
        revision=config.revision,
        dtype=config.dtype,
        trust_remote_code=config.remote_code and config.trust_remote_code,
        allow_pickle=config.allow_pickle,
        gpus_each=config.gpus_per_server,
        args=config.serve_args,
    )


def name_on_server(config: MllmConfig) -> str:
    """Under which name a model's server has it. A server that finecops starts has adapters under their own."""
    return config.adapter if config.serve is not None and config.adapter is not None else config.weights
