"""Requests to an OpenAI-compatible server: concurrent up to a limit, with retries; each fails alone."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from openai import AsyncOpenAI, OpenAIError
from openai.types.chat import ChatCompletion

from finecops.errors import ConfigError

# The overloads of `create` do not accept a mapping of other values.
Request: TypeAlias = Mapping[str, Any]
"""Arguments of `chat.completions.create`, except the model."""
_RETRIES = 5
"""By the openai client: exponential backoff on 408, 409, 429 and 5xx, or Retry-After where the server sends it."""


@dataclass(frozen=True)
class Endpoint:
    """A model on a server."""

    model: str
    base_url: str | None
    """None: OpenAI's own server."""
    key: str
    concurrency: int
    """How many requests run at the same time."""
    timeout_seconds: float
    """How long one request may take."""


def key_of(name: str, base_url: str | None, api_key_env: str, remedy: str = "") -> str:
    """The server's key, from the environment.

    Args:
        name: the model's name, for the message.
        base_url: the server's URL. With a URL, the key is optional: a local server often has none.
        api_key_env: the environment variable that holds the key.
        remedy: another advice for the message.

    Raises:
        ConfigError: there is neither a key nor a URL.
    """
    # The openai client requires a key; a server without keys ignores it.
    key = os.environ.get(api_key_env) or ("unused" if base_url else None)
    if key is None:
        raise ConfigError(f"{name}: set {api_key_env} to the server's key, or base_url to your own server{remedy}")
    return key


def ask_all(endpoint: Endpoint, requests: Sequence[Request]) -> list[ChatCompletion | Exception]:
    """For each request, in order, a completion with content, or the error."""
    return asyncio.run(_ask_all(endpoint, requests)) if requests else []


async def _ask_all(endpoint: Endpoint, requests: Sequence[Request]) -> list[ChatCompletion | Exception]:
    # All requests are started; the semaphore admits the next one as soon as any is finished, so no batch waits for its
    # slowest request.
    limit = asyncio.Semaphore(endpoint.concurrency)
    async with AsyncOpenAI(
        api_key=endpoint.key, base_url=endpoint.base_url, max_retries=_RETRIES, timeout=endpoint.timeout_seconds
    ) as client:

        async def ask(request: Request) -> ChatCompletion | Exception:
            async with limit:
                try:
                    answer: ChatCompletion = await client.chat.completions.create(model=endpoint.model, **request)
                # ValueError: the server's reply is not valid JSON.
                except (OpenAIError, ValueError) as error:
                    return error
            return _checked(answer, endpoint.model)

        return list(await asyncio.gather(*(ask(request) for request in requests)))


def _checked(answer: ChatCompletion, model: str) -> ChatCompletion | Exception:
    """The completion, or an error that says what is wrong with it."""
    if not answer.choices:
        return ValueError("the server's answer has no choices")
    choice = answer.choices[0]
    if choice.message.refusal or choice.finish_reason == "content_filter":
        return ValueError(f"the server's moderation refused: {choice.message.refusal or 'content filter'}")
    if choice.message.content is None:
        return ValueError("the server's answer has no content")
    stated = answer.model or model
    # Servers state a dated or shortened name (gpt-4.1-2025-04-14, or without the owner). Any other name is another
    # model.
    asked, answered = (name.split("/")[-1] for name in (model, stated))
    if not answered.startswith(asked) and not asked.startswith(answered):
        return ValueError(f"the server answered as model {stated!r}, not {model!r}")
    return answer
