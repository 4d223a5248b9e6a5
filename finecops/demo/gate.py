"""What the server of the page lets in and out: its own paths, its own names, and no other network."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any, Final

Scope = MutableMapping[str, Any]
Asgi = Callable[[Scope, Any, Any], Awaitable[None]]

# Of Gradio's sixty: what the page asks for. Others fetch addresses, proxy, log in, or write code.
_PATHS: Final = re.compile(
    r"/|/config/?|/(?:assets|static|svelte)/.*|/theme\.css|/favicon\.ico|/manifest\.json|/robots\.txt"
    r"|/gradio_api/(?:info/?|startup-events|upload|upload_progress|run/predict/?|queue/join/?|queue/data|heartbeat/\w+|cancel|reset/?"
    r"|theme\.css|app_id/?|file=/.*)"
)
POLICY: Final = "; ".join(
    (
        "default-src 'self'",
        # Gradio's page starts with scripts of its own in the page, and makes templates of the page into functions.
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "frame-ancestors 'none'",
        "form-action 'self'",
        "base-uri 'self'",
    )
)
"""The browser itself refuses every other address, whatever the page holds."""
_HEADERS: Final = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)


class Gate:
    """Middleware in front of the page (ASGI).

    Args:
        app: what is behind it.
        names: the names by which a browser may ask for it; with another one, the page of somebody else is asking
            (DNS rebinding). Empty: any.
    """

    def __init__(self, app: Asgi, names: Sequence[str]) -> None:
        self._app, self._names = app, frozenset(names)

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Pass a request on, or answer that there is no such page."""
        if scope["type"] != "http":
            # Starting and stopping are passed on. Gradio uses no web sockets.
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return

        async def answer(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                ours = {name for name, _ in _HEADERS}
                kept = [pair for pair in message.get("headers", ()) if pair[0].lower() not in ours]
                message = {**message, "headers": [*kept, *_HEADERS]}
            await send(message)

        if not self._is_ours(scope):
            await answer({"type": "http.response.start", "status": 404, "headers": [(b"content-type", b"text/plain")]})
            await answer({"type": "http.response.body", "body": b"no such page"})
            return
        await self._app(scope, receive, answer)

    def _is_ours(self, scope: Scope) -> bool:
        if not _PATHS.fullmatch(scope["path"]):
            return False
        host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
        return not self._names or host_name(host) in self._names


def host_name(host: str) -> str:
    """The name in a Host header, without the port.

    >>> host_name("localhost:7860"), host_name("[::1]:7860"), host_name("127.0.0.1")
    ('localhost', '::1', '127.0.0.1')
    """
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower()
