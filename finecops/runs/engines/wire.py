"""Batches and rows as text, as engines pass them between processes and machines.

JSON of the records themselves: a row comes out of it as it comes out of its file, and nothing in it can run code.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from finecops import errors
from finecops.errors import FinecopsError
from finecops.records import Sample
from finecops.runs.batches import Batch
from finecops.runs.engines.local import BatchResult
from finecops.runs.specification import ImageGroup, Row


@dataclass(frozen=True)
class Said:
    """A message that a worker logged."""

    logger: str
    level: int
    message: str


@dataclass(frozen=True)
class Fault:
    """Why a worker could not make its stage: an exception's class, and what it says."""

    kind: str
    message: str

    def as_error(self) -> Exception:
        """The exception: of finecops' own kinds the same one, anything else a bug with its traceback as the text."""
        known = getattr(errors, self.kind, None)
        if isinstance(known, type) and issubclass(known, FinecopsError):
            return known(self.message)
        return RuntimeError(f"in a worker:\n{self.message}")


@dataclass(frozen=True)
class Answer:
    """What a worker hands over: what it logged, and the rows of a batch as lines, or a fault, or nothing more."""

    said: list[Said] = field(default_factory=list)
    rows: list[str] = field(default_factory=list)
    gflops: float | None = None
    fault: Fault | None = None


def batch_to_text(batch: Batch, counted: bool) -> str:
    """A batch as JSON; paths of images are made absolute. `counted`: its operations shall be counted."""
    groups = [[str(group.image.absolute()), [s.model_dump_json() for s in group.samples]] for group in batch]
    return json.dumps({"groups": groups, "counted": counted})


def batch_from_text(text: str) -> tuple[Batch, bool]:
    """A batch, and whether its operations shall be counted."""
    raw = json.loads(text)
    groups = (
        ImageGroup(Path(image), tuple(Sample.model_validate_json(sample) for sample in samples))
        for image, samples in raw["groups"]
    )
    return tuple(groups), bool(raw["counted"])


def answer_to_text(answer: Answer) -> str:
    """An answer as JSON."""
    said = [[one.logger, one.level, one.message] for one in answer.said]
    fault = [answer.fault.kind, answer.fault.message] if answer.fault is not None else None
    return json.dumps({"said": said, "rows": answer.rows, "gflops": answer.gflops, "fault": fault})


def answer_from_text(text: str) -> Answer:
    """An answer."""
    raw = json.loads(text)
    fault = Fault(*raw["fault"]) if raw["fault"] is not None else None
    return Answer([Said(*one) for one in raw["said"]], raw["rows"], raw["gflops"], fault)


def lines_of(rows: Sequence[Row]) -> list[str]:
    """Rows as the lines that a file of them has."""
    return [row.model_dump_json() for row in rows]


def result_from(answer: Answer, row_type: type[Row]) -> BatchResult[Row]:
    """The rows of an answer."""
    return BatchResult([row_type.model_validate_json(line) for line in answer.rows], answer.gflops)
