"""A server on 127.0.0.1 with files that a test puts there, which answers ranges and fails as a test says."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Fault = Callable[["Answer"], bool]
"""Changes how a request is answered; True: it was answered."""


@dataclass
class Shelf:
    """What the server has, and what it was asked."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    """Path → content. The query of a request is part of the path, if there is such a path."""
    faults: dict[str, list[Fault]] = field(default_factory=lambda: defaultdict(list))
    """Path → what happens to the next requests, one after the other; then all is well."""
    always: list[Fault] = field(default_factory=list)
    """What happens to every request."""
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    """Path and range of every request."""
    most_at_once: int = 0
    _now: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def ranges(self, path: str) -> list[str | None]:
        """The ranges that were asked of a file."""
        return [range_ for asked, range_ in self.asked if asked == path]

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count the connections that are open at the same time."""
        with self._lock:
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
        try:
            yield
        finally:
            with self._lock:
                self._now -= 1

    def article(self, path: str, names: dict[str, bytes], **changes: Any) -> str:
        """Put a figshare article there; its link. A file is below `/ndownloader/`; `changes` go into its entries."""
        entries = [
            {"id": n, "name": name, "size": len(content), "is_link_only": False}
            | {"download_url": f"{self.url}/ndownloader/{name}", "computed_md5": hashlib.md5(content).hexdigest()}
            | changes
            for n, (name, content) in enumerate(names.items())
        ]
        record = {"title": "A toy release", "license": {"name": "CC BY 4.0", "url": "https://cc/by/4.0/"}}
        # As figshare: ten files in the record, the others on pages.
        self.files[path] = json.dumps(record | {"files": entries[:10]}).encode()
        for page in range(1, len(entries) // 100 + 2):
            part = entries[100 * (page - 1) : 100 * page]
            self.files[f"{path}/files?page={page}&page_size=100"] = json.dumps(part).encode()
        for name, content in names.items():
            self.files[f"/ndownloader/{name}"] = content
        return f"{self.url}{path}"


class Answer:
    """A request and its answer."""

    def __init__(self, shelf: Shelf, handler: BaseHTTPRequestHandler) -> None:
        self.shelf, self.handler, self.path = shelf, handler, handler.path
        self.content = shelf.files.get(self.path)
        self.range: str | None = handler.headers.get("Range")
        self.if_range: str | None = handler.headers.get("If-Range")
        self.cut: int | None = None

    @property
    def etag(self) -> str:
        """Of the content, as S3 makes it."""
        return f'"{hashlib.md5(self.content or b"").hexdigest()}"'

    def send(self, status: int, body: bytes = b"", **headers: str) -> bool:
        """Send an answer. An underscore in a header's name stands for "-"."""
        self.handler.send_response(status)
        for key, value in {"Content_Length": str(len(body)), **headers}.items():
            self.handler.send_header(key.replace("_", "-"), value)
        self.handler.end_headers()
        self.handler.wfile.write(body if self.cut is None else body[: self.cut])
        if self.cut is not None:
            self.handler.close_connection = True
        return True

    def send_file(self) -> None:
        """What a server without faults does."""
        if self.content is None:
            self.send(404, b"no such file")
            return
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", self.range or "")
        if found is None or (self.if_range is not None and self.if_range != self.etag):
            self.send(200, self.content, ETag=self.etag)
            return
        first, last = int(found[1]), min(int(found[2] or len(self.content)), len(self.content) - 1)
        if first >= len(self.content):
            self.send(416, Content_Range=f"bytes */{len(self.content)}")
            return
        where = f"bytes {first}-{last}/{len(self.content)}"
        self.send(206, self.content[first : last + 1], ETag=self.etag, Content_Range=where)


def cut(count: int) -> Fault:
    """The connection ends after so many bytes of the body."""

    def fault(answer: Answer) -> bool:
        answer.cut = count
        return False

    return fault


def status(code: int, **headers: str) -> Fault:
    """An answer without content."""
    return lambda answer: answer.send(code, **headers)


def no_range(answer: Answer) -> bool:
    """The whole file, whatever was asked for."""
    answer.range = None
    return False


def change(content: bytes) -> Fault:
    """The file is another one from now on."""

    def fault(answer: Answer) -> bool:
        answer.shelf.files[answer.path] = content
        answer.content = content
        return False

    return fault


@contextmanager
def serving() -> Iterator[Shelf]:
    """A running server."""
    shelf = Shelf()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Header and body in one packet: else each answer waits 40 ms for an acknowledgement.
        wbufsize = -1

        def handle(self) -> None:
            with shelf.counted():
                super().handle()

        def do_GET(self) -> None:
            shelf.asked.append((self.path, self.headers.get("Range")))
            answer = Answer(shelf, self)
            queue = shelf.faults[self.path]
            faults = [*shelf.always, *([queue.pop(0)] if queue else [])]
            try:
                if not any(fault(answer) for fault in faults):
                    answer.send_file()
            except OSError:
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            """Be quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    # A client that is killed closes its connections.
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    server.daemon_threads, server.block_on_close = True, False
    shelf.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield shelf
    finally:
        server.shutdown()
        server.server_close()
