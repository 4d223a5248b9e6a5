"""Asking a server for a file or a part of one: redirects, waiting, and connections that are kept open.

The standard library alone: no key is sent anywhere, and nothing but ranges, redirects and proxies is needed.
"""

from __future__ import annotations

import http.client
import logging
import socket
import ssl
import time
import urllib.request
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cache
from typing import NoReturn
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from finecops.config.download import LOOPBACK, link_problem
from finecops.errors import DataError
from finecops.text import printable
from finecops.version import __version__

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 60.0
"""The longest silence of a server."""
MOST_WAIT_SECONDS = 120.0
"""The longest wait that a server may ask for."""
MOST_TRIES = 6
"""Attempts without a single new byte; then the command stops, and the next one goes on."""
_MOST_REDIRECTS = 5
_BUSY = frozenset({202, 408, 425, 429, 500, 502, 503, 504})
"""Answers that another attempt may change. figshare answers 202 while it looks at who asks."""
_AWAY = frozenset({301, 302, 303, 307, 308})
wait: Callable[[float], None] = time.sleep


class NetworkError(DataError):
    """A server cannot be reached, or does not give what is asked for."""


class TransientError(Exception):
    """An attempt failed in a way that another one may not.

    Args:
        message: what happened.
        wait: seconds that the server asked to wait, if it did.
        offline: no server was reached at all.
    """

    def __init__(self, message: str, wait: float | None = None, offline: bool = False) -> None:
        super().__init__(message)
        self.wait, self.offline = wait, offline


@dataclass
class Patience:
    """How often something is tried again, with longer and longer pauses.

    Args:
        what: what messages call it.
    """

    what: str
    tries: int = 0

    def progress(self) -> None:
        """Something came: the next failure is a first one."""
        self.tries = 0

    def pause(self, error: TransientError) -> None:
        """Wait before the next attempt.

        Raises:
            NetworkError: there were enough.
        """
        self.tries += 1
        # Without any network, a minute of waiting says nothing new.
        if self.tries >= (3 if error.offline else MOST_TRIES):
            raise NetworkError(f"{self.what}: {error}; given up after {self.tries} attempts") from error
        seconds = min(2.0 ** (self.tries - 1) if error.wait is None else error.wait, MOST_WAIT_SECONDS)
        log.info("%s: %s; next attempt in %g s", self.what, error, seconds)
        wait(seconds)


class Reply:
    """The answer to a request. It is read to its end or closed."""

    def __init__(self, url: str, response: http.client.HTTPResponse, close: Callable[[], None]) -> None:
        self.url, self.status = url, response.status
        self._response, self._close = response, close

    def header(self, name: str) -> str | None:
        """A header as one printable line."""
        value = self._response.headers.get(name)
        return None if value is None else printable(str(value))[:500]

    @property
    def length(self) -> int | None:
        """How many bytes the server says it sends."""
        text = self.header("Content-Length") or ""
        return int(text) if text.isdecimal() and len(text) < 16 else None

    @property
    def etag(self) -> str | None:
        """What tells this version of the file from another one."""
        return self.header("ETag")

    def read(self, most: int) -> bytes:
        """The next bytes; empty: the connection ended, whether or not everything came.

        Raises:
            TransientError: the connection broke.
        """
        try:
            # What is there, without waiting for more: a stopped command has kept it.
            piece = self._response.read1(most)
            if not piece:
                # At its end: the connection is free for the next request.
                self._response.read()
            return piece
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise TransientError(f"the connection broke ({_said(error)})") from error

    def close(self) -> None:
        """Drop what was not read, with the connection."""
        if not self._response.isclosed():
            self._close()


