"""A chat completions server that answers by a function of the questions, and keeps what it was asked."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from finecops.config.writing import WriterConfig

Reply = str | int
"""What the server says: a text, or an HTTP status."""


class TextServer:
    """What the server says, and what it was asked."""

    def __init__(self, say: Callable[[dict[str, Any]], Reply]) -> None:
        self.say = say
        self.url = ""
        self.asked: list[dict[str, Any]] = []
        """The questions of each request, by their keys."""
        self.usage: object = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}

    def times(self) -> Counter[str]:
        """How often each question was asked."""
        return Counter(json.dumps(question) for questions in self.asked for question in questions.values())

    def config(self, **more: Any) -> WriterConfig:
        """A writer's configuration for this server."""
        return WriterConfig(**{"name": "stand-in", "model": "m", "base_url": self.url, "concurrency": 2} | more)


@contextmanager
def serving(say: Callable[[dict[str, Any]], Reply]) -> Iterator[TextServer]:
    """A server that runs; `say` gets the questions of a request by their keys."""
    server = TextServer(say)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            questions = json.loads(request["messages"][-1]["content"])
            server.asked.append(questions)
            said = server.say(questions)
            if isinstance(said, int):
                self._send(said, {"error": {"message": "try later"}})
                return
            choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": said}}
            body = {"id": "x", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice]}
            self._send(200, body | ({"usage": server.usage} if server.usage is not None else {}))

        def do_GET(self) -> None:
            self._send(200, {"object": "list", "data": [{"id": "m", "object": "model"}]})

        def _send(self, status: int, body: Any) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Be quiet."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    # A client that has gone is what some tests are about.
    http.handle_error = lambda request, address: None  # type: ignore[method-assign]
    threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True).start()
    server.url = f"http://127.0.0.1:{http.server_port}/v1"
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()


def each(answer: Callable[[Any], Any]) -> Callable[[dict[str, Any]], str]:
    """A server's reply with an answer to every question."""
    return lambda questions: json.dumps({key: answer(question) for key, question in questions.items()})
