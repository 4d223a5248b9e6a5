"""`finecops bench server`: how much of a server's throughput a run uses."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def server_command(
    requests: Annotated[int, typer.Option("--requests", "-n", min=4, help="Requests of each measurement.")] = 2000,
    answer_ms: Annotated[float, typer.Option(min=0, help="Milliseconds that an answer takes.")] = 50.0,
    slow_percent: Annotated[float, typer.Option(min=0, max=100, help="Slow answers, in the second half.")] = 5.0,
    slow_ms: Annotated[float, typer.Option(min=0, help="Milliseconds that a slow answer takes.")] = 1000.0,
    capacity: Annotated[int, typer.Option(min=0, help="Requests that the server works on at a time. 0: all.")] = 0,
    concurrency: Annotated[int, typer.Option(min=1, max=10_000, help="Requests at the same time.")] = 16,
    folder: Annotated[Path, typer.Option(help="The folder for images and rows.")] = Path("outputs/bench-server"),
) -> None:
    """Time an MLLM stage on a stand-in for a server, beside a bare load generator.

    The stand-in is a process of its own that computes nothing: all its answers take the same time, then some of them
    are slow. Four questions are about one image. `auto` finds the number of requests at the same time by itself, which
    takes some thousand requests. CPU is that of finecops alone.
    """
    from finecops.bench.server import time_server
    from finecops.bench.stand_in import Latency
    from finecops.report.text import text_table

    plain = Latency(answer_ms / 1000, capacity=capacity)
    slow = Latency(answer_ms / 1000, slow_percent / 100, slow_ms / 1000, capacity)
    rows, bare = [], 0.0
    for timing in time_server(folder, requests, (plain, slow), concurrency):
        per_second = timing.requests / timing.seconds
        if timing.how.startswith("bare"):
            bare = per_second
        answers = f"{answer_ms:g} ms" if timing.latency == plain else f"{slow_percent:g}% of them {slow_ms:g} ms"
        rows.append(
            [
                answers,
                timing.how,
                f"{per_second:.1f}",
                f"{100 * per_second / bare:.1f}",
                f"{1000 * timing.cpu_seconds / timing.requests:.2f}",
                str(timing.failed),
            ]
        )
    header = ["answers take", "who asks", "requests/s", "% of the bare one's", "CPU ms a request", "failed"]
    typer.echo(text_table(f"{requests} requests", header, rows))
