"""A program in an environment of its own that answers lines of JSON with lines of JSON: started, asked, restarted.

The protocol is a page: docs/models/workers.md.
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
from typing import IO, Any

from finecops.errors import ConfigError, ModelError

log = logging.getLogger(__name__)

PROTOCOL = 1
PROGRAMS = Path(__file__).resolve().parent / "workers"
_KEPT_LINES = 15
_STARTS = 3
"""A worker that dies this often without an answer in between is not started again."""


def program_line(name: str, command: Sequence[str]) -> list[str]:
    """The command with environment variables filled in and programs of `finecops/models/workers` found.

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
    """One worker. `ask` sends a request and waits for its answer; nothing else is sent meanwhile."""

    def __init__(self, name: str, command: Sequence[str], start_seconds: float, timeout_seconds: float) -> None:
        self.name, self.command = name, program_line(name, command)
        self.start_seconds, self.timeout_seconds = start_seconds, timeout_seconds
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._said: deque[str] = deque(maxlen=_KEPT_LINES)
        self._listener: threading.Thread | None = None
        self._number = 0
        self._starts = 0
        self._warned = False
        atexit.register(self.close)

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a request.

        Raises:
            ModelError: the worker cannot be started, died, hung, or answered that it cannot.
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
        """End the program: its input ends, and if it does not go then, it is killed."""
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
        if self._starts == _STARTS:
            raise ModelError(f"worker {self.name} was started {_STARTS} times and answered nothing{self._last_words()}")
        self._starts += 1
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
        threading.Thread(target=self._read_answers, args=(process.stdout, self._lines), daemon=True).start()
        self._listener = threading.Thread(target=self._read_words, args=(process.stderr,), daemon=True)
        self._listener.start()
        log.info("starting worker %s", self.name)
        ready = self._wait(None, self.start_seconds)
        if ready.get("protocol") != PROTOCOL:
            self.close()
            raise ModelError(f"worker {self.name} speaks protocol {ready.get('protocol')}; this is {PROTOCOL}")

    def _wait(self, number: int | None, seconds: float) -> dict[str, Any]:
        """The answer with a number; None is the line that says the worker is ready."""
        end = time.monotonic() + seconds
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                process, self._process = self._process, None
                if process is not None:
                    process.kill()
                    process.wait()
                what = "was not ready" if number is None else "gave no answer"
                raise ModelError(f"worker {self.name} {what} within {seconds:g} s{self._last_words()}") from None
            if line is None:
                raise self._died()
            answer = _parsed(line)
            if answer is None:
                self._warn("prints to its standard output what is no answer: %s", line)
            elif answer.get("ready") is True if number is None else answer.get("id") == number:
                return answer
            else:
                self._warn("answered what was not asked, or twice: %s", line)

    def _died(self) -> ModelError:
        process, self._process = self._process, None
        code: int | None = None
        if process is not None:
            try:
                code = process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                code = process.wait()
        if self._listener is not None:
            self._listener.join(1)
        return ModelError(f"worker {self.name} ended with code {code}{self._last_words()}")

    def _last_words(self) -> str:
        return "; its last words: " + " | ".join(list(self._said)[-3:]) if self._said else ""

    def _warn(self, message: str, line: str) -> None:
        if not self._warned:
            log.warning("worker %s " + message, self.name, line.strip()[:200])
        self._warned = True

    def _read_answers(self, stream: IO[str], lines: queue.Queue[str | None]) -> None:
        for line in stream:
            lines.put(line)
        lines.put(None)

    def _read_words(self, stream: IO[str]) -> None:
        for line in stream:
            if line.strip():
                self._said.append(line.strip()[:300])
                log.debug("worker %s: %s", self.name, line.rstrip())


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
