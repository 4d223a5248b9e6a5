"""Decoding the images of the next batch while a model computes the current one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from finecops.images import read_ahead
from finecops.runs.batches import Batch


def decoded_ahead(batches: Sequence[Batch]) -> Iterator[Batch]:
    """The batches in their order; while one is in work, a thread decodes the images of the next.

    Images are kept in memory as `finecops.images` keeps all of them. A batch is handed out when its images are there,
    so none is decoded twice. An image that cannot be read is nothing here: its own batch says so.
    """
    # One thread: decoding an image takes a small part of what a model takes for it.
    pool = ThreadPoolExecutor(1, thread_name_prefix="decode")
    waiting: Future[None] | None = None
    following = iter(batches)
    batch = next(following, None)
    try:
        while batch is not None:
            if waiting is not None:
                # Two threads would decode the same image otherwise.
                waiting.result()
            after = next(following, None)
            waiting = pool.submit(read_ahead, [group.image for group in after]) if after is not None else None
            yield batch
            batch = after
    finally:
        pool.shutdown(cancel_futures=True)
