"""Requests to an OpenAI-compatible server: a rolling window of them, with retries; each fails alone.

An answer becomes a `Completion` (`finecops.models.completion`); `finecops.models.attempts` asks for one. Of several
servers each gets its share, and the questions about one image go to the same one.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from queue import SimpleQueue
from typing import TypeAlias

from finecops.errors import ConfigError, GoneError, ModelError
from finecops.models.attempts import Attempts, Near
from finecops.models.completion import Completion
from finecops.models.endpoint import Endpoint
from finecops.models.openai_requests import Request
from finecops.models.redaction import keep_secret
from finecops.models.window import Window

_MOST_CLIENTS = 4
"""A process asks an MLLM, an extractor and a writer."""
Answered: TypeAlias = Callable[[int, "Completion | ModelError"], None]


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

    Raises:
        GoneError: no server will be there again.
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
        self.answers: SimpleQueue[tuple[int, Completion | ModelError | GoneError]] = SimpleQueue()
        self.near: Near = {}
        self.under_way: set[asyncio.Task[None]] = set()


class _Client:
    """All requests to an endpoint, on an event loop in a thread of its own: connections outlive a call."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.window = Window(endpoint.concurrency, endpoint.timeout_seconds / 4, endpoint.servers)
        self.users = 0
        self._waiting: deque[tuple[_Call, int]] = deque()
        self._running = 0
        self._loop = asyncio.new_event_loop()
        self._attempts = Attempts(endpoint, self._loop, self.window.busy)
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
                if isinstance(answer, GoneError):
                    raise answer
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
        await self._attempts.close()
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
            call.answers.put((index, await self._attempts.answer(call.requests[index], call.near)))
        finally:
            self._running -= 1
            self.window.answered(self._loop.time())
            self._fill()
