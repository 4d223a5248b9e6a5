"""The servers of one checkpoint: one on each GPU or group of GPUs, started together, and started again when they die.

Each has a thread that looks after it. Those who send requests see in `finecops.replicas.Replicas` which ones are there.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import JsonValue

from finecops.config.served import Served
from finecops.errors import GoneError, ModelError
from finecops.models.redaction import keep_secret
from finecops.models.server_command import command_for, environment_for, need_program, place_for
from finecops.replicas import Replicas
from finecops.serving.program import ServerProgram, free_port
from finecops.text import counted

log = logging.getLogger(__name__)

MOST_RESTARTS: Final = 5
"""A server that dies once more, each time soon after its start, ends the run."""
SOUND_SECONDS: Final = 600.0
"""A server that has answered for so long is as good as one that never died."""
FIRST_PAUSE_SECONDS = 1.0
"""Before the first restart; twice as long before each other one."""
_PROBE_EVERY_SECONDS: Final = 0.25
SAY_EVERY_SECONDS = 15.0
"""How often it is said that servers are still waited for."""


@dataclass(frozen=True)
class FleetPlan:
    """What is started.

    Attributes:
        served: what all servers have in common.
        adapters: that they have beside the model.
        places: variables for the environment of each server: its GPUs.
        has_gpus: whether they have any.
        start_seconds: how long one may take until it answers.
        logs: the folder of their logs.
    """

    served: Served
    adapters: tuple[str, ...]
    places: Sequence[Mapping[str, str]]
    has_gpus: bool
    start_seconds: float
    logs: Path

    def log_of(self, number: int) -> Path:
        """The file with all that a server prints; the first is 0."""
        return self.logs / f"{self.served.program}-{number + 1}.log"


class Fleet(Replicas):
    """The servers of a plan. They start with `ensure`, and end with `stop`."""

    def __init__(self, plan: FleetPlan) -> None:
        command = command_for(plan.served, plan.adapters, plan.has_gpus)
        count = len(plan.places)
        how: dict[str, JsonValue] = {
            "program": plan.served.program,
            "arguments": list(command[3:]),
            "servers": count,
            "gpus_per_server": plan.served.gpus_each if plan.has_gpus else 0,
        }
        name = f"{counted(count, 'server')} of {plan.served.weights} ({plan.served.program})"
        super().__init__([None] * count, name, how, is_up=False)
        self._plan, self._command = plan, command
        # Without one, everybody on this machine could ask them.
        self.key = secrets.token_hex(16)
        keep_secret(self.key)
        self._programs: dict[int, ServerProgram] = {}
        self._threads: list[threading.Thread] = []
        self._starting, self._stopping, self._news = threading.Lock(), threading.Event(), threading.Condition()

    def ensure(self) -> None:
        """Start them if they are not there, and wait until each has answered.

        Raises:
            ModelError: one does not start; all are ended.
        """
        with self._starting:
            if self.fault is not None:
                raise GoneError(self.fault)
            if self._threads:
                return
            program = self._plan.served.program
            self._command[0] = need_program(self._plan.served.weights, program)
            logs = f"{self._plan.log_of(0)}{', …' if len(self.all) > 1 else ''}"
            log.info("starting %s; what they print: %s", self.name, logs)
            self._threads = [
                threading.Thread(target=self._look_after, args=(number,), daemon=True, name=f"{program} {number + 1}")
                for number in range(len(self.all))
            ]
            for thread in self._threads:
                thread.start()
            try:
                self._wait_for_all()
            # Ctrl-C too: whoever waits for servers must leave none.
            except BaseException:
                self.stop()
                raise

    def stop(self) -> None:
        """End them all, and wait until they have ended."""
        self._stopping.set()
        self.give_up(f"{self.name} were ended")
        # All get the signal before any is waited for.
        for program in list(self._programs.values()):
            program.ask_to_end()
        for program in list(self._programs.values()):
            program.wait_for_end()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join()

    def _wait_for_all(self) -> None:
        began = said = time.monotonic()
        while True:
            with self._news:
                if self.fault is None and not all(one.life for one in self.all):
                    self._news.wait(0.5)
            if self.fault is not None:
                raise ModelError(self.fault)
            now, there = time.monotonic(), sum(one.life > 0 for one in self.all)
            if there == len(self.all):
                log.info("%s answer after %.0f s", self.name, now - began)
                return
            if now - said >= SAY_EVERY_SECONDS:
                said = now
                first = next(number for number, one in enumerate(self.all) if not one.life)
                program = self._programs.get(first)
                last = program.last_lines()[-1:] if program is not None else []
                log.info("%d of %s answer after %.0f s; %s", there, self.name, now - began, "".join(last))

    def _look_after(self, number: int) -> None:
        """A server's whole life, with all its starts."""
        deaths = 0
        while not self._stopping.is_set():
            program = self._new_program(number)
            try:
                program.start()
                fault, sound = self._live(number, program)
            except ModelError as error:
                self._end_with(str(error))
                return
            finally:
                program.ask_to_end()
                program.wait_for_end()
            if self._stopping.is_set():
                return
            deaths = 1 if sound else deaths + 1
            if not self.all[number].life:
                # What is wrong with the very first start does not go away.
                self._end_with(self._said(number, program, fault))
                return
            if deaths > MOST_RESTARTS:
                self._end_with(self._said(number, program, f"{fault}, {deaths} times in a row"))
                return
            pause = FIRST_PAUSE_SECONDS * 2 ** (deaths - 1)
            log.warning(
                "%s; it is started again in %.3g s (%d of %d times)",
                *(self._said(number, program, fault, lines=1), pause, deaths, MOST_RESTARTS),
            )
            self._stopping.wait(pause)

    def _live(self, number: int, program: ServerProgram) -> tuple[str, bool]:
        """Wait until a server answers, then until it has ended: how it ended, and whether it was sound for long."""
        fault = self._fault_until_it_answers(program)
        if fault is not None:
            return fault, False
        answers_since = time.monotonic()
        self.set_up(number, program.url)
        self._tell()
        how = program.end_within(None)
        self.set_down(number)
        return f"ended ({how})", time.monotonic() - answers_since > SOUND_SECONDS

    def _new_program(self, number: int) -> ServerProgram:
        # A new one for each start: somebody else may have taken the old one.
        port = free_port()
        program = ServerProgram(
            [*self._command, *place_for(port)],
            {**environment_for(self._plan.served.program, str(self.key)), **self._plan.places[number]},
            str(self.key),
            f"http://127.0.0.1:{port}/v1",
            self._plan.log_of(number),
        )
        self._programs[number] = program
        return program

    def _fault_until_it_answers(self, program: ServerProgram) -> str | None:
        """Wait for a server; why it does not answer, or None."""
        end = time.monotonic() + self._plan.start_seconds
        while not self._stopping.is_set():
            how = program.end_within(_PROBE_EVERY_SECONDS)
            if how is not None:
                return f"ended ({how}) before it answered"
            if program.answers():
                return None
            if time.monotonic() > end:
                program.ask_to_end()
                program.wait_for_end()
                return f"did not answer within {self._plan.start_seconds:g} s (`start_seconds`)"
        return "was ended"

    def _said(self, number: int, program: ServerProgram, fault: str, lines: int | None = None) -> str:
        path = self._plan.log_of(number)
        last = program.last_lines()
        said = f"{self._plan.served.program} {number + 1} of {len(self.all)} {fault}"
        if lines is not None:
            return f"{said}; its last line ({path}): {''.join(last[-lines:])}"
        return "\n".join([f"{said}. Its last lines ({path}):", *(f"  {line}" for line in last)])

    def _end_with(self, fault: str) -> None:
        self.give_up(fault)
        self._tell()

    def _tell(self) -> None:
        with self._news:
            self._news.notify_all()
