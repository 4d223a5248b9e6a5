"""A stand-in for a model server, in a process of its own: it answers chat completions late, and computes nothing.

For `finecops bench server` and tests. The same question always gets the same answer, whenever it comes: a box in the
format of Qwen2-VL, with the probabilities of its tokens. Only the loopback address is served.
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from zlib import crc32

from finecops.errors import RunError

MODEL = "stand-in"
"""The name of the model that the stand-in serves."""


@dataclass(frozen=True)
class Latency:
    """How long answers take.

    Attributes:
        seconds: of most answers.
        slow_share: so many of the answers take `slow_seconds`, drawn with a seed.
        slow_seconds: of the others.
        capacity: so many requests are worked on at the same time, the others wait; 0: all.
    """

    seconds: float = 0.05
    slow_share: float = 0.0
    slow_seconds: float = 1.0
    capacity: int = 0


@contextmanager
def stand_in(latency: Latency) -> Iterator[str]:
    """A stand-in in a process of its own; its URL, which ends in `/v1`.

    Raises:
        RunError: it does not start.
    """
    command = [sys.executable, "-m", "finecops.bench.stand_in", json.dumps(asdict(latency))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = process.stdout.readline().strip()
            if not port:
                raise RunError("the stand-in for a server does not start")
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.kill()


def answer_to(body: bytes) -> bytes:
    """The completion for a request's body, as JSON."""
    seed = crc32(body)
    x, y = seed % 500, seed // 500 % 500
    pieces = ["<|box_start|>", f"({x}", ",", f"{y})", ",", f"({x + 300}", ",", f"{y + 400})", "<|box_end|>"]
    tokens: list[dict[str, object]] = [
        {"token": piece, "logprob": -0.001 * i, "bytes": None, "top_logprobs": []} for i, piece in enumerate(pieces)
    ]
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": "".join(pieces)},
        "logprobs": {"content": tokens},
        "finish_reason": "stop",
    }
    usage = {"prompt_tokens": 400, "completion_tokens": len(pieces), "total_tokens": 400 + len(pieces)}
    return json.dumps(
        {
            "id": f"x-{seed}",
            "object": "chat.completion",
            "created": 0,
            "model": MODEL,
            "choices": [choice],
            "usage": usage,
        }
    ).encode()


class _Server:
    """What all connections share."""

    def __init__(self, latency: Latency) -> None:
        self.latency = latency
        self._drawn = random.Random(0)
        self._free = asyncio.Semaphore(latency.capacity) if latency.capacity else None

    async def answer(self, body: bytes) -> bytes:
        slow = self._drawn.random() < self.latency.slow_share
        seconds = self.latency.slow_seconds if slow else self.latency.seconds
        if self._free is None:
            await asyncio.sleep(seconds)
        else:
            async with self._free:
                await asyncio.sleep(seconds)
        return answer_to(body)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, request after request."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
                body = await reader.readexactly(length)
                said = await self.answer(body) if length else json.dumps({"data": [{"id": MODEL}]}).encode()
                top = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(said)}\r\n\r\n"
                writer.write(top.encode() + said)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


async def _serve(latency: Latency) -> None:
    server = await asyncio.start_server(_Server(latency).serve, "127.0.0.1", 0, limit=2**20, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    # It ends with the process that started it, even where that one is killed.
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve(Latency(**json.loads(sys.argv[1]))))
