"""One request until it is answered: attempts with growing waits, and another server where one was not reached.

A server that finecops starts again when it dies is waited for, and its requests are asked again. One that was under way
at several deaths is then asked alone, so that it fails alone if it is the cause.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, TypeAlias

from openai import APIConnectionError, APIStatusError, AsyncOpenAI

from finecops.errors import GoneError, ModelError
from finecops.models.completion import Completion, completion_of
from finecops.models.endpoint import Endpoint, error_of
from finecops.models.openai_requests import CHAT, Request, body_of
from finecops.models.redaction import redact
from finecops.models.server_client import MOST_WAIT_SECONDS, BoundedClient, ReplyError, http_library
from finecops.replicas import Replica, Replicas

RETRIES = 5
"""After 408, 409, 429, 5xx, and where there was no connection or no answer in time."""
FIRST_WAIT_SECONDS = 0.5
"""Before the first retry; twice as long before each other one, unless the server says how long (Retry-After)."""
LONGEST_WAIT_SECONDS = 8.0
_DEATHS_TOGETHER: Final = 2
"""A request that was under way at so many deaths is asked alone from then on."""
_MOST_DEATHS: Final = 4
"""A request that was under way at so many deaths fails."""

Near: TypeAlias = dict[str, Replica]
"""By the URL of an image: the server that has got it."""

log = logging.getLogger(__name__)


class Attempts:
    """What an endpoint's requests have in common."""

    def __init__(self, endpoint: Endpoint, loop: asyncio.AbstractEventLoop, busy: Callable[[], None]) -> None:
        """
        Args:
            endpoint: who is asked.
            loop: the one that all requests run on.
            busy: is called when a server says that it gets too many requests.
        """
        self._endpoint = endpoint
        self._replicas = endpoint.replicas or Replicas([endpoint.base_url], endpoint.shown)
        self._http, self._apis = BoundedClient(endpoint.timeout_seconds, busy), dict[str | None, AsyncOpenAI]()
        # Waits between attempts count too: a server could ask for one after the other.
        self._whole_seconds = endpoint.timeout_seconds + RETRIES * MOST_WAIT_SECONDS
        self._came, self._waiting = asyncio.Event(), 0

        def changed() -> None:
            # A closed loop has nobody who waits.
            if self._waiting:
                with suppress(RuntimeError):
                    loop.call_soon_threadsafe(self._came.set)

        self._replicas.listen(changed)

    async def close(self) -> None:
        """End all connections."""
        await self._http.aclose()

    async def answer(self, request: Request, near: Near) -> Completion | ModelError:
        """What is answered to a request, or the error; `GoneError`: nobody will answer any more."""
        try:
            async with asyncio.timeout(self._whole_seconds) as limit:
                return await self._asked_again(request, near, limit)
        except GoneError as error:
            return error
        # Whatever a server's answer leads to (RecursionError for JSON that is nested too deep), it concerns this
        # request alone.
        except Exception as error:
            return error_of(error, self._endpoint)

    async def _asked_again(self, request: Request, near: Near, limit: asyncio.Timeout) -> Completion:
        failed, deaths = 0, set[tuple[str | None, int]]()
        while True:
            alone = len(deaths) >= _DEATHS_TOGETHER
            replica = await self._take(_image_of(request), near, alone, limit)
            # Each life has a port of its own.
            life = replica.url, replica.life
            try:
                return await self._post(replica, request)
            except (APIConnectionError, APIStatusError) as error:
                if isinstance(error.__cause__, ReplyError):
                    raise error.__cause__ from None
                seconds, reason = _seconds_before_next(error, failed), error
                # One without a life is the user's own: nobody starts it again.
                if seconds is None or (failed == RETRIES and not replica.life):
                    raise
                # In that time it becomes known whether the server has ended; nobody else is asked alone meanwhile.
                await asyncio.sleep(seconds)
            finally:
                self._replicas.give_back(replica, alone)
            if not self._replicas.has_died(replica, life[1]):
                failed += 1
                if failed > RETRIES:
                    raise reason
            # Who found no connection came after the death, and is no cause of it.
            elif not isinstance(reason.__cause__, http_library().ConnectError):
                deaths.add(life)
                if len(deaths) == _MOST_DEATHS:
                    raise ReplyError(f"the server ended {len(deaths)} times while it had this, twice nothing else")

    async def _take(self, image: str | None, near: Near, alone: bool, limit: asyncio.Timeout) -> Replica:
        """A server for a request. That there is none for now is not counted as the request's time."""
        began, until = asyncio.get_running_loop().time(), limit.when()
        self._waiting += 1
        try:
            while True:
                self._came.clear()
                known = None if image is None else near.get(image)
                replica = self._replicas.take(known, alone)
                if replica is not None:
                    break
                if self._replicas.fault is not None:
                    raise GoneError(self._replicas.fault)
                limit.reschedule(None)
                await self._came.wait()
        finally:
            self._waiting -= 1
        if limit.when() is None and until is not None:
            limit.reschedule(until + asyncio.get_running_loop().time() - began)
        if image is not None:
            near[image] = replica
        return replica

    async def _post(self, replica: Replica, request: Request) -> Completion:
        try:
            content = await self._content(self._api(replica.url), body_of(self._endpoint.model, request))
        except APIStatusError:
            self._replicas.reached(replica)
            raise
        except APIConnectionError as error:
            if not isinstance(error.__cause__, ReplyError) and self._replicas.not_reached(replica):
                log.warning("%s is not reached; its requests go to the others", redact(replica.url or ""))
            raise
        self._replicas.reached(replica)
        # The client's own objects turn `false` and "-0.1" into numbers.
        return completion_of(json.loads(content), self._endpoint.model)

    async def _content(self, api: AsyncOpenAI, body: Request) -> bytes:
        """What the server answered to a body."""
        # As the openai client writes it.
        content = json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
        url, headers = f"{str(api.base_url).rstrip('/')}{CHAT}", {**api.default_headers, **api.auth_headers}
        answer = await self._http.accepted(self._http.new_request(url, headers, content))
        if answer is not None:
            return answer.content
        # `chat.completions.create` takes a millisecond more, to look for files in the request.
        later = await api.post(CHAT, cast_to=http_library().Response, body=body)
        return bytes(later.content)

    def _api(self, url: str | None) -> AsyncOpenAI:
        if url not in self._apis:
            seconds = self._endpoint.timeout_seconds
            self._apis[url] = AsyncOpenAI(
                api_key=self._endpoint.key, base_url=url, max_retries=0, timeout=seconds, http_client=self._http
            )
        return self._apis[url]


def _seconds_before_next(error: APIConnectionError | APIStatusError, failed: int) -> float | None:
    """How long to wait before the next attempt; None: another one would change nothing."""
    if isinstance(error, APIStatusError):
        if error.status_code not in (408, 409, 429) and error.status_code < 500:
            return None
        # Cut to what makes sense by `BoundedClient`.
        asked: float = float(error.response.headers.get("retry-after", 0))
        if asked > 0:
            return asked
    # Not all at the same moment.
    return float(min(FIRST_WAIT_SECONDS * 2**failed, LONGEST_WAIT_SECONDS)) * random.uniform(0.75, 1.0)


def _image_of(request: Request) -> str | None:
    """The URL of the image in a request."""
    content: Any = request["messages"][-1]["content"]
    return content[0]["image_url"]["url"] if isinstance(content, list) and "image_url" in content[0] else None
