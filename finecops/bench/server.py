"""`finecops bench server`: how much of a server's throughput the MLLM stage uses, beside a bare load generator.

The server is a stand-in in a process of its own (`finecops.bench.stand_in`). The load generator sends requests that are
ready before it begins, and reads no answer. The stage does all its work: it decodes images, writes and reads rows.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
from PIL import Image

from finecops.bench.stand_in import MODEL, Latency, stand_in
from finecops.config.find import load_mllm
from finecops.config.schema import MllmConfig
from finecops.images import forget_images, read_picture
from finecops.models.openai_requests import CHAT, Asked, body_of, image_url, modes_of, request_of
from finecops.models.window import Concurrency
from finecops.records import Sample
from finecops.replies.prompting import prompt_text
from finecops.runs.batches import make_batches
from finecops.runs.engines.local import run_local
from finecops.runs.job import StageJob
from finecops.runs.runner import run_stage
from finecops.runs.specification import Resources, Work
from finecops.stages.mllm import MllmSettings, mllm_spec

QUESTIONS_PER_IMAGE = 4
_SIZE = (640, 480)


@dataclass(frozen=True)
class ServerTiming:
    """The time of some requests.

    Attributes:
        latency: of the server.
        how: who asked.
        requests: how many there were.
        failed: how many of them have no answer.
        seconds: from the first request to the last row, loading left out.
        cpu_seconds: of this process.
    """

    latency: Latency
    how: str
    requests: int
    failed: int
    seconds: float
    cpu_seconds: float


def time_server(folder: Path, requests: int, latencies: Sequence[Latency], concurrency: int) -> Iterator[ServerTiming]:
    """Time the load generator, and the stage with the same number of requests at the same time and with `auto`.

    Args:
        folder: for images and rows.
        requests: how many.
        latencies: the server's, one after the other.
        concurrency: requests at the same time.
    """
    samples = _drawn_samples(folder, requests)
    config = load_mllm("qwen2-vl-7b-server").model_copy(update={"weights": MODEL, "name": MODEL})
    bodies = [_body(folder, config, sample) for sample in samples]
    for latency in latencies:
        with stand_in(latency) as url:
            begun, used = time.perf_counter(), time.process_time()
            asyncio.run(_load(url, bodies, concurrency))
            seconds, cpu_seconds = time.perf_counter() - begun, time.process_time() - used
        yield ServerTiming(latency, f"bare, {concurrency} at a time", requests, 0, seconds, cpu_seconds)
        for how in (concurrency, "auto"):
            yield _time_stage(folder, samples, config, latency, how)


def _time_stage(
    folder: Path, samples: Sequence[Sample], config: MllmConfig, latency: Latency, concurrency: Concurrency
) -> ServerTiming:
    rows = folder / "mllm.jsonl"
    rows.unlink(missing_ok=True)
    forget_images()
    with stand_in(latency) as url:
        asked = config.model_copy(update={"base_url": url, "concurrency": concurrency})
        settings = MllmSettings(mllm=asked, focus=False, confidence="mean_prob")
        spec = mllm_spec(settings, Resources(config.batch_size, images=1))
        batches = make_batches(samples, lambda sample: folder / sample.image, config.batch_size, images=1)
        used = time.process_time()
        report = run_stage(StageJob(Work(spec, {}), rows, [sample.id for sample in samples], batches), run_local)
        cpu_seconds = time.process_time() - used
    how = f"finecops, {concurrency} at a time" if concurrency != "auto" else "finecops, auto"
    return ServerTiming(latency, how, report.rows, report.failed, report.seconds, cpu_seconds)


def _drawn_samples(folder: Path, count: int) -> list[Sample]:
    """Samples on pictures as large as photographs, in pixels and in bytes."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    drawn = np.random.default_rng(0)
    width, height = _SIZE
    for number in range(-(-count // QUESTIONS_PER_IMAGE)):
        path = folder / "images" / f"{number}.jpg"
        coarse = drawn.integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize(_SIZE, Image.Resampling.BICUBIC).save(path, quality=90)
    words = random.Random(0)
    return [
        Sample(
            id=str(number),
            dataset="bench",
            split="test",
            image=f"images/{number // QUESTIONS_PER_IMAGE}.jpg",
            width=width,
            height=height,
            expression=f"the {words.choice(('red', 'small', 'left'))} thing number {number}",
            truth="unknown",
            box=None,
            level=None,
        )
        for number in range(count)
    ]


def _body(folder: Path, config: MllmConfig, sample: Sample) -> bytes:
    image = read_picture(folder / sample.image)
    asked = Asked(image, prompt_text(config, sample.expression, None), config.max_new_tokens)
    request = request_of(config, asked, image_url(image), modes_of(config)[0])
    return json.dumps(body_of(MODEL, request)).encode()


async def _load(url: str, bodies: Sequence[bytes], concurrency: int) -> None:
    """Send every body, on so many connections."""
    place, waiting = urlsplit(url), iter(bodies)

    async def connection() -> None:
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        # All connections take from one iterator.
        for body in waiting:
            head = f"POST {place.path}{CHAT} HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
            await writer.drain()
            answered = (await reader.readuntil(b"\r\n\r\n")).lower()
            await reader.readexactly(int(answered.partition(b"content-length:")[2].partition(b"\r\n")[0]))
        writer.close()

    await asyncio.gather(*(connection() for _ in range(concurrency)))
