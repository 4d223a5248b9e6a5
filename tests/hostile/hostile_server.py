"""A server on 127.0.0.1 that answers each request with whatever bytes a test gives."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

BOX = "(100,200),(500,600)"
Write = Callable[[BaseHTTPRequestHandler, str], None]
"""Writes the raw answer to a request, of which it gets the body."""


@contextmanager
def serving(write: Write) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """The server's URL, and the headers of every request that it saw."""
    seen: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            seen.append({key.lower(): value for key, value in self.headers.items()})
            self.close_connection = True
            try:
                write(self, body)
            except OSError:
                return

        def do_GET(self) -> None:
            self.do_POST()

        def log_message(self, format: str, *args: object) -> None:
            """Be quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    # Without waiting for handlers that drip: `server_close` would.
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", seen
    finally:
        server.shutdown()
        server.server_close()


_HELD: list[socket.socket] = []


def closed_port() -> int:
    """A port on which nobody listens, and that no other program gets while the tests run."""
    one = socket.socket()
    one.bind(("127.0.0.1", 0))
    _HELD.append(one)
    port: int = one.getsockname()[1]
    return port


def send(handler: BaseHTTPRequestHandler, body: bytes | object, status: int = 200, **headers: str) -> None:
    """An answer with a body, as JSON where it is not bytes. An underscore in a header's name stands for "-"."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    handler.send_response(status)
    for key, value in {"Content_Type": "application/json", "Content_Length": str(len(content)), **headers}.items():
        handler.send_header(key.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(content)


def completion(text: Any = BOX, logprobs: Any = None, **more: Any) -> dict[str, Any]:
    """A chat completion."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return {"id": "x", "object": "chat.completion", "model": "m", "choices": [choice | {"logprobs": logprobs}]} | more


def token(text: str, logprob: Any, **top: Any) -> dict[str, Any]:
    """A token with its log-probability and alternatives."""
    others = [{"token": key, "logprob": value} for key, value in top.items()]
    return {"token": text, "logprob": logprob, "top_logprobs": others}
