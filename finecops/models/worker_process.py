"""A worker: a program in another Python environment that answers lines of JSON with lines of JSON.

This module starts it, sends requests, waits for answers, and starts it again when it dies. docs/models/workers.md
describes the protocol.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import queue
import subprocess
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from finecops.errors import ConfigError, ModelError

log = logging.getLogger(__name__)

PROTOCOL = 1
"""The version of the protocol."""
PROGRAMS = Path(__file__).resolve().parent / "workers"
"""The folder of the workers that come with finecops."""
_KEPT_LINES = 15
"""How many lines of the worker's standard error are kept for messages."""
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
    """

    def __init__(self, name: str, command: Sequence[str], start_seconds: float, timeout_seconds: float) -> None:
        self.name, self.command = name, program_line(name, command)
        self.start_seconds, self.timeout_seconds = start_seconds, timeout_seconds
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._stderr_lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._listener: threading.Thread | None = None
        self._number = 0
        # Starts since the last answer.
        self._starts = 0
        self._warned = False
        atexit.register(self.close)

    def ask(self, request: Mapping[str, object]) -> dict[str, object]:
        """Send a request and wait for its answer.

        Raises:
            ModelError: the worker cannot be started, died, did not answer in time, or answered with an error.
        """
        self._start()
        self._number += 1
        number = self._number
        try:
            self._send(json.dumps({"id": number, **request}) + "\n")
        except OSError:
            raise self._died() from None
        answer = self._wait(number, self.timeout_seconds)
        self._starts = 0
        if isinstance(answer.get("error"), str):
            raise ModelError(f"worker {self.name}: {answer['error']}")
        return answer

    def close(self) -> None:
        """End the program: close its input, and kill it if it does not end within two seconds."""
        process, self._process = self._process, None
        if process is None:
            return
        try:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(2)
        except (OSError, subprocess.TimeoutExpired):
            process.kill()
            process.wait()

    def _send(self, line: str) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(line)
        self._process.stdin.flush()

    def _start(self) -> None:
        if self._process is not None:
            return
        if self._starts == _MAX_STARTS:
            raise ModelError(
                f"worker {self.name} was started {_MAX_STARTS} times and gave no answer{self._stderr_tail()}"
            )
        self._starts += 1
        # A new queue: lines of a dead process must not be taken for answers of the new one.
        self._lines = queue.Queue()
        try:
            process = subprocess.Popen(
                self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
                bufsize=1,
            )
        except OSError as error:
            raise ModelError(f"worker {self.name}: cannot start {self.command[0]}: {error.strerror}") from error
        self._process = process
        # Both streams are read all the time: a worker that fills a pipe would stop.
        threading.Thread(target=self._read_stdout, args=(process.stdout, self._lines), daemon=True).start()
        self._listener = threading.Thread(target=self._read_stderr, args=(process.stderr,), daemon=True)
        self._listener.start()
        log.info("starting worker %s", self.name)
        ready = self._wait(None, self.start_seconds)
        if ready.get("protocol") != PROTOCOL:
            self.close()
            raise ModelError(f"worker {self.name} uses protocol {ready.get('protocol')}; finecops uses {PROTOCOL}")

    def _wait(self, number: int | None, seconds: float) -> dict[str, object]:
        """The answer with the number `number`; for None, the line that says that the worker is ready."""
        end = time.monotonic() + seconds
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                # A late answer would be out of turn: the process is killed, and the next request starts a new one.
                process, self._process = self._process, None
                if process is not None:
                    process.kill()
                    process.wait()
                what = "was not ready" if number is None else "gave no answer"
                raise ModelError(f"worker {self.name} {what} within {seconds:g} s{self._stderr_tail()}") from None
            # The end of the output.
            if line is None:
                raise self._died()
            answer = _parse(line)
            if answer is None:
                self._warn("prints something other than an answer to its standard output: %s", line)
            elif answer.get("ready") is True if number is None else answer.get("id") == number:
                return answer
            else:
                self._warn("sent an answer that was not requested, or sent one twice: %s", line)

    def _died(self) -> ModelError:
        process, self._process = self._process, None
        code: int | None = None
        if process is not None:
            try:
                code = process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                code = process.wait()
        # The reason is in the last lines of standard error; wait until they are read.
        if self._listener is not None:
            self._listener.join(1)
        return ModelError(f"worker {self.name} ended with code {code}{self._stderr_tail()}")

    def _stderr_tail(self) -> str:
        return "; its last output: " + " | ".join(list(self._stderr_lines)[-3:]) if self._stderr_lines else ""

    def _warn(self, message: str, line: str) -> None:
        # Once per worker: a program that prints its progress does so for every request.
        if not self._warned:
            log.warning("worker %s " + message, self.name, line.strip()[:200])
        self._warned = True

    def _read_stdout(self, stream: IO[str], lines: queue.Queue[str | None]) -> None:
        for line in stream:
            lines.put(line)
        # None marks the end of the output.
        lines.put(None)

    def _read_stderr(self, stream: IO[str]) -> None:
        for line in stream:
            if line.strip():
                self._stderr_lines.append(line.strip()[:300])
                log.debug("worker %s: %s", self.name, line.rstrip())


def _parse(line: str) -> dict[str, object] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
