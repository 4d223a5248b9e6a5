"""A stage's file to be made: what the runner gets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic

from finecops.records import StageRow
from finecops.runs.batches import Batch
from finecops.runs.checksums import FileChecksums
from finecops.runs.specification import Row, Work


def _none(rows: Mapping[str, StageRow]) -> set[str]:
    return set()


def _nothing(dropped: Sequence[str] | None) -> None:
    return None


@dataclass(frozen=True)
class StageJob(Generic[Row]):
    """A stage's file to be made.

    Attributes:
        work: the stage, and the files it reads.
        path: its final file.
        order: ids of the samples that the file has a row for, in its order.
        batches: the batches of those samples.
        checksums: of the final file as it was finished; None if it was not.
        again: ids whose input has changed since their rows were made.
        ask_again: from the rows that are there to the ids of failed ones that are asked again.
        begin: called before rows that are there are made again, with the ids of those that go; None: not known which.
        watch: is shown rows as they come, and may stop the run (`StopRunError`).
        place: which of the run's stages it is, in words ("2 of 4"); empty: the only one.
        seconds_after: how long the run's stages after it will take; None: not known.
        beside: the stages that do each batch after it.
        given: as `finecops.runs.run.RunOptions.given`.
    """

    work: Work[Row]
    path: Path
    order: Sequence[str]
    batches: Sequence[Batch]
    checksums: FileChecksums | None = None
    again: frozenset[str] = frozenset()
    ask_again: Callable[[Mapping[str, StageRow]], set[str]] = _none
    begin: Callable[[Sequence[str] | None], None] = _nothing
    watch: Callable[[Sequence[Row]], None] | None = None
    place: str = ""
    seconds_after: float | None = None
    beside: tuple[StageJob[Any], ...] = ()
    given: bool = False

    @property
    def unfinished(self) -> Path:
        """Where rows are kept until all are there."""
        return self.path.with_suffix(".jsonl.partial")
