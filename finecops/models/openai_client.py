"""Requests to an OpenAI-compatible server: a rolling window of them, with retries; each fails alone.

An answer becomes a `Completion` (`finecops.models.completion`). An error says which server it is, and the same fault
has the same text each time.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TypeAlias

from openai import APIConnectionError, APIStatusError, APITimeoutError, AsyncOpenAI

from finecops.errors import ConfigError, ModelError, first_line
from finecops.models.completion import Completion, completion_of
from finecops.models.openai_requests import CHAT, Request, body_of
from finecops.models.redaction import keep_secret, one_line, redact
from finecops.models.refusals import detail_of, without_varying
from finecops.models.server_client import MOST_WAIT_SECONDS, BoundedClient, ReplyError, http_library
from finecops.models.window import Concurrency, Window

_RETRIES = 5
"""By the openai client: exponential backoff on 408, 409, 429 and 5xx, or Retry-After where the server sends it."""
_MOST_CLIENTS = 4
"""A process asks an MLLM, an extractor and a writer."""


@dataclass(frozen=True)
class Endpoint:
    """A model on a server."""

    model: str
    base_url: str | None
    """None: OpenAI's own server."""
    key: str
    concurrency: Concurrency
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

    Threads may call it at the same time: an endpoint has one client and one window for all of them. Requests are sent
    in the order in which they are given, so that those about one image reach the server together.

    Args:
        endpoint, requests: who is asked, and what.
        answered: is called with each request's index and answer as soon as it is there, in the order of arrival.
    """
    if not requests:
        return []
    with _client_of(endpoint) as client:
        return client.ask(requests, answered)


def width_of_endpoint(endpoint: Endpoint) -> int:
    """How many requests the server gets at the same time by now."""
    with _client_of(endpoint) as client:
        return client.window.size


_clients: dict[Endpoint, _Client] = {}
_clients_lock = threading.Lock()


@contextmanager
def _client_of(endpoint: Endpoint) -> Iterator[_Client]:
    with _clients_lock:
        if endpoint not in _clients:
            unused = [known for known, client in _clients.items() if not client.users]
            for known in unused[: max(0, len(_clients) - _MOST_CLIENTS + 1)]:
                _clients.pop(known).close()
            _clients[endpoint] = _Client(endpoint)
        client = _clients[endpoint]
        client.users += 1
    try:
        yield client
    finally:
        with _clients_lock:
            client.users -= 1


class _Call:
    """Requests that were given together."""

    def __init__(self, requests: Sequence[Request]) -> None:
        self.requests = requests
        self.answers: SimpleQueue[tuple[int, Completion | ModelError]] = SimpleQueue()
        self.under_way: set[asyncio.Task[None]] = set()


class _Client:
    """All requests to an endpoint, on an event loop in a thread of its own: connections outlive a call."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        seconds = endpoint.timeout_seconds
        self.window = Window(endpoint.concurrency, longest=seconds / 4)
        self.users = 0
        self._waiting: deque[tuple[_Call, int]] = deque()
        self._running = 0
        self._http = BoundedClient(seconds, self.window.busy)
        self._api = AsyncOpenAI(
            api_key=endpoint.key,
            base_url=endpoint.base_url,
            max_retries=_RETRIES,
            timeout=seconds,
            http_client=self._http,
        )
        self._url = f"{str(self._api.base_url).rstrip('/')}{CHAT}"
        self._headers = {**self._api.default_headers, **self._api.auth_headers}
        # Waits between attempts count too: a server could ask for one after the other.
        self._whole_seconds = seconds + _RETRIES * MOST_WAIT_SECONDS
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._run, daemon=True, name=f"requests to {endpoint.shown}").start()

    def _run(self) -> None:
        self._loop.run_forever()
        self._loop.close()

    def ask(self, requests: Sequence[Request], answered: Answered | None) -> list[Completion | ModelError]:
        """See `ask_all`. `answered` is called in this thread; if it raises, what is not answered is given up."""
        call = _Call(requests)
        self._loop.call_soon_threadsafe(self._add, call)
        found: dict[int, Completion | ModelError] = {}
        try:
            while len(found) < len(requests):
                index, answer = call.answers.get()
                found[index] = answer
                if answered is not None:
                    answered(index, answer)
        except BaseException:
            self._loop.call_soon_threadsafe(self._drop, call)
            raise
        return [found[index] for index in range(len(requests))]

    def close(self) -> None:
        """End its connections."""
        self._loop.call_soon_threadsafe(lambda: self._loop.create_task(self._close()))

    async def _close(self) -> None:
        await self._api.close()
        self._loop.stop()

    def _add(self, call: _Call) -> None:
        self._waiting.extend((call, index) for index in range(len(call.requests)))
        self._fill()

    def _drop(self, call: _Call) -> None:
        self._waiting = deque(one for one in self._waiting if one[0] is not call)
        for task in call.under_way:
            task.cancel()

    def _fill(self) -> None:
        # The next one is sent as soon as any is answered: nobody waits for the slowest.
        while self._waiting and self._running < self.window.size:
            call, index = self._waiting.popleft()
            self._running += 1
            task = self._loop.create_task(self._answer(call, index))
            call.under_way.add(task)
            task.add_done_callback(call.under_way.discard)

    async def _answer(self, call: _Call, index: int) -> None:
        try:
            call.answers.put((index, await self._ask(call.requests[index])))
        finally:
            self._running -= 1
            self.window.answered(self._loop.time())
            self._fill()

    async def _ask(self, request: Request) -> Completion | ModelError:
        body = body_of(self._endpoint.model, request)
        try:
            async with asyncio.timeout(self._whole_seconds):
                content = await self._content(body)
            # The client's own objects turn `false` and "-0.1" into numbers.
            return completion_of(json.loads(content), self._endpoint.model)
        # Whatever a server's answer leads to (RecursionError for JSON that is nested too deep), it concerns this
        # request alone.
        except Exception as error:
            return _error(error, self._endpoint)

    async def _content(self, body: Request) -> bytes:
        """What the server answered to a body."""
        # As the openai client writes it.
        content = json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
        answer = await self._http.accepted(self._http.new_request(self._url, self._headers, content))
        if answer is not None:
            return answer.content
        # `chat.completions.create` takes a millisecond more, to look for files in the request.
        later = await self._api.post(CHAT, cast_to=http_library().Response, body=body)
        return bytes(later.content)


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
        return kind + without_varying(one_line(first_line(error)))
    if 300 <= error.status_code < 400:
        where = one_line(error.response.headers.get("location", "nowhere"), 200)
        return f"it sends to another address, which gets neither key nor image: {where}"
    said = f"{type(error).__name__}: Error code: {error.status_code}"
    if detail := detail_of(error.body):
        said += f": {detail}"
    # Without /v1 most servers have no such page. A missing model gets 404 too, and a text that says so.
    bare = endpoint.base_url is not None and not endpoint.base_url.rstrip("/").endswith("/v1")
    return said + (" (most servers' base_url ends in /v1)" if error.status_code == 404 and bare else "")
