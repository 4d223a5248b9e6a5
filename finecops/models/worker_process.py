"""A worker: a program in another Python environment that answers lines of JSON with lines of JSON.

This module starts it, sends requests, waits for answers, and starts it again when it dies. docs/models/workers.md
describes the protocol. A worker is not trusted to end, to answer, or to print little: each has its limit.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import queue
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

from finecops.errors import ConfigError, ModelError
from finecops.models.redaction import one_line, redact
from finecops.models.worker_pipes import MOST_LINE_BYTES, TOO_LONG, LineReader, read_messages

log = logging.getLogger(__name__)

PROTOCOL = 1
"""The version of the protocol."""
PROGRAMS = Path(__file__).resolve().parent / "workers"
"""The folder of the workers that come with finecops."""
_KEPT_LINES = 15
"""How many lines of the worker's standard error are kept for messages."""
_MOST_OTHER_BYTES = 32_000_000
"""How much a worker may print that is no answer, from a request to its answer."""
_MAX_STARTS = 3
"""A worker that dies this often without an answer in between is not started again."""


def program_line(name: str, command: Sequence[str]) -> list[str]:
    """The command with environment variables replaced, and with the full paths of programs in `PROGRAMS`.

    Args:
        name: the worker's name, for the message.
        command: the program and its arguments, as configured.

    Raises:
        ConfigError: a variable is not set.
    """
    filled = []
    for part in command:
        if part.startswith("$"):
            value = os.environ.get(part[1:])
            if not value:
                raise ConfigError(
                    f"{name}: set {part[1:]}, for instance to the Python of the environment with the model"
                )
            part = value
        filled.append(str(PROGRAMS / part) if (PROGRAMS / part).is_file() else part)
    return filled


