"""One server: a program with a guard, its log, whether it answers, and how it ended."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from finecops.errors import ModelError
from finecops.models.redaction import one_line

POLITE_SECONDS: Final = 10.0
"""So long a server may take to end by itself."""
_GUARD: Final = Path(__file__).with_name("guard.py")
_TAIL_BYTES: Final = 20_000
_SHOWN_LINES: Final = 8
_PROBE_SECONDS: Final = 5.0
"""How long a server may take to say which models it has; less says nothing on a busy machine."""


class ServerProgram:
    """A program that serves a model, once.

    Args:
        command: the program and its arguments.
        environment: variables beside those of this process.
        key: that it takes.
        url: where it will answer.
        log: the file for all that it prints; added to.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], key: str, url: str, log: Path) -> None:
        self._command, self._environment, self._key = command, environment, key
        self.url, self._log = url, log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it.

        Raises:
            ModelError: the program or its log cannot be opened.
        """
        try:
            self._log.parent.mkdir(parents=True, exist_ok=True)
            with self._log.open("ab") as log:
                begun = time.strftime("%Y-%m-%d %H:%M:%S")
                log.write(f"# {begun} {shlex.join(self._command)}\n".encode())
                log.flush()
                # Its own session: the terminal's signals are for this process, which then ends it.
                self._process = subprocess.Popen(
                    [sys.executable, "-I", str(_GUARD), str(POLITE_SECONDS), *self._command],
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    env=os.environ | dict(self._environment),
                    start_new_session=True,
                )
        except OSError as error:
            raise ModelError(f"{self._log}: {error.strerror}: the server cannot be started") from error

    def answers(self) -> bool:
        """Whether it answers by now."""
        from finecops.models.server_client import Listed, ask_each

        (listed,) = ask_each([(self.url, self._key)], _PROBE_SECONDS)
        return isinstance(listed, Listed) and listed.status == 200

    def end_within(self, seconds: float | None) -> str | None:
        """How it ended, in words; None: it has not, in that time."""
        assert self._process is not None
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        if code <= 128:
            return f"exit code {code}"
        with suppress(ValueError):
            name = signal.Signals(code - 128).name
            return f"signal {name}" + (": the machine may have no memory left" if name == "SIGKILL" else "")
        return f"exit code {code}"

    def ask_to_end(self) -> None:
        """Tell it to end, without waiting."""
        if self._process is not None and self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()

    def wait_for_end(self) -> None:
        """Wait until it has ended, after `ask_to_end`."""
        if self._process is None:
            return
        try:
            # The guard kills what does not end by itself.
            self._process.wait(POLITE_SECONDS + 5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def last_lines(self) -> list[str]:
        """The last lines that it printed, without keys and control characters."""
        try:
            with self._log.open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
                lines = file.read().decode("utf-8", "replace").replace("\r", "\n").splitlines()
        except OSError:
            return []
        # Lines with # are this module's own.
        shown = [one_line(line, 300) for line in lines if line.strip() and not line.startswith("# ")]
        return shown[-_SHOWN_LINES:]


def free_port() -> int:
    """A port that nobody on this machine listens at."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
    return port
