"""A long run against a server that fails in ten ways, killed again and again: does it end as a quiet run does?

    python scripts/soak.py [--samples 20000] [--kills 20] [--unrepairable 0.04]

A server on this machine answers for a stub model. Of every sample's requests the first ones may fail: an HTTP 500, 429
or 503, a body that is cut off, one that is no JSON, one without choices, one without content, another model's name, a
connection that is closed, an answer that nobody can read. A share of the samples can never be answered. The command
`finecops infer mllm` is killed with SIGKILL at random times and started again until it ends.

Printed: exit code (0 where the share is below --max-failed, else 1), whether the rows equal those of a run on a quiet
server apart from the unrepairable samples and the unreadable answers, kills, seconds, and the peak memory of the
processes early and late. An answer that nobody can read is a result (`unparsed`) and not asked again for itself, so a
few of them may stay.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

from PIL import Image

BOX = "<|box_start|>(100,200),(500,600)<|box_end|>"
UNREADABLE = "I cannot say."
TRANSIENT_SHARE = 0.05
WAYS = ("500", "429", "503", "cut", "nonsense", "no choices", "no content", "other model", "closed", "unreadable")


def answer(text: str | None, model: str = "stub", choices: bool = True) -> bytes:
    """A completion."""
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
    body = {
        "id": "x",
        "object": "chat.completion",
        "created": 0,
        "model": model,
        "choices": [choice] if choices else [],
    }
    return json.dumps(body).encode()


class Server(BaseHTTPRequestHandler):
    """Answers, or fails in one of the ways; what a sample's first requests get depends on its expression alone."""

    protocol_version = "HTTP/1.1"
    # Header and body in one packet, sent at once: else each answer waits for an acknowledgement.
    wbufsize = 1 << 16
    disable_nagle_algorithm = True
    quiet: ClassVar[bool] = False
    unrepairable: ClassVar[float] = 0.0
    asked: ClassVar[Counter[str]] = Counter()
    lock: ClassVar[threading.Lock] = threading.Lock()

    def do_GET(self) -> None:
        """The list of models, for the look ahead."""
        self._send(200, json.dumps({"object": "list", "data": [{"id": "stub", "object": "model"}]}).encode())

    def do_POST(self) -> None:
        """One question."""
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text = next(p["text"] for p in request["messages"][-1]["content"] if p["type"] == "text")
        with self.lock:
            self.asked[text] += 1
            turn = self.asked[text]
        draw = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64
        if draw < self.unrepairable:
            self._send(400, json.dumps({"error": {"message": "this image cannot be processed"}}).encode())
        elif not self.quiet and draw > 1 - TRANSIENT_SHARE and turn <= 2:
            self._fail(WAYS[int(draw * 10**6) % len(WAYS)])
        else:
            self._send(200, answer(BOX))

    def _fail(self, way: str) -> None:
        if way in ("500", "429", "503"):
            self._send(int(way), json.dumps({"error": {"message": "busy"}}).encode(), {"Retry-After": "0"})
        elif way == "closed":
            self.close_connection = True
        else:
            body = {
                "cut": answer(BOX)[:40],
                "nonsense": b"<html>bad gateway</html>",
                "no choices": answer(BOX, choices=False),
                "no content": answer(None),
                "other model": answer(BOX, model="another"),
                "unreadable": answer(UNREADABLE),
            }[way]
            self._send(200, body)

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Be quiet."""


class QuietServer(ThreadingHTTPServer):
    """Killed clients leave broken connections behind, which are no news here."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing."""


def write_data(folder: Path, samples: int) -> Path:
    """A dataset of small images with five expressions each; its YAML file."""
    images, annotations = [], []
    (folder / "images").mkdir(parents=True)
    for i in range(samples):
        name = f"{i // 5}.png"
        if not i % 5:
            Image.new("RGB", (100, 80), (i % 251, i % 241, 90)).save(folder / "images" / name)
        images.append({"id": i, "file_name": name, "width": 100, "height": 80, "caption": f"object number {i}"})
        annotations.append({"id": i, "image_id": i, "bbox": [10, 16, 40, 32], "category_id": 1, "level": 1 + i % 3})
    (folder / "test.json").write_text(json.dumps({"images": images, "annotations": annotations, "categories": []}))
    config = {"name": "soak", "root": str(folder), "format": "coco", "image_folders": ["images"], "preset": "mini"}
    path = folder / "soak.yaml"
    path.write_text(json.dumps(config | {"splits": {"test": ["test.json"]}, "get": "-"}))
    return path