class Session:
    """Connections of one thread, kept open between requests. Thousands of images are thousands of requests."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, str], http.client.HTTPConnection] = {}

    def get(self, url: str, first: int | None = None, last: int | None = None, same: str | None = None) -> Reply:
        """Ask for a file.

        Args:
            url: the link.
            first: the first byte; None: the whole file.
            last: the last byte; None: up to the end.
            same: the ETag that the file must have; where it has another one, the server sends the whole file.

        Raises:
            TransientError: another attempt may work.
            NetworkError: it will not.
        """
        headers = {"User-Agent": f"finecops/{__version__}", "Accept": "*/*", "Accept-Encoding": "identity"}
        if first is not None:
            headers["Range"] = f"bytes={first}-{'' if last is None else last}"
            # A weak ETag does not compare bytes.
            if same is not None and not same.startswith("W/"):
                headers["If-Range"] = same
        local = urlsplit(url).hostname in LOOPBACK
        for _ in range(_MOST_REDIRECTS + 1):
            problem = link_problem(url, local)
            if problem is not None:
                raise NetworkError(f"the link {printable(url)[:200]} {problem}")
            reply = self._ask(url, headers)
            if reply.status not in _AWAY:
                return _checked(reply)
            to = reply.header("Location")
            reply.close()
            try:
                url = urljoin(url, to or "")
            except ValueError as error:
                raise NetworkError(f"{printable(url)[:200]} redirects to what is no link") from error
        raise NetworkError(f"{printable(url)[:200]}: more than {_MOST_REDIRECTS} redirects")

    def close(self) -> None:
        """Close all connections."""
        for connection in self._open.values():
            connection.close()
        self._open.clear()

    def _ask(self, url: str, headers: dict[str, str]) -> Reply:
        parts = urlsplit(url)
        key = (parts.scheme, parts.netloc)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        kept = self._open.pop(key, None)
        for connection in [*([kept] if kept is not None else []), None]:
            try:
                connection = connection or _connect(parts)
                connection.request("GET", target, headers=headers)
                response = connection.getresponse()
            except (OSError, http.client.HTTPException) as error:
                if connection is not None:
                    connection.close()
                # A server closes a connection that was idle: a new one is no new attempt.
                if connection is kept and kept is not None:
                    continue
                _raise(parts, error)
            self._open[key] = connection
            return Reply(url, response, lambda: self._drop(key))
        raise AssertionError("the last attempt returns or raises")

    def _drop(self, key: tuple[str, str]) -> None:
        connection = self._open.pop(key, None)
        if connection is not None:
            connection.close()


def _checked(reply: Reply) -> Reply:
    """An answer with content, or an error."""
    if reply.status in (200, 206, 416):
        packing = (reply.header("Content-Encoding") or "identity").lower()
        if packing == "identity":
            return reply
        reply.close()
        raise NetworkError(
            f"{printable(reply.url)[:200]}: the answer is packed ({packing[:30]}), which was not asked for"
        )
    reply.close()
    said = f"{urlsplit(reply.url).netloc} answers {reply.status}"
    if reply.status in _BUSY:
        raise TransientError(said, _asked_wait(reply.header("Retry-After"), reply.header("Date")))
    raise NetworkError(f"{said} to {printable(reply.url)[:200]}")


def _connect(parts: SplitResult) -> http.client.HTTPConnection:
    host = parts.hostname or ""
    # Plain HTTP is for this machine alone, and no proxy is asked for it.
    if parts.scheme == "http":
        return http.client.HTTPConnection(host, parts.port, timeout=TIMEOUT_SECONDS)
    named = None if urllib.request.proxy_bypass(host) else urllib.request.getproxies().get("https")
    if not named:
        return http.client.HTTPSConnection(host, parts.port, timeout=TIMEOUT_SECONDS, context=_certificates())
    proxy = urlsplit(named if "//" in named else f"//{named}")
    connection = http.client.HTTPSConnection(
        proxy.hostname or "", proxy.port or 80, timeout=TIMEOUT_SECONDS, context=_certificates()
    )
    user = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}" if proxy.username else ""
    given = {"Proxy-Authorization": f"Basic {b64encode(user.encode()).decode()}"} if user else {}
    connection.set_tunnel(host, parts.port, given)
    return connection


@cache
def _certificates() -> ssl.SSLContext:
    return ssl.create_default_context()


def _raise(parts: SplitResult, error: Exception) -> NoReturn:
    """
    Raises:
        TransientError: in nearly all cases.
        NetworkError: the server shows no valid certificate.
    """
    if isinstance(error, ssl.SSLCertVerificationError):
        raise NetworkError(f"{parts.netloc}: its certificate is not valid: {error.verify_message}") from error
    offline = isinstance(error, socket.gaierror | ConnectionRefusedError | TimeoutError) or (
        isinstance(error, OSError) and not isinstance(error, ConnectionError | ssl.SSLError)
    )
    raise TransientError(f"{parts.netloc} is not reached ({_said(error)})", offline=offline) from error


def _said(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return printable(text.strip() or type(error).__name__)[:200]


def _asked_wait(retry_after: str | None, date: str | None) -> float | None:
    """Seconds of a header with seconds or a date; None: there is none that makes sense."""
    if retry_after is None:
        return None
    if retry_after.strip().isdecimal():
        return min(float(retry_after.strip()[:9]), MOST_WAIT_SECONDS)
    try:
        # By the server's own clock.
        seconds = (parsedate_to_datetime(retry_after) - parsedate_to_datetime(date or "")).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(seconds, 0.0), MOST_WAIT_SECONDS)
