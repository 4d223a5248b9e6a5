"""What the servers of configured models say: whether they answer, and whether they have the configured model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeGuard

from finecops.config.schema import AnyModelConfig, ExtractorConfig, MllmConfig, SpecialistConfig
from finecops.config.server import own_url, server_urls
from finecops.errors import ConfigError, ModelError
from finecops.models.backends import backend_of
from finecops.models.redaction import one_line
from finecops.names import nearest

if TYPE_CHECKING:
    from finecops.models.server_client import Listed

ANSWER_SECONDS = 3.0
"""How long a server may take; all are asked at the same time."""


@dataclass(frozen=True)
class ServerState:
    """What a model's server says."""

    url: str
    good: bool
    """It answers, and has the model where it says which ones it has."""
    said: str
    """That as a sentence."""


def is_behind_server(config: AnyModelConfig) -> TypeGuard[MllmConfig | ExtractorConfig]:
    """Whether a model is behind an OpenAI-compatible server."""
    return not isinstance(config, SpecialistConfig) and config.backend == "openai"


def server_states(
    configs: Sequence[MllmConfig | ExtractorConfig], seconds: float = ANSWER_SECONDS
) -> list[ServerState]:
    """The state of each model's server, of several of its first one. Each is asked once, all at the same time.

    Args:
        configs: models behind servers.
        seconds: how long a server may take.
    """
    asked: dict[tuple[str, str], Listed | ModelError | None] = {}
    found: list[ServerState | tuple[str, str]] = []
    for config in configs:
        if isinstance(config, MllmConfig) and config.serve is not None:
            said = backend_of(config).lacks(config)
            found.append(ServerState("", said is None, said or f"{config.serve} is started with the run"))
            continue
        url = server_urls(config)[0]
        # Without the package or a key, nobody is asked.
        missing = backend_of(config).lacks(config)
        try:
            place = (url, _key(config)) if missing is None else None
        except ConfigError as error:
            missing, place = str(error), None
        if place is None:
            found.append(ServerState(url, False, missing or ""))
        else:
            asked[place] = None
            found.append(place)
    if asked:
        from finecops.models.server_client import ask_each

        asked.update(zip(asked, ask_each(list(asked), seconds), strict=True))
    return [
        state if isinstance(state, ServerState) else state_of(config, state[0], asked[state])
        for config, state in zip(configs, found, strict=True)
    ]


def _key(config: MllmConfig | ExtractorConfig) -> str:
    from finecops.models.openai_client import key_of

    return key_of(config.name, own_url(config), config.api_key_env)


def state_of(config: MllmConfig | ExtractorConfig, url: str, answer: Listed | ModelError | None) -> ServerState:
    """The state of a model's server, from what it answered when it was asked for its models."""
    if answer is None or isinstance(answer, ModelError):
        return ServerState(url, False, str(answer))
    if answer.status in (401, 403):
        return ServerState(url, False, f"{url} refuses the key: {config.api_key_env} must hold one that it knows")
    ids = _ids(answer.body) if answer.status == 200 else None
    model = str(config.model if isinstance(config, ExtractorConfig) else config.weights)
    if ids is None:
        return ServerState(url, True, f"{url} answers (HTTP {answer.status}), and does not say which models it has")
    if model in ids:
        return ServerState(url, True, f"{url} answers and has {model}")
    # Those that are called alike first.
    near = nearest(model, ids) or ids[:3]
    others = ", ".join(one_line(one, 100) for one in near) or "none"
    more = f" and {len(ids) - len(near)} more" if len(ids) > len(near) else ""
    return ServerState(url, False, f"{url} answers and has no {model}; it has {others}{more} (--api-model)")


def _ids(body: bytes) -> list[str] | None:
    """The names in a list of models; None for anything else."""
    try:
        listed = json.loads(body)["data"]
        ids = [one["id"] for one in listed]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return ids if all(isinstance(one, str) for one in ids) else None
