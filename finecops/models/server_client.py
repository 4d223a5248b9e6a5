"""The HTTP client of a server: bounded replies, a total deadline, no redirects, short waits.

The `openai` package brings its HTTP library along: httpx, or httpx2 since its version 3. Both have the calls used here.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import sys
import threading
import time
import zlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar
from email.utils import parsedate_to_datetime
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from openai import DefaultAsyncHttpxClient

from finecops.errors import ModelError
from finecops.models.redaction import redact

if TYPE_CHECKING:
    # The stand-in of either library has the same names; mypy reads the installed one.
    import httpx2 as httpx

MOST_REPLY_BYTES = 4_000_000
"""The longest reply. One of 20,000 tokens has 3 MB; alternatives are asked for with 8 tokens alone."""
MOST_WAIT_SECONDS = 30.0
"""The longest wait that a server may ask for before the next attempt."""
_PACKING = {"Accept-Encoding": "gzip, identity"}
_came: ContextVar[httpx.Response | Exception | None] = ContextVar("came", default=None)
"""What came of a request's first attempt, for the task that sent it."""
_BUSY = (429, 503)
"""Too many requests, and not available now."""


class Listed(NamedTuple):
    """What a server answers when it is asked for its models."""

    status: int
    """HTTP status."""
    body: bytes


def ask_each(asked: Sequence[tuple[str, str]], seconds: float) -> list[Listed | ModelError]:
    """What servers answer about their models, all asked at the same time, within a time in all.

    Args:
        asked: for each server its URL, as `http://localhost:8000/v1`, and the key for it.
        seconds: how long each may take.
    """
    found = _resolved({urlsplit(url).hostname or "" for url, _ in asked}, seconds)

    async def ask(url: str, key: str) -> Listed | ModelError:
        where = f"no server answers at {redact(url)}/models"
        if (urlsplit(url).hostname or "") not in found:
            return ModelError(f"{where} (the host is not found within {seconds:g} s)")
        try:
            async with BoundedClient(seconds) as client:
                response = await client.get(f"{url}/models", headers={"Authorization": f"Bearer {key}"})
                return Listed(int(response.status_code), response.content)
        # Too large, or packed in a strange way: it is an answer.
        except ReplyError:
            return Listed(200, b"")
        # The library has a dozen kinds of errors for a connection.
        except Exception as error:
            kind = f"within {seconds:g} s" if "Timeout" in type(error).__name__ else f"({type(error).__name__})"
            return ModelError(f"{where} {kind}")

    async def ask_all() -> list[Listed | ModelError]:
        return list(await asyncio.gather(*(ask(url, key) for url, key in asked)))

    return asyncio.run(ask_all()) if asked else []


def _resolved(hosts: set[str], seconds: float) -> set[str]:
    """The hosts whose addresses are found in time, or that cannot have any: the library then says why.

    A silent name server holds the system's own call for half a minute, and the end of an event loop waits for it.
    """
    done: set[str] = set()

    def resolve(host: str) -> None:
        with suppress(OSError, UnicodeError):
            socket.getaddrinfo(host, None)
        done.add(host)

    threads = [threading.Thread(target=resolve, args=(host,), daemon=True) for host in hosts]
    for thread in threads:
        thread.start()
    end = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    return set(done)


class ReplyError(ValueError):
    """A server's reply is not what was asked for. A new attempt would not change that."""


def http_library() -> ModuleType:
    """The library of the installed `openai` package: the module of its client's base class."""
    return sys.modules[DefaultAsyncHttpxClient.__mro__[1].__module__.split(".")[0]]


@cache
def _certificates() -> ssl.SSLContext:
    """The trusted certificates. Reading them takes 20 ms."""
    context: ssl.SSLContext = http_library().create_ssl_context()
    return context