class WorkerProcess:
    """One worker. It starts with the first request; requests are sent one at a time.

    Args:
        name: the worker's name, for messages.
        command: the program and its arguments (`program_line` completes them).
        start_seconds: how long it may take until it is ready.
        timeout_seconds: how long one request may take.
        quiet: a start is of no interest to the user.
    """

    def __init__(
        self, name: str, command: Sequence[str], start_seconds: float, timeout_seconds: float, quiet: bool = False
    ) -> None:
        self.name, self.command = name, program_line(name, command)
        self.start_seconds, self.timeout_seconds, self.quiet = start_seconds, timeout_seconds, quiet
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: LineReader | None = None
        self._writer: threading.Thread | None = None
        self._listener: threading.Thread | None = None
        self._stderr_lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._number = 0
        # Starts since the last answer.
        self._starts = 0
        self._warned = False
        atexit.register(self.close)

    def ask(self, request: Mapping[str, object]) -> dict[str, object]:
        """Send a request and wait for its answer.

        Raises:
            ModelError: the worker cannot be started, died, did not answer in time, printed without end, or answered
                with an error.
        """
        self._start()
        self._number += 1
        number = self._number
        self._send(json.dumps({"id": number, **request}) + "\n")
        answer = self._wait(number, self.timeout_seconds)
        self._starts = 0
        if isinstance(answer.get("error"), str):
            raise ModelError(f"worker {self.name}: {one_line(str(answer['error']))}")
        return answer

    def close(self) -> None:
        """End the program: close its input, and kill it if it does not end within two seconds."""
        process = self._process
        if process is None:
            return
        # A writer that still waits holds the input open.
        if self._writer is None or not self._writer.is_alive():
            try:
                assert process.stdin is not None
                process.stdin.close()
                process.wait(2)
            except (OSError, subprocess.TimeoutExpired):
                pass
        self._kill()

    def _kill(self) -> int | None:
        """Kill the program with all that it started; its exit code, or None if there is no program."""
        process, self._process = self._process, None
        if self._reader is not None:
            self._reader.stop()
        if process is None:
            return None
        if process.poll() is None:
            try:
                # It leads a group of its own (`start_new_session`). Windows has no groups.
                os.killpg(process.pid, signal.SIGKILL) if hasattr(os, "killpg") else process.kill()
            except OSError:
                process.kill()
        return process.wait()

    def _send(self, line: str) -> None:
        """Write a line without waiting: a worker that reads nothing blocks whoever writes to it."""
        assert self._process is not None
        stdin = self._process.stdin
        assert stdin is not None
        content = memoryview(line.encode("utf-8", "surrogatepass"))

        def write() -> None:
            rest = content
            try:
                while rest:
                    rest = rest[stdin.write(rest) :]
            except (OSError, ValueError):
                # The program is dead; its output ends too, and whoever waits for an answer says so.
                return

        self._writer = threading.Thread(target=write, daemon=True)
        self._writer.start()

    def _start(self) -> None:
        if self._process is not None:
            return
        if self._starts == _MAX_STARTS:
            raise ModelError(
                f"worker {self.name} was started {_MAX_STARTS} times and gave no answer{self._stderr_tail()}"
            )
        self._starts += 1
        try:
            # Without buffers: a reader gets what there is, and a writer holds no lock. A signal from the terminal
            # reaches finecops alone, which ends the worker.
            process = subprocess.Popen(
                self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            what = error.strerror if isinstance(error, OSError) else str(error)
            raise ModelError(f"worker {self.name}: cannot start {self.command[0]}: {what}") from error
        self._process = process
        assert process.stdout is not None
        # Both streams are read all the time: a worker that fills a pipe would stop.
        self._reader = LineReader(process.stdout)
        self._listener = threading.Thread(target=read_messages, args=(process.stderr, self._keep), daemon=True)
        self._listener.start()
        log.log(logging.DEBUG if self.quiet else logging.INFO, "starting worker %s", self.name)
        ready = self._wait(None, self.start_seconds)
        if ready.get("protocol") != PROTOCOL:
            self.close()
            raise ModelError(
                f"worker {self.name} uses protocol {one_line(str(ready.get('protocol')), 50)}; finecops uses {PROTOCOL}"
            )

    def _wait(self, number: int | None, seconds: float) -> dict[str, object]:
        """The answer with the number `number`; for None, the line that says that the worker is ready."""
        assert self._reader is not None
        end, other_bytes = time.monotonic() + seconds, 0
        while True:
            left = end - time.monotonic()
            try:
                # Lines that are no answers must not hold the clock.
                line = self._reader.next(left) if left > 0 else _raise_empty()
            except queue.Empty:
                # A late answer would be out of turn: the process is killed, and the next request starts a new one.
                what = "was not ready" if number is None else "gave no answer"
                raise self._ended(f"{what} within {seconds:g} s") from None
            if line is None:
                raise self._died()
            if line == TOO_LONG:
                raise self._ended(f"printed a line of more than {MOST_LINE_BYTES:,} bytes")
            assert isinstance(line, bytes)
            answer = _parse(line)
            if answer is None:
                self._warn("prints something other than an answer to its standard output: %s", line)
            elif answer.get("ready") is True if number is None else _is_number(answer.get("id"), number):
                return answer
            else:
                self._warn("sent an answer that was not requested, or sent one twice: %s", line)
            other_bytes += len(line) + 1
            if other_bytes > _MOST_OTHER_BYTES:
                raise self._ended(f"printed more than {_MOST_OTHER_BYTES:,} bytes that are no answer")

    def _ended(self, what: str) -> ModelError:
        """Kill the program; the error that says why."""
        self._kill()
        return ModelError(f"worker {self.name} {what}{self._stderr_tail()}")

    def _died(self) -> ModelError:
        process = self._process
        try:
            code = process.wait(5) if process is not None else None
        except subprocess.TimeoutExpired:
            code = None
        killed = self._kill()
        # The reason is in the last lines of standard error; wait until they are read.
        if self._listener is not None:
            self._listener.join(1)
        return ModelError(f"worker {self.name} ended with code {killed if code is None else code}{self._stderr_tail()}")

    def _stderr_tail(self) -> str:
        return "; its last output: " + " | ".join(list(self._stderr_lines)[-3:]) if self._stderr_lines else ""

    def _warn(self, message: str, line: bytes) -> None:
        # Once per worker: a program that prints its progress does so for every request.
        if not self._warned:
            log.warning("worker %s " + message, self.name, one_line(line[:10_000].decode("utf-8", "replace"), 200))
        self._warned = True

    def _keep(self, line: str) -> None:
        """Keep a line of standard error for messages."""
        if line.strip():
            self._stderr_lines.append(one_line(line, 300))
            log.debug("worker %s: %s", self.name, redact(line.rstrip()))


def _raise_empty() -> bytes:
    raise queue.Empty


def _is_number(given: object, number: int) -> bool:
    # In Python, True equals 1.
    return isinstance(given, int) and not isinstance(given, bool) and given == number


def _parse(line: bytes) -> dict[str, object] | None:
    """The object of a line; with an `error` in it where one of its keys stands twice: which one counts?"""
    twice: list[str] = []

    def members(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        if len(found) < len(pairs):
            twice.append(next(key for i, (key, _) in enumerate(pairs) if key in dict(pairs[:i])))
        return found

    try:
        found = json.loads(line, object_pairs_hook=members)
    except (ValueError, RecursionError):
        return None
    if isinstance(found, dict) and twice:
        return found | {"error": f"its answer has the key {twice[0]!r} twice"}
    return found if isinstance(found, dict) else None
