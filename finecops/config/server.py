"""A model behind a server: its address, and what the command line gives instead of it."""

from __future__ import annotations

import os
from typing import TypeVar

from pydantic import ValidationError

from finecops.config.find import names
from finecops.config.schema import ExtractorConfig, MllmConfig
from finecops.errors import UsageError

C = TypeVar("C", MllmConfig, ExtractorConfig)
_OPENAI_URL = "https://api.openai.com/v1"


def server_url(config: MllmConfig | ExtractorConfig) -> str:
    """The address of a model's server. The `openai` package reads the variable too."""
    return (config.base_url or os.environ.get("OPENAI_BASE_URL") or _OPENAI_URL).rstrip("/")


def at_server(config: C, base_url: str | None, api_model: str | None) -> C:
    """The configuration with another address of its server, and another name of the model there.

    Raises:
        UsageError: the model is not behind a server, or an address or a name is none.
    """
    if base_url is None and api_model is None:
        return config
    if config.backend != "openai":
        there = f"{config.name}-server"
        instead = f"--mllm {there}" if there in names("models") else "`finecops models list` says which are"
        raise UsageError(
            f"--base-url and --api-model are for models behind a server; {config.name} is not one of them: {instead}"
        )
    name_key = "model" if isinstance(config, ExtractorConfig) else "weights"
    options = {"base_url": ("--base-url", base_url), name_key: ("--api-model", api_model)}
    given = {key: value for key, (_, value) in options.items() if value is not None}
    try:
        # Validated again: an address of the command line has the same rules as one of a file.
        type(config).model_validate(config.model_dump() | given)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)[0]
        option = options.get(str(found["loc"][0] if found["loc"] else ""), ("--base-url", None))[0]
        raise UsageError(f"{option}: {found['msg'].removeprefix('Value error, ')}") from error
    changed: C = config.model_copy(update=given)
    return changed
