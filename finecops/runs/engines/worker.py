"""A stage in another process than the runner's: what it gets and gives is text (`finecops.runs.engines.wire`)."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Sequence
from typing import Any

from finecops.errors import FinecopsError
from finecops.runs.batches import Batch
from finecops.runs.engines.local import result_of
from finecops.runs.engines.wire import Answer, Fault, Said, answer_to_text, batch_from_text, lines_of
from finecops.runs.specification import Work

log = logging.getLogger(__name__)


class _Ear(logging.Handler):
    """Keeps what is logged, to be handed over with the next answer."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Said] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append(Said(record.name, record.levelno, record.getMessage()))

    def take(self) -> list[Said]:
        heard, self.heard = self.heard, []
        return heard


class StageWorker:
    """A stage that works through batches one by one.

    It raises nothing for a stage that cannot be made: `ready` says so.
    """

    def __init__(self, work: Work[Any], level: int, threads: int | None = None) -> None:
        """
        Args:
            work: the stage.
            level: of messages that are handed over.
            threads: so many for a computation on the processor; None: as many as the environment says.
        """
        self._ear, own = _Ear(), logging.getLogger("finecops")
        own.setLevel(level)
        own.handlers[:], own.propagate = [self._ear], False
        self._work, self._fault = work, None
        try:
            self._stage = work.make_stage()
        except Exception as error:
            known = isinstance(error, FinecopsError)
            self._fault = Fault(type(error).__name__, str(error) if known else traceback.format_exc())
        if threads is not None and "torch" in sys.modules:
            import torch

            torch.set_num_threads(threads)

    def ready(self) -> str:
        """An answer without rows: what was logged so far, and the fault if the stage could not be made."""
        return answer_to_text(Answer(self._ear.take(), fault=self._fault))

    def __call__(self, text: str) -> str:
        """The answer to a batch."""
        return self.answer(*batch_from_text(text))

    def answer(self, batch: Batch, counted: bool) -> str:
        """The answer to a batch; `counted`: its operations shall be counted."""
        if self._fault is not None:
            return self.ready()
        result = result_of(self._work, self._stage, batch, counted)
        return answer_to_text(Answer(self._ear.take(), lines_of(result.rows), result.gflops_per_sample))


class Repeater:
    """Logs here what workers said elsewhere: each message once, since all of them load the same model."""

    def __init__(self) -> None:
        self._known: set[Said] = set()

    def __call__(self, said: Sequence[Said]) -> None:
        """Log what is new."""
        for one in said:
            if one not in self._known:
                self._known.add(one)
                logging.getLogger(one.logger).log(one.level, "%s", one.message)


def level_here() -> int:
    """The level from which this process logs messages of finecops."""
    return logging.getLogger("finecops").getEffectiveLevel()