class BoundedClient(DefaultAsyncHttpxClient):
    """A client whose every attempt ends: in time, and within a size.

    The library's own timeout is for each read. A server that sends a byte a second would never reach it.

    Args:
        seconds: how long an attempt may take, from the connection to the last byte.
        busy: is called when the server says that it gets too many requests.
    """

    def __init__(self, seconds: float, busy: Callable[[], None] | None = None) -> None:
        # The image and the key were meant for this host. Whoever answers with another one does not get them.
        # Who asks limits the requests, and thereby the connections.
        limits = http_library().Limits(max_connections=None, max_keepalive_connections=None)
        super().__init__(
            follow_redirects=False, timeout=seconds, headers=_PACKING, verify=_certificates(), limits=limits
        )
        self._seconds, self._busy = seconds, busy

    def new_request(self, url: str, headers: Mapping[str, object], content: bytes) -> httpx.Request:
        """A request with JSON for `accepted`. Values that are no texts are no headers."""
        texts = {name: value for name, value in headers.items() if isinstance(value, str)}
        waits = dict.fromkeys(("connect", "read", "write", "pool"), self._seconds)
        request: httpx.Request = http_library().Request(
            "POST", url, headers={**texts, **_PACKING}, content=content, extensions={"timeout": waits}
        )
        return request

    async def accepted(self, request: httpx.Request) -> httpx.Response | None:
        """The answer, if its status is 200; None: the next `send` of this task gives what came instead.

        The `openai` package takes half a millisecond for a request. So it gets those alone that did not succeed at
        once: it decides about further attempts, and makes the errors.
        """
        try:
            response = await self.send(request)
        # It is raised by the next `send`.
        except Exception as error:
            _came.set(error)
            return None
        if response.status_code == 200:
            return response
        _came.set(response)
        return None

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """One attempt; the reply is read whole."""
        came = _came.get()
        if came is not None:
            _came.set(None)
            if isinstance(came, Exception):
                raise came
            return came
        options["stream"] = True
        http: Any = http_library()
        try:
            async with asyncio.timeout(self._seconds):
                response = await super().send(request, **options)
                try:
                    content = await _read(response)
                finally:
                    await response.aclose()
        except TimeoutError as error:
            raise http.ReadTimeout(f"no whole answer within {self._seconds:g} s", request=request) from error
        if self._busy is not None and response.status_code in _BUSY:
            self._busy()
        whole: httpx.Response = http.Response(
            response.status_code, headers=_kept_headers(response.headers), content=content, request=request
        )
        return whole


async def _read(response: Any) -> bytes:
    """The body, unpacked, of at most `MOST_REPLY_BYTES`."""
    packing = response.headers.get("content-encoding", "identity").strip().lower()
    if packing not in ("identity", "", "gzip", "x-gzip", "deflate"):
        raise ReplyError(f"the server's answer is packed as {packing[:30]!r}, which was not asked for")
    pieces = response.aiter_raw()
    if packing not in ("identity", ""):
        pieces = _unpacked(pieces)
    content = bytearray()
    async for piece in pieces:
        content += piece
        if len(content) > MOST_REPLY_BYTES:
            raise ReplyError(f"the server's answer has more than {MOST_REPLY_BYTES:,} bytes")
    return bytes(content)


async def _unpacked(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    # 47: gzip or zlib, by the header. Each step gives at most a million bytes, however well they were packed.
    unpacker = zlib.decompressobj(47)
    async for piece in pieces:
        while piece and not unpacker.eof:
            try:
                yield unpacker.decompress(piece, 1_000_000)
            except zlib.error as error:
                raise ReplyError(f"the server's answer cannot be unpacked: {error}") from error
            piece = unpacker.unconsumed_tail


def _kept_headers(headers: Any) -> dict[str, str]:
    """The headers that matter for one whole, unpacked body. How long to wait is cut to `MOST_WAIT_SECONDS`."""
    kept = {"content-type": headers.get("content-type", "")}
    # "x-should-retry" and "retry-after-ms" go: with them, a server could prevent a retry or ask for any number.
    if "retry-after" in headers:
        kept["retry-after"] = f"{_wait_seconds(headers['retry-after'], headers.get('date')):g}"
    if "location" in headers:
        kept["location"] = headers["location"]
    return kept


def _wait_seconds(retry_after: str, date: str | None) -> float:
    """Seconds to wait, from a header with seconds or a date; 0 where it makes no sense: the client then decides."""
    try:
        seconds = float(retry_after)
    except ValueError:
        try:
            # By the server's own clock.
            seconds = (parsedate_to_datetime(retry_after) - parsedate_to_datetime(date or "")).total_seconds()
        except (ValueError, TypeError, OverflowError):
            return 0.0
    return min(seconds, MOST_WAIT_SECONDS) if seconds > 0 else 0.0
