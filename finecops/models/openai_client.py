"""Requests to an OpenAI-compatible server: concurrent up to a limit, with retries; each fails alone.

An answer becomes a `Completion` (`finecops.models.completion`). An error says which server it is, and the same fault
has the same text each time.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from openai import APIConnectionError, APIStatusError, APITimeoutError, AsyncOpenAI

from finecops.errors import ConfigError, ModelError, first_line
from finecops.models.completion import Completion, completion_of
from finecops.models.redaction import keep_secret, one_line, redact
from finecops.models.server_client import MOST_WAIT_SECONDS, BoundedClient, ReplyError

# The overloads of `create` do not accept a mapping of other values.
Request: TypeAlias = Mapping[str, Any]
"""Arguments of `chat.completions.create`, except the model."""
_RETRIES = 5
"""By the openai client: exponential backoff on 408, 409, 429 and 5xx, or Retry-After where the server sends it."""
# What differs between two errors for one fault: ids of requests, times of day, durations, ports.
_VARYING = re.compile(
    r"\b(?:req|request|chatcmpl|trace|cmpl)[-_][\w-]{6,100}|\b[0-9a-f]{8}-[0-9a-f-]{27}\b|\b[0-9a-f]{12,64}\b"
    r"|\b\d{4}-\d\d-\d\d[T ][\d:.]{5,20}Z?|\b\d+(?:\.\d+)? ?(?:ms|s|sec|seconds|minutes)\b|(?<=:)\d{4,5}\b",
    re.IGNORECASE,
)


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
    """How long one attempt may take, from the connection to the last byte."""

    @property
    def shown(self) -> str:
        """The server's name in messages. A configuration's URL holds no key."""
        return redact(self.base_url or "OpenAI's server")


Answered: TypeAlias = Callable[[int, "Completion | ModelError"], None]


class RefusedError(ModelError):
    """The server does not take a request with these parameters: HTTP status 400 or 422."""


def key_of(name: str, base_url: str | None, api_key_env: str, remedy: str = "") -> str:
    """The server's key, from the environment. It is hidden in all text from now on.

    Args:
        name: the model's name, for the message.
        base_url: the server's URL. With a URL, the key is optional: a local server often has none.
        api_key_env: the environment variable that holds the key.
        remedy: another advice for the message.

    Raises:
        ConfigError: there is neither a key nor a URL, or the variable holds no key.
    """
    key = os.environ.get(api_key_env, "").strip()
    keep_secret(key)
    if not (key.isascii() and key.isprintable()):
        raise ConfigError(f"{name}: the value of {api_key_env} holds characters that no key has")
    if not key and base_url is None:
        raise ConfigError(f"{name}: set {api_key_env} to the server's key, or base_url to your own server{remedy}")
    # The openai client requires a key; a server without keys ignores it.
    return key or "unused"


def ask_all(
    endpoint: Endpoint, requests: Sequence[Request], answered: Answered | None = None
) -> list[Completion | ModelError]:
    """For each request, in order, what the server answered, or the error: `RefusedError` or another `ModelError`.

    Args:
        endpoint, requests: who is asked, and what.
        answered: is called with each request's index and answer as soon as it is there, in the order of arrival.
    """
    return asyncio.run(_ask_all(endpoint, requests, answered)) if requests else []


async def _ask_all(
    endpoint: Endpoint, requests: Sequence[Request], answered: Answered | None
) -> list[Completion | ModelError]:
    # All requests are started; the semaphore admits the next one as soon as any is finished, so no batch waits for its
    # slowest request.
    limit = asyncio.Semaphore(endpoint.concurrency)
    # Waits between attempts count too: a server could ask for one after the other.
    whole_seconds = endpoint.timeout_seconds + _RETRIES * MOST_WAIT_SECONDS
    async with AsyncOpenAI(
        api_key=endpoint.key,
        base_url=endpoint.base_url,
        max_retries=_RETRIES,
        timeout=endpoint.timeout_seconds,
        http_client=BoundedClient(endpoint.timeout_seconds),
    ) as client:

        async def ask(request: Request) -> Completion | ModelError:
            async with limit:
                try:
                    async with asyncio.timeout(whole_seconds):
                        create = client.chat.completions.with_raw_response.create
                        answer = await create(model=endpoint.model, **request)
                    # The client's own objects turn `false` and "-0.1" into numbers.
                    return completion_of(json.loads(answer.content), endpoint.model)
                # Whatever a server's answer leads to (RecursionError for JSON that is nested too deep), it concerns
                # this request alone.
                except Exception as error:
                    return _error(error, endpoint)

        async def ask_and_say(index: int, request: Request) -> Completion | ModelError:
            answer = await ask(request)
            if answered is not None:
                answered(index, answer)
            return answer

        return list(await asyncio.gather(*(ask_and_say(i, request) for i, request in enumerate(requests))))


def _error(error: Exception, endpoint: Endpoint) -> ModelError:
    """The error with the server's name, without keys, and with the same text for the same fault."""
    said = f"{endpoint.shown}: {_said(error, endpoint)}"
    refused = isinstance(error, APIStatusError) and error.status_code in (400, 422)
    return RefusedError(said) if refused else ModelError(said)


def _said(error: Exception, endpoint: Endpoint) -> str:
    if isinstance(error, APITimeoutError | TimeoutError):
        return f"no answer within {endpoint.timeout_seconds:g} s"
    if isinstance(error, APIConnectionError):
        return f"no connection ({type(error.__cause__ or error).__name__})"
    if not isinstance(error, APIStatusError):
        kind = "" if isinstance(error, ReplyError) else f"the answer cannot be read: {type(error).__name__}: "
        return kind + _VARYING.sub("…", one_line(first_line(error)))
    if 300 <= error.status_code < 400:
        where = one_line(error.response.headers.get("location", "nowhere"), 200)
        return f"it sends to another address, which gets neither key nor image: {where}"
    said = f"{type(error).__name__}: Error code: {error.status_code}"
    if detail := one_line(_detail(error.body)):
        said += f": {_VARYING.sub('…', detail)}"
    # Without /v1 most servers have no such page. A missing model gets 404 too, and a text that says so.
    bare = endpoint.base_url is not None and not endpoint.base_url.rstrip("/").endswith("/v1")
    return said + (" (most servers' base_url ends in /v1)" if error.status_code == 404 and bare else "")


def _detail(body: object) -> str:
    """What a refusal says: OpenAI's `message` (the client has unpacked `error`), FastAPI's `detail`, else all of it."""
    if isinstance(body, dict):
        said = next((body[key] for key in ("message", "detail", "error") if body.get(key)), body)
        return said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
    # A proxy's page says no more than its status.
    return "" if not isinstance(body, str) or body.lstrip().startswith("<") else body
