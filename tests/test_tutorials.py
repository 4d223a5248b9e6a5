"""The tutorials are typed: every block ```bash and ```python of a page runs, in order, in a folder of its own.

A block ```yaml with a first line `# FILE` is that file. Blocks ```text are shown only: they need a network, a graphics
card, or the reader's own files.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
PAGES = [
    *(PROJECT / "docs" / name for name in ("start.md", "ground.md")),
    *sorted((PROJECT / "docs" / "tutorials").glob("*.md")),
]
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RUN = ("bash", "python", "yaml", "text")


class Answering(BaseHTTPRequestHandler):
    """A stand-in for an MLLM's server, which gives every sample the same box in Qwen2-VL's words."""

    def do_GET(self) -> None:
        self._answer({"object": "list", "data": [{"id": "my-model", "object": "model"}]})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        message = {"role": "assistant", "content": "<|box_start|>(100,200),(500,700)<|box_end|>"}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        self._answer({"id": "1", "object": "chat.completion", "created": 0, "model": "my-model", "choices": [choice]})

    def _answer(self, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Nothing on the tests' output."""


@contextmanager
def model_server() -> Iterator[str]:
    """The stand-in, as `HOST:PORT`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


def blocks_of(page: Path) -> list[tuple[str, str]]:
    """The blocks of a page: language and text."""
    return _BLOCK.findall(page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_has_blocks_of_known_kinds(page: Path) -> None:
    found = blocks_of(page)
    assert {language for language, _ in found} <= set(RUN)
    assert any(language == "bash" for language, _ in found)
    # Every fence is one that the pattern sees: a block that it missed would not run.
    assert page.read_text(encoding="utf-8").count("```") == 2 * len(found)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_a_page_tells_to_type_works(page: Path, tmp_path: Path) -> None:
    # Your own photographs need a picture: this page takes one of the repository's.
    if page.stem == "ground":
        (tmp_path / "data").symlink_to(PROJECT / "data")
    commands = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = os.environ | {
        "FINECOPS_HOME": str(tmp_path / "home"),
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
        "PATH": commands,
        "PYTHONPATH": str(PROJECT),
    }
    with model_server() as address:
        for language, text in blocks_of(page):
            text = text.replace("localhost:8000", address)
            if language == "yaml" and text.startswith("# "):
                (tmp_path / text.splitlines()[0].removeprefix("# ")).write_text(text, encoding="utf-8")
            elif language in ("bash", "python"):
                command = (
                    ["bash", "-euo", "pipefail", "-c", text] if language == "bash" else [sys.executable, "-c", text]
                )
                done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
                assert done.returncode == 0, f"{text}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
