"""A model on a server: who is asked, and what an error says: which server it is, and the same for the same fault."""

from __future__ import annotations

from dataclasses import dataclass

from openai import APIConnectionError, APIStatusError, APITimeoutError

from finecops.errors import ModelError, first_line
from finecops.models.redaction import one_line, redact
from finecops.models.refusals import detail_of, without_varying
from finecops.models.server_client import ReplyError
from finecops.models.window import Concurrency
from finecops.replicas import Replicas


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
    replicas: Replicas | None = None
    """Several servers, or those that finecops starts, instead of `base_url`."""

    @property
    def servers(self) -> int:
        """How many servers share the requests."""
        return len(self.replicas.all) if self.replicas is not None else 1

    @property
    def shown(self) -> str:
        """The server's name in messages; the same one for all replicas. A configuration's URL holds no key."""
        return redact(self.replicas.name if self.replicas is not None else self.base_url or "OpenAI's server")


class RefusedError(ModelError):
    """The server does not take a request with these parameters: HTTP status 400 or 422."""


def error_of(error: Exception, endpoint: Endpoint) -> ModelError:
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
