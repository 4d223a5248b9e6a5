"""A model behind a server: its address, and what the command line gives instead of it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from pydantic import ValidationError

from finecops.config.find import names
from finecops.config.schema import ExtractorConfig, MllmConfig
from finecops.config.serve_args import gpus_and_others
from finecops.errors import UsageError
from finecops.names import unknown_name

C = TypeVar("C", MllmConfig, ExtractorConfig)
PROGRAMS = ("vllm",)
"""The programs that finecops can start to serve a model."""
_OPENAI_URL = "https://api.openai.com/v1"


def server_url(config: MllmConfig | ExtractorConfig) -> str:
    """The address of a model's server. The `openai` package reads the variable too."""
    return (config.base_url or os.environ.get("OPENAI_BASE_URL") or _OPENAI_URL).rstrip("/")


def server_urls(config: MllmConfig | ExtractorConfig) -> list[str]:
    """The addresses of all its servers that run already."""
    several = config.servers if isinstance(config, MllmConfig) else ()
    return [url.rstrip("/") for url in several] or [server_url(config)]


def own_url(config: MllmConfig | ExtractorConfig) -> str | None:
    """The address that its configuration has, of several servers the first; None: it has none."""
    several = config.servers if isinstance(config, MllmConfig) else ()
    return several[0] if several else config.base_url


@dataclass(frozen=True)
class ServerOptions:
    """What the command line says of an MLLM's servers.

    Raises:
        UsageError: options do not go together.
    """

    base_url: str | None = None
    api_model: str | None = None
    servers: str | None = None
    """Addresses, with commas between them."""
    serve: str | None = None
    """The program that finecops starts, and more arguments for it."""

    def __post_init__(self) -> None:
        given = [f"--{name.replace('_', '-')}" for name in ("base_url", "servers", "serve") if getattr(self, name)]
        if len(given) > 1:
            raise UsageError(f"{given[0]} and {given[1]} both say where the MLLM is: choose one")
        if self.serve and self.api_model:
            raise UsageError("--api-model is for servers that run already; with --serve: --mllm NAME@CHECKPOINT")


def placed(config: MllmConfig, asked: ServerOptions) -> MllmConfig:
    """The configuration of an MLLM with the servers that the command line names, or lets finecops start.

    Raises:
        UsageError: the model is not for servers, or an address or an argument is wrong.
    """
    if asked.serve is not None:
        config = _served(config, asked.serve)
    if asked.servers is not None:
        _need_server(config, "--servers is")
        urls = tuple(part.strip() for part in asked.servers.split(",") if part.strip())
        if len(set(urls)) < len(urls) or not urls:
            raise UsageError(f"--servers {asked.servers}: addresses, with commas between them, each once")
        config = _changed(config, {"servers": urls, "base_url": None, "serve": None}, {"servers": "--servers"})
    return at_server(config, asked.base_url, asked.api_model)


def _served(config: MllmConfig, serve: str) -> MllmConfig:
    """The configuration whose checkpoint a program serves."""
    try:
        program, *more = shlex.split(serve)
    except ValueError as error:
        raise UsageError(f"--serve {serve!r}: {error or 'a program'}") from error
    if program not in PROGRAMS:
        raise UsageError(f"--serve: {unknown_name('program', program, PROGRAMS)}")
    if config.backend not in ("openai", "transformers"):
        raise UsageError(f"--serve: {config.name} is reached by the backend {config.backend}, which no server replaces")
    if not config.chat:
        raise UsageError(f"--serve: {config.name} takes no messages (`chat: false`), and servers take nothing else")
    served: dict[str, object]
    served = {"backend": "openai", "serve": program, "base_url": None, "servers": (), "device_map": None}
    # What is given on the command line stands behind what the file says, so that it counts.
    gpus, args = gpus_and_others(more)
    served |= {"gpus_per_server": gpus or config.gpus_per_server, "serve_args": (*config.serve_args, *args)}
    if config.backend != "openai":
        # Its answers differ in last digits from those in this process: it is another model in tables and files.
        served["name"] = f"{config.name}-server"
    return _changed(config, served, {"": "--serve"})


def at_server(config: C, base_url: str | None, api_model: str | None) -> C:
    """The configuration with another address of its server, and another name of the model there.

    Raises:
        UsageError: the model is not behind a server, or an address or a name is none.
    """
    if base_url is None and api_model is None:
        return config
    _need_server(config, "--base-url and --api-model are")
    name_key = "model" if isinstance(config, ExtractorConfig) else "weights"
    given: dict[str, object]
    given = {key: value for key, value in {"base_url": base_url, name_key: api_model}.items() if value is not None}
    if base_url is not None and isinstance(config, MllmConfig):
        given |= {"servers": (), "serve": None}
    return _changed(config, given, {name_key: "--api-model", "": "--base-url"})


def _need_server(config: MllmConfig | ExtractorConfig, what: str) -> None:
    if config.backend != "openai":
        there = f"{config.name}-server"
        instead = f"--mllm {there}" if there in names("models") else "`finecops models list` says which are"
        raise UsageError(f"{what} for models behind a server; {config.name} is not one of them: {instead}")


def _changed(config: C, given: Mapping[str, object], options: Mapping[str, str]) -> C:
    """The configuration with other settings; `options` says which option gave a setting that is wrong."""
    try:
        # Validated again: an address of the command line has the same rules as one of a file.
        type(config).model_validate(config.model_dump() | dict(given))
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)[0]
        option = options.get(str(found["loc"][0] if found["loc"] else "")) or options.get("", "--serve")
        raise UsageError(f"{option}: {found['msg'].removeprefix('Value error, ')}") from error
    return config.model_copy(update=dict(given))
