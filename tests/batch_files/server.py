"""A server and a batch interface that give the same answer to the same body."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from zlib import crc32

from finecops.bench.stand_in import MODEL, answer_to

Body = dict[str, Any]
Refuses = Callable[[Body], bool]
SAID = {"error": {"message": "image too large", "type": "BadRequestError"}}


def completion(body: Body) -> Body:
    """The stand-in's box, or a letter where alternatives are asked for; by all that is in the body."""
    seed = crc32(json.dumps(body, sort_keys=True).encode())
    found: Body = json.loads(answer_to(str(seed).encode()))
    (choice,) = found["choices"]
    if "top_logprobs" in body:
        letters = "ABCDE"[seed % 3 :]
        top = [{"token": letter, "logprob": -0.1 - seed % 7 * i} for i, letter in enumerate(letters)]
        choice["message"]["content"] = letters[0]
        choice["logprobs"] = {"content": [{**top[0], "top_logprobs": top}]}
    if not body.get("logprobs"):
        choice["logprobs"] = None
    return found


def nobody(body: Body) -> bool:
    """Refuses nothing."""
    return False


def about(word: str) -> Refuses:
    """Refuses requests with a word in their prompt."""
    return lambda body: word in body["messages"][-1]["content"][1]["text"]


@contextmanager
def serving(refuses: Refuses = nobody) -> Iterator[tuple[str, list[Body]]]:
    """A server; its URL and the bodies that it saw."""
    seen: list[Body] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.reply(200, {"data": [{"id": MODEL}]})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            seen.append(body)
            self.reply(*((404, SAID) if refuses(body) else (200, completion(body))))

        def reply(self, code: int, content: Body) -> None:
            self.send_response(code)
            self.end_headers()
            self.wfile.write(json.dumps(content).encode())

        def log_message(self, format: str, *args: object) -> None:
            """Be quiet."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads, http.block_on_close = True, False
    threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{http.server_port}/v1", seen
    finally:
        http.shutdown()
        http.server_close()


def requests_of(folder: Path) -> list[Body]:
    """The lines of an export's files."""
    return [json.loads(line) for path in sorted(folder.glob("requests-*.jsonl")) for line in path.open()]


def output_lines(requests: list[Body], refuses: Refuses = nobody) -> list[Body]:
    """What a batch interface writes, the last request first."""
    lines = []
    for request in reversed(requests):
        refused = refuses(request["body"])
        response = {"status_code": 404 if refused else 200, "request_id": "r"}
        response["body"] = SAID if refused else completion(request["body"])
        lines.append({"id": "b", "custom_id": request["custom_id"], "response": response, "error": None})
    return lines


def written(path: Path, lines: list[Body]) -> Path:
    """An output file."""
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path
