"""A stand-in for vLLM: `vllm serve CHECKPOINT --port PORT …`, with faults that the variable FAKE_VLLM names as JSON.

Faults: `start` seconds until it answers, `never` answers, `exits` at once with that code, `dies` with SIGKILL instead
of answering that request (of each life, or of the first `lives` ones alone), `poison` a text that kills it, `deaf` to
the polite signal, `slow` seconds an answer. Each start leaves a file in the folder `notes`: its process id, environment
and arguments.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from finecops.bench.stand_in import answer_to

FAULTS: dict[str, Any] = json.loads(os.environ.get("FAKE_VLLM", "{}"))
NOTED = ("CUDA_VISIBLE_DEVICES", "VLLM_API_KEY", "VLLM_NO_USAGE_STATS")


def option(name: str) -> str:
    return sys.argv[sys.argv.index(name) + 1]


def note() -> int:
    """Leave a file; which start of all this is, the first is 1."""
    folder = Path(FAULTS["notes"])
    # Of its own children none may be left either.
    child = subprocess.Popen(["sleep", "300"])
    noted = {"pid": os.getpid(), "child": child.pid, "argv": sys.argv[1:]}
    noted |= {name: os.environ.get(name) for name in NOTED}
    path = folder / f"{os.getpid()}.tmp"
    path.write_text(json.dumps(noted))
    path.rename(path.with_suffix(".json"))
    return len(list(folder.glob("*.json")))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    count, lock = 0, threading.Lock()
    may_die = True

    def do_GET(self) -> None:
        self.reply(200, json.dumps({"data": [{"id": option("--served-model-name")}]}).encode())

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with Handler.lock:
            Handler.count += 1
            dies = Handler.count == FAULTS.get("dies") and Handler.may_die
        if dies or (FAULTS.get("poison", "-").encode() in body and "poison" in FAULTS):
            print("CUDA error: an illegal memory access was encountered", flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        with (Path(FAULTS["notes"]) / f"{os.getpid()}.asked").open("ab") as asked:
            asked.write(b".")
        time.sleep(FAULTS.get("slow", 0.02))
        answer = json.loads(answer_to(body)) | {"model": json.loads(body)["model"]}
        self.reply(200, json.dumps(answer).encode())

    def reply(self, code: int, content: bytes) -> None:
        if self.headers["Authorization"] != f"Bearer {os.environ['VLLM_API_KEY']}":
            code, content = 401, b"{}"
        self.send_response(code)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Be quiet."""


def main() -> None:
    lives = note()
    Handler.may_die = lives <= FAULTS.get("lives", 10**6)
    if FAULTS.get("deaf"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("INFO loading with", os.environ["VLLM_API_KEY"], flush=True)
    if "exits" in FAULTS:
        print("ValueError: no such layer", file=sys.stderr)
        sys.exit(FAULTS["exits"])
    time.sleep(10**6 if FAULTS.get("never") else FAULTS.get("start", 0))
    http = ThreadingHTTPServer((option("--host"), int(option("--port"))), Handler)
    http.daemon_threads = True
    http.serve_forever(0.01)


if __name__ == "__main__":
    main()
