"""What became of the rows of a stage: kept, dropped or failed, and for which reasons."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from finecops.records import Record

KEPT, DROPPED, FAILED = "kept", "dropped", "failed"
NO_REASON: Final = "no reason given"
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_PATH = re.compile(r"\S*/\S+")


@dataclass(frozen=True)
class Outcome:
    """What one row says of itself.

    Attributes:
        status: `kept`, `dropped` or `failed`.
        reason: why it is not kept, or what was done instead.
        inner: reason → how many things in the row were left out (of an image: objects and paths).
    """

    status: str = KEPT
    reason: str | None = None
    inner: Mapping[str, int] = field(default_factory=dict)


def outcome_of(row: Record) -> Outcome:
    """What a row of `finecops.construction.samples` says of itself.

    A row without a status is kept, unless it has `kept`. A reason beside a kept row says what was done instead (the
    template stands) or what is missing (a score).
    """
    # The rows of the stages have what they need, and no base class.
    status = getattr(row, "status", None)
    if status is None:
        status = KEPT if getattr(row, "kept", True) else DROPPED
    reason = getattr(row, "reason", None)
    if status != KEPT and not reason:
        reason = NO_REASON
    return Outcome(status, reason, getattr(row, "dropped", {}))


def plain_reason(reason: str) -> str:
    """A reason without what is of one row alone: numbers, quoted texts and paths.

    >>> plain_reason("image a/7.jpg is 3x4; 'the cup' stands")
    "image … is NxN; '…' stands"
    """
    return _NUMBER.sub("N", _PATH.sub("…", _QUOTED.sub("'…'", reason)))


class Counts:
    """How many rows of a stage were kept, dropped and failed, and how often each reason was given."""

    def __init__(self) -> None:
        self.status: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        """Of rows that are not kept, or kept with a remark."""
        self.inner: Counter[str] = Counter()
        """Of what rows left out inside."""
        self.columns: Counter[str] = Counter()
        """Column of negatives (`replace_object/1`) → rows that were kept."""

    def add(self, row: Record, column: str | None = None) -> Outcome:
        """Count a row; returns what it says. Rows of negatives name their column themselves."""
        outcome = outcome_of(row)
        if column is None and hasattr(row, "type") and hasattr(row, "level"):
            column = f"{row.type}/{row.level}"
        self.status[outcome.status] += 1
        # Reasons are counted without what is of one row alone: "image … is NxN" is one reason, not thousands.
        if outcome.reason:
            self.reasons[plain_reason(outcome.reason)] += 1
        self.inner.update(outcome.inner)
        if column is not None and outcome.status == KEPT:
            self.columns[column] += 1
        return outcome

    @property
    def rows(self) -> int:
        """All of them."""
        return self.status.total()

    def __str__(self) -> str:
        shown = [f"{self.status[KEPT]} kept"]
        shown += [f"{self.status[name]} {name}" for name in (DROPPED, FAILED) if self.status[name]]
        return ", ".join(shown)
