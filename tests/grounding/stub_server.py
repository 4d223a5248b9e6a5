"""A chat completions server that answers every question with one text, and keeps the pictures that it was sent."""

from __future__ import annotations

import base64
import io
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from PIL import Image


class Stub:
    """What the server says, and what it saw."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.pictures: list[Image.Image] = []
        self.url = ""

    def answer(self, request: Any) -> dict[str, Any]:
        """A completion."""
        parts = request["messages"][-1]["content"]
        url = next(part["image_url"]["url"] for part in parts if part["type"] == "image_url")
        self.pictures.append(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))))
        message = {"role": "assistant", "content": self.text}
        choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
        return {"id": "x", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice]}


@contextmanager
def serving(text: str, hold: Callable[[], object] = lambda: None) -> Iterator[Stub]:
    """A server that runs; `hold` is called before each answer, and may wait."""
    stub = Stub(text)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            hold()
            self._send(stub.answer(request))

        def do_GET(self) -> None:
            self._send({"object": "list", "data": [{"id": "m", "object": "model"}]})

        def _send(self, body: Any) -> None:
            content = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Be quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    stub.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield stub
    finally:
        server.shutdown()
