"""Reading what a foreign program prints, within limits on a line and on what waits to be read."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import IO, Final, Literal, TypeAlias

MOST_LINE_BYTES = 8_000_000
"""The longest answer. OWLv2's 3,600 boxes for 16 queries take 4 MB."""
_WAITING_LINES = 16
"""How many lines wait to be read. After that the program waits: its pipe is full."""
_SHOWN_BYTES = 1000
"""How much is kept of a line of standard error."""
TOO_LONG: Final = "too long"
"""Stands for a line of more than `MOST_LINE_BYTES`. Nothing is read after it."""

Read: TypeAlias = bytes | Literal["too long"] | None
"""A line without its end; `TOO_LONG`; or None at the end of the output."""


class LineReader:
    """Lines of a program's standard output, read by a thread from the start.

    Args:
        stream: the output. A raw stream: a buffered one waits until its buffer is full.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._lines: queue.Queue[Read] = queue.Queue(_WAITING_LINES)
        self._stopped = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def next(self, seconds: float) -> Read:
        """The next line.

        Raises:
            queue.Empty: there was none in that time.
        """
        return self._lines.get(timeout=max(seconds, 0.001))

    def stop(self) -> None:
        """Read no more. Lines of a dead program must not be taken for answers of the next one."""
        self._stopped.set()

    def _run(self) -> None:
        kept = bytearray()
        for chunk in chunks(self._stream):
            *whole, rest = chunk.split(b"\n")
            for piece in whole:
                if not self._put(bytes(kept + piece)):
                    return
                kept.clear()
            kept += rest
            if len(kept) > MOST_LINE_BYTES:
                self._put(TOO_LONG)
                return
        self._put(None)

    def _put(self, item: Read) -> bool:
        """Whether somebody still reads."""
        while not self._stopped.is_set():
            try:
                self._lines.put(item, timeout=0.5)
                return True
            except queue.Full:
                continue
        return False


def read_messages(stream: IO[bytes], keep: Callable[[str], None]) -> None:
    """Give each line of a standard error to `keep`, cut to `_SHOWN_BYTES`; progress bars end theirs with `\\r`."""
    kept = b""
    for chunk in chunks(stream):
        *whole, rest = chunk.replace(b"\r", b"\n").split(b"\n")
        for piece in whole:
            keep((kept + piece[:_SHOWN_BYTES])[:_SHOWN_BYTES].decode("utf-8", "replace"))
            kept = b""
        kept = (kept + rest[:_SHOWN_BYTES])[:_SHOWN_BYTES]
    keep(kept.decode("utf-8", "replace"))


def chunks(stream: IO[bytes]) -> Iterator[bytes]:
    """What a stream holds, as it comes; it ends where the stream does or is closed."""
    try:
        while chunk := stream.read(65536):
            yield chunk
    except (OSError, ValueError):
        return
