"""A server on this machine that answers as the Hub does, for the real client library."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

COMMIT = "e7a53e35" + "0" * 32


@dataclass
class FakeHub:
    """Repositories by id, at one commit; `main` and `v1` stand for it."""

    repositories: Mapping[str, Path]
    gated: tuple[str, ...] = ()
    gated_files: tuple[str, ...] = ()
    """Ids that everybody may look at, and only some download."""
    cut: bool = False
    """Whether every file ends in its middle."""
    asked: list[str] = field(default_factory=list)
    """The paths of all requests."""

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of a request."""
        self.asked.append(path)
        parts = unquote(path.partition("?")[0]).strip("/").split("/")
        if parts[:2] in (["api", "datasets"], ["api", "models"]):
            return self._about("/".join(parts[2:4]), parts[4:])
        # Files of models have no kind in front.
        parts = parts[1:] if parts[0] == "datasets" else parts
        id_, name = "/".join(parts[:2]), "/".join(parts[4:])
        # The client asks for other things too, and goes on without them.
        if id_ not in self.repositories:
            return 404, {}, b"{}"
        if id_ in self.gated_files:
            return 403, {"X-Error-Code": "GatedRepo"}, b"{}"
        file = self.repositories[id_] / name
        if parts[3] != COMMIT or not file.is_file():
            return 404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT}, b""
        content = file.read_bytes()
        headers = {"ETag": f'"{hashlib.sha256(content).hexdigest()}"', "X-Repo-Commit": COMMIT}
        return 200, headers, content

    def _about(self, id_: str, rest: list[str]) -> tuple[int, dict[str, str], bytes]:
        if id_ in self.gated:
            return 403, {"X-Error-Code": "GatedRepo"}, b"{}"
        if id_ not in self.repositories:
            return 404, {"X-Error-Code": "RepoNotFound"}, b"{}"
        if rest and rest[1] not in ("main", "v1", COMMIT):
            return 404, {"X-Error-Code": "RevisionNotFound"}, b"{}"
        folder = self.repositories[id_]
        files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        names = [path.relative_to(folder).as_posix() for path in files]
        if rest and rest[0] == "tree":
            tree = [
                {"type": "file", "path": n, "size": p.stat().st_size, "oid": "0" * 40} for n, p in zip(names, files)
            ]
            return 200, {}, json.dumps(tree).encode()
        siblings = [{"rfilename": n, "size": p.stat().st_size} for n, p in zip(names, files)]
        info: dict[str, Any] = {"id": id_, "sha": COMMIT, "siblings": siblings}
        return 200, {}, json.dumps(info).encode()


@contextmanager
def serving(hub: FakeHub, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """Let `huggingface_hub` ask the server, with an empty cache."""
    from huggingface_hub import constants

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._reply(body=True)

        def do_HEAD(self) -> None:
            self._reply(body=False)

        def _reply(self, body: bool) -> None:
            status, headers, content = hub.answer(self.path)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            cut = hub.cut and "/resolve/" in self.path
            if body:
                self.wfile.write(content[: len(content) // 2] if cut else content)
                self.close_connection = cut

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True, kwargs={"poll_interval": 0.02}).start()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
