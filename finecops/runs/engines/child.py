"""A worker of the engine `processes`: the process as its parent sees it, and what runs in it.

Parent and child have the two ends of a pipe. The child ends as soon as the parent's end is closed, which the operating
system does for a parent that is killed.
"""

from __future__ import annotations

import os
import pickle
import queue
import subprocess
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from signal import Signals
from typing import Final

from finecops.runs.batches import Batch
from finecops.runs.engines.tasks import Task

_PROGRAM: Final = "from finecops.runs.engines.child import serve; serve()"
_SECONDS_TO_END: Final = 10.0
"""So long a child may take to end by itself."""


class Child:
    """A process that has a stage."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.tasks: deque[Task] = deque()
        """What it was given and has not answered; it works on the first."""
        self.is_ready = False
        """Whether it has its stage."""
        self.connection: Connection
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, begin: bytes) -> None:
        """Start it, or another in its place; it makes the stage of `begin` and says when it is ready."""
        self.is_ready = False
        self.connection, theirs = Pipe()
        number = theirs.fileno()
        with theirs:
            # Of its own session: Ctrl-C is for the parent, who tells its children.
            self._process = subprocess.Popen(
                [sys.executable, "-c", _PROGRAM, str(number)],
                stdin=subprocess.DEVNULL,
                stdout=2,
                pass_fds=(number,),
                env=os.environ | _paths() | dict(self._environment),
                start_new_session=True,
            )
        with suppress(OSError):
            self.connection.send_bytes(begin)

    def give(self, task: Task, as_text: Callable[[Batch, bool], str]) -> None:
        """Hand it a batch. Of a dead one this is noticed when its answer is awaited."""
        self.tasks.append(task)
        with suppress(OSError):
            self.connection.send_bytes(as_text(task.batch, task.counted).encode())

    def receive(self) -> str | None:
        """Its next answer; None: it is dead."""
        try:
            return self.connection.recv_bytes().decode()
        except (EOFError, OSError):
            self.connection.close()
            return None

    def cause_of_death(self) -> str:
        """Why it ended, in words."""
        assert self._process is not None
        self.wait()
        code = self._process.returncode
        if code >= 0:
            return f"exit code {code}"
        name = Signals(-code).name
        return f"signal {name}" + (": the machine may have no memory left" if name == "SIGKILL" else "")

    def stop(self, at_once: bool) -> None:
        """Tell it to end."""
        if self._process is None:
            return
        if at_once:
            self._process.kill()
        else:
            with suppress(OSError):
                self.connection.send_bytes(b"")

    def wait(self) -> None:
        """Wait until it has ended; kill it if that takes long."""
        if self._process is None:
            return
        try:
            self._process.wait(_SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self.connection.close()


def _paths() -> dict[str, str]:
    """Where the child finds the modules that the parent found: those of the working directory too."""
    return {"PYTHONPATH": os.pathsep.join(str(Path(path).absolute()) for path in sys.path if Path(path).exists())}


def serve() -> None:
    """What the process does: make the stage, then answer batches until there are no more."""
    connection = Connection(int(sys.argv[1]))
    messages: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    # The parent may send while a long answer is on its way: reading must not wait for writing.
    threading.Thread(target=_read, args=(connection, messages), daemon=True).start()
    from finecops.runs.engines.worker import StageWorker

    work, level = pickle.loads(messages.get())
    worker = StageWorker(work, level)
    connection.send_bytes(worker.ready().encode())
    tasks: queue.SimpleQueue[tuple[Batch, bool] | None] = queue.SimpleQueue()
    threading.Thread(target=_prepare, args=(messages, tasks, work.spec.reads_images), daemon=True).start()
    while (task := tasks.get()) is not None:
        connection.send_bytes(worker.answer(*task).encode())


def _read(connection: Connection, messages: queue.SimpleQueue[bytes]) -> None:
    while True:
        try:
            messages.put(connection.recv_bytes())
        except (EOFError, OSError):
            os._exit(1)


def _prepare(
    messages: queue.SimpleQueue[bytes], tasks: queue.SimpleQueue[tuple[Batch, bool] | None], reads_images: bool
) -> None:
    """Decode the images of a batch that waits, while the model computes the one before it."""
    from finecops.images import read_ahead
    from finecops.runs.engines.wire import batch_from_text

    # A thread that ends alone would leave the process waiting for ever.
    try:
        while text := messages.get():
            batch, counted = batch_from_text(text.decode())
            if reads_images:
                read_ahead([group.image for group in batch])
            tasks.put((batch, counted))
        tasks.put(None)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