def write_model(folder: Path, port: int) -> Path:
    """The stub model behind the server."""
    config = {
        "name": "stub", "kind": "mllm", "backend": "openai", "weights": "stub", "licence": "none", "score": "none",
        "base_url": f"http://127.0.0.1:{port}/v1", "prompt": "QWEN2VL_REC", "focus": "NO_FOCUS",
        "box_format": "norm1000_paren", "batch_size": 64, "concurrency": 16, "timeout_seconds": 5,
    }  # fmt: skip
    path = folder / "stub.yaml"
    path.write_text(json.dumps(config))
    return path


def run(data: Path, model: Path, folder: Path, rng: random.Random | None, kills: int) -> tuple[int, list[int]]:
    """The command, killed so often if there is an `rng`; its exit code and the peak MiB of each process."""
    command = [sys.executable, "-m", "finecops", "infer", "mllm", "--dataset", str(data), "--mllm", str(model)]
    peaks = []
    while True:
        process = subprocess.Popen([*command, "--run", str(folder)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        if rng is not None and len(peaks) < kills:
            try:
                process.communicate(timeout=rng.uniform(1.5, 6.0))
            except subprocess.TimeoutExpired:
                process.kill()
        _, errors = process.communicate()
        peaks.append(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)
        if process.returncode != -9:
            if process.returncode:
                print(errors.decode().strip().splitlines()[-1], file=sys.stderr)
            return process.returncode, peaks


def rows(folder: Path) -> dict[str, dict[str, Any]]:
    """The rows by sample."""
    return {row["sample_id"]: row for row in map(json.loads, (folder / "mllm.jsonl").read_text().splitlines())}


def main() -> None:
    """Run the soak and print what it found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--unrepairable", type=float, default=0.04)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    server = QuietServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory(prefix="soak-") as temporary:
        place = Path(temporary)
        data, model = write_data(place / "data", args.samples), write_model(place, server.server_port)
        started = time.perf_counter()
        Server.quiet, Server.unrepairable = True, 0.0
        quiet, _ = run(data, model, place / "quiet", None, 0)
        quiet_seconds = time.perf_counter() - started
        Server.quiet, Server.unrepairable = False, args.unrepairable
        started = time.perf_counter()
        code, peaks = run(data, model, place / "soak", random.Random(args.seed), args.kills)
        # Once more, as a user would: what failed and can be repaired is asked again.
        again, more = run(data, model, place / "soak", None, 0)
        seconds = time.perf_counter() - started
        expected, found = rows(place / "quiet"), rows(place / "soak")
    failed = [id_ for id_, row in found.items() if row["status"] == "failed"]
    unreadable = [id_ for id_, row in found.items() if row["status"] == "unparsed" and row["reply"] == UNREADABLE]
    left_out = {*failed, *unreadable}
    other = [id_ for id_, row in found.items() if id_ not in left_out and row != expected[id_]]
    print(f"samples {args.samples}, quiet run {quiet_seconds:.0f} s (exit {quiet}), soak {seconds:.0f} s")
    print(f"{len(peaks) - 1} kills, {sum(Server.asked.values())} requests, exit codes {code} and {again}")
    print(f"{len(failed)} failed ({len(failed) / len(found):.2%}), {len(unreadable)} unreadable answers kept")
    print(f"{len(other)} other rows differ from the quiet run")
    print(f"peak memory of a process: {peaks[0]} MiB in the first, {max(peaks + more)} MiB at most")
    unexpected = bool(other) or len(found) != args.samples or again != int(len(failed) > 0.05 * len(found))
    raise SystemExit(int(unexpected))


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
