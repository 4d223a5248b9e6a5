"""Requests to an OpenAI-compatible server: side by side, bounded, retried, each failing alone."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from openai import AsyncOpenAI, OpenAIError
from openai.types.chat import ChatCompletion

from finecops.errors import ConfigError

_RETRIES = 5
"""The client's own: exponential backoff on 408, 409, 429 and 5xx, and Retry-After where the server sends it."""


@dataclass(frozen=True)
class Endpoint:
    """A model behind a server, and how hard it may be asked."""

    model: str
    base_url: str | None
    key: str
    concurrency: int
    timeout_seconds: float


def key_of(name: str, base_url: str | None, api_key_env: str, remedy: str = "") -> str:
    """The key from the environment; a server of one's own needs none.

    Raises:
        ConfigError: there is no key and no server of one's own.
    """
    key = os.environ.get(api_key_env) or ("unused" if base_url else None)
    if key is None:
        raise ConfigError(f"{name}: set {api_key_env} to the server's key, or base_url to a server of your own{remedy}")
    return key


def ask_all(endpoint: Endpoint, requests: Sequence[Mapping[str, Any]]) -> list[ChatCompletion | Exception]:
    """An answer with content, or the error, per request; a request is what `chat.completions.create` takes beside
    the model."""
    return asyncio.run(_ask_all(endpoint, requests)) if requests else []


async def _ask_all(endpoint: Endpoint, requests: Sequence[Mapping[str, Any]]) -> list[ChatCompletion | Exception]:
    limit = asyncio.Semaphore(endpoint.concurrency)
    async with AsyncOpenAI(
        api_key=endpoint.key, base_url=endpoint.base_url, max_retries=_RETRIES, timeout=endpoint.timeout_seconds
    ) as client:

        async def ask(request: Mapping[str, Any]) -> ChatCompletion | Exception:
            async with limit:
                try:
                    answer: ChatCompletion = await client.chat.completions.create(model=endpoint.model, **request)
                except (OpenAIError, ValueError) as error:
                    return error
            return _checked(answer, endpoint.model)

        return list(await asyncio.gather(*(ask(request) for request in requests)))


def _checked(answer: ChatCompletion, model: str) -> ChatCompletion | Exception:
    """The answer, or what is wrong with it."""
    if not answer.choices:
        return ValueError("the server's answer has no choices")
    choice = answer.choices[0]
    if choice.message.refusal or choice.finish_reason == "content_filter":
        return ValueError(f"the server's moderation refused: {choice.message.refusal or 'content filter'}")
    if choice.message.content is None:
        return ValueError("the server's answer has no content")
    said = answer.model or model
    # Servers answer with a dated or shortened form of the name; another name is another model.
    asked, got = (name.split("/")[-1] for name in (model, said))
    if not got.startswith(asked) and not asked.startswith(got):
        return ValueError(f"the server answered as model {said!r}, not {model!r}")
    return answer
