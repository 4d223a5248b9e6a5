"""Whole runs with a server: the same bytes with any window, after failures, and after a kill."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from finecops.bench.stand_in import MODEL, Latency, answer_to, stand_in
from tests.cli.invoke import run
from tests.processes import soon

LIMIT = 24


@contextmanager
def answering(status: Callable[[bytes], int]) -> Iterator[tuple[str, list[bytes]]]:
    """A server with the stand-in's answers, each after another time; its URL and the requests that it saw."""
    seen: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.reply(200, b'{"data": [{"id": "%s"}]}' % MODEL.encode())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            seen.append(body)
            time.sleep(len(body) % 7 / 200)
            self.reply(status(body), answer_to(body))

        def reply(self, code: int, content: bytes) -> None:
            self.send_response(code)
            self.end_headers()
            self.wfile.write(content)

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


def command(url: str, folder: Path) -> list[str]:
    model = ["--mllm", "qwen2-vl-7b-server", "--base-url", url, "--api-model", MODEL]
    return ["infer", "mllm", "--limit", str(LIMIT), "--run", str(folder), "--no-watch", *model]


def test_failed_rows_are_asked_again_and_the_file_is_as_if_none_had_failed(tmp_path: Path) -> None:
    with answering(lambda body: 200) as (url, seen):
        assert run(*command(url, tmp_path / "whole"))[0] == 0
        assert len(seen) == LIMIT
    refused = {body for body in seen if len(body) % 3 == 0}
    assert 0 < len(refused) < LIMIT
    with answering(lambda body: 404 if body in refused else 200) as (url, _):
        code, text = run(*command(url, tmp_path / "again"))
        assert (code, "NotFoundError" in text) == (1, True)
    with answering(lambda body: 200) as (url, asked):
        assert run(*command(url, tmp_path / "again"))[0] == 0
    assert refused <= set(asked)
    # Only the images of failed questions were asked about again.
    assert len(asked) < LIMIT
    whole, again = (tmp_path / name / "mllm.jsonl" for name in ("whole", "again"))
    assert again.read_bytes() == whole.read_bytes()


def test_a_killed_run_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    with stand_in(Latency(0.001)) as url:
        assert run(*command(url, tmp_path / "whole"))[0] == 0
    partial = tmp_path / "killed" / "mllm.jsonl.partial"
    with stand_in(Latency(0.05, slow_share=0.5, slow_seconds=30.0)) as url:
        process = subprocess.Popen(
            [sys.executable, "-m", "finecops", *command(url, tmp_path / "killed")], stderr=subprocess.DEVNULL
        )
        # What is answered is in the file, whatever is still waited for.
        assert soon(lambda: partial.exists() and partial.read_bytes().count(b"\n") >= 2, 120)
        process.kill()
        process.wait()
    with stand_in(Latency(0.001)) as url:
        assert run(*command(url, tmp_path / "killed"))[0] == 0
    whole, killed = (tmp_path / name / "mllm.jsonl" for name in ("whole", "killed"))
    assert killed.read_bytes() == whole.read_bytes()


def test_several_servers_have_the_bytes_of_one_also_when_one_goes(tmp_path: Path) -> None:
    with stand_in(Latency(0.001)) as url:
        assert run(*command(url, tmp_path / "whole"))[0] == 0
    partial, ended = tmp_path / "shared" / "mllm.jsonl.partial", threading.Event()

    def until_rows(going: ExitStack) -> None:
        soon(lambda: partial.exists() and partial.read_bytes().count(b"\n") >= 2, 120)
        going.close()
        ended.set()

    with stand_in(Latency(0.3, capacity=2)) as staying, ExitStack() as going:
        urls = f"{staying},{going.enter_context(stand_in(Latency(0.3, capacity=2)))}"
        threading.Thread(target=until_rows, args=(going,), daemon=True).start()
        arguments = command(urls, tmp_path / "shared")
        arguments[arguments.index("--base-url")] = "--servers"
        assert run(*arguments)[0] == 0
        assert ended.is_set()
    whole, shared = (tmp_path / name / "mllm.jsonl" for name in ("whole", "shared"))
    assert shared.read_bytes() == whole.read_bytes()
    entries = [json.loads((path.parent / "run.json").read_text())["stages"]["mllm"] for path in (whole, shared)]
    assert entries[0]["fingerprint"] == entries[1]["fingerprint"]
    assert [entry.get("served") for entry in entries] == [None, {"servers": 2, "arguments": []}]
