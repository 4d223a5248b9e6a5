"""Runs a program that must not outlive the process that started it, whatever happens to that one.

    python guard.py SECONDS PROGRAM [ARGUMENT…]

The program and all that it starts are ended when the guard's standard input ends, which the operating system sees to
where the other process is killed: first politely, after SECONDS with all of its group by SIGKILL. The guard ends with
the program, and with its exit code (128 and the number of a signal). It imports nothing of finecops: it is there for as
long as the program, and shall need no memory.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from types import FrameType


def _with_parent() -> None:
    """Have the operating system end this process with its parent, where it can (Linux): a guard may be killed too."""
    with suppress(Exception):
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def main(seconds: float, command: list[str]) -> int:
    """Run it to its end; its exit code."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=_with_parent)
    ends = threading.Event()

    def until_input_ends() -> None:
        with suppress(OSError):
            while os.read(0, 4096):
                pass
        ends.set()

    def on_signal(number: int, frame: FrameType | None) -> None:
        ends.set()

    # The terminal's Ctrl-C is for the other process, which then closes the input.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, on_signal)
    # Both ends are waited for: whichever comes first.
    threading.Thread(target=until_input_ends, daemon=True).start()
    ended = threading.Event()
    code = 0

    def until_ended() -> None:
        nonlocal code
        code = process.wait()
        ended.set()
        ends.set()

    threading.Thread(target=until_ended, daemon=True).start()
    ends.wait()
    if not ended.is_set():
        process.terminate()
        ended.wait(seconds)
    # Its own processes may be there without it, and hold a GPU.
    with suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    ended.wait()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), sys.argv[2:]))
