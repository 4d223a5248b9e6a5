"""Failed rows: what causes them, which are asked again, and when there are too many."""

from __future__ import annotations

import hashlib
import logging
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar, runtime_checkable

from finecops.datasets.parts import with_ids
from finecops.errors import DataError, FailuresError, TextLengthError
from finecops.records import Sample, StageRow

Row = TypeVar("Row", bound=StageRow)
Retry = Literal["changed", "all", "none"]
"""Which failed rows are asked again: those whose cause may have gone (`changed`), all, or none."""

MAX_FAILED = 0.05
"""A larger share of failed rows stops a run, unless the user allows more."""
MAX_IN_A_ROW = 64
"""So many failures in a row for one reason stop a stage: the cause is not the samples."""

_NUMBER = re.compile(r"\d+")

log = logging.getLogger(__name__)


def is_failed(row: StageRow) -> bool:
    """Whether a row says that there is no answer."""
    return getattr(row, "status", None) == "failed"


def data_checksum(image: Path, sample: Sample) -> str:
    """What tells a sample's own data, as it is now, from other data: 16 hexadecimal digits."""
    content = f"{_image_checksum(image)}\n{sample.width}x{sample.height}\n{sample.expression}"
    return hashlib.sha256(content.encode(errors="surrogatepass")).hexdigest()[:16]


@lru_cache(maxsize=1024)
def _checksum_of_state(image: Path, modified: int, size: int) -> str:
    try:
        return hashlib.sha256(image.read_bytes()).hexdigest()
    except OSError as error:
        return type(error).__name__


def _image_checksum(image: Path) -> str:
    from finecops.archives.zip_images import unpack_if_zipped

    try:
        # An image in a zip file: the file may have been replaced by a whole one.
        unpack_if_zipped(image)
        state = image.stat()
    except (OSError, DataError):
        return "missing"
    return _checksum_of_state(image, state.st_mtime_ns, state.st_size)


def with_cause(row: Row, error: Exception, image: Path, sample: Sample) -> Row:
    """A failure row that says whether the sample's own data is the cause."""
    if not isinstance(error, DataError | TextLengthError):
        return row
    return row.model_copy(update={"cause": "data", "data_sha256": data_checksum(image, sample)})


def to_ask_again(
    rows: Mapping[str, StageRow], samples: Sequence[Sample], image_path: Callable[[Sample], Path], retry: Retry
) -> set[str]:
    """Ids of the failed rows that are asked again.

    A row that failed by its own data is asked again where that data has changed. A row that failed by its input waits
    for the input: the stage before it asks again.
    """
    if retry == "none":
        return set()
    again = set()
    failed = {id_: rows[id_] for id_ in rows.tally.failed} if isinstance(rows, Tallied) else _failed_of(rows)
    for sample in with_ids(samples, failed) if failed else ():
        row = failed[sample.id]
        same_data = row.cause == "data" and row.data_sha256 == data_checksum(image_path(sample), sample)
        if retry == "all" or not (same_data or row.cause == "input"):
            again.add(sample.id)
    return again


def _failed_of(rows: Mapping[str, StageRow]) -> dict[str, StageRow]:
    return {id_: row for id_, row in rows.items() if is_failed(row)}


def plain_note(note: str) -> str:
    """A row's note, numbers in it replaced by N: so notes are counted."""
    return _NUMBER.sub("N", note)


class Tally:
    """What some rows say of failures and notes, counted as they come."""

    def __init__(self) -> None:
        self.failed: list[str] = []
        """The ids of rows that failed."""
        self.notes: Counter[str] = Counter()
        """How many rows have which note, numbers in it replaced by N."""
        self._counts: Counter[str] = Counter()
        self._written: dict[str, set[str]] = {}

    def add(self, row: Any) -> None:
        """Count a row, or the head of one (`finecops.runs.row_check`)."""
        note = getattr(row, "note", None)
        if note:
            self.notes[plain_note(note)] += 1
        if is_failed(row):
            self.failed.append(row.sample_id)
            plain = plain_reason(row)
            self._counts[plain] += 1
            self._written.setdefault(plain, set()).add(_reason(row))

    def add_all(self, rows: Iterable[Any]) -> None:
        """Count rows or heads."""
        for row in rows:
            # Nearly all rows say neither.
            if getattr(row, "note", None) or getattr(row, "status", None) == "failed":
                self.add(row)

    @property
    def reasons(self) -> Counter[str]:
        """How many rows failed for which reason, as `reason_counts` gives it."""
        shown: Counter[str] = Counter()
        for plain, n in self._counts.items():
            written = self._written[plain]
            shown[next(iter(written)) if len(written) == 1 else plain] += n
        return shown


@runtime_checkable
class Tallied(Protocol):
    """Rows that were counted as they were read."""

    @property
    def tally(self) -> Tally:
        """The counts."""
        ...


def reason_counts(rows: Iterable[StageRow]) -> Counter[str]:
    """How many failed rows have which reason.

    Like reasons are counted as one. Where they differ in their numbers, these are replaced by N.
    """
    tally = Tally()
    for row in rows:
        tally.add(row)
    return tally.reasons


def _reason(row: StageRow) -> str:
    return row.reason or "no reason"


def plain_reason(row: StageRow) -> str:
    """A row's reason without what is its sample's own."""
    # The id as a whole word: "815" is not the sample in port 43815.
    own = re.compile(rf"(?<!\w){re.escape(row.sample_id)}(?!\w)")
    return _NUMBER.sub("N", own.sub("ID", _reason(row)))


def most_frequent(counts: Mapping[str, int], most: int = 3) -> str:
    """The most frequent reasons, each with its count."""
    return "; ".join(f"{n} × {reason}" for reason, n in Counter(counts).most_common(most))


def refuse_too_many(stage: str, failed: int, rows: int, reasons: Mapping[str, int], max_failed: float) -> None:
    """Say how many rows of a stage failed, and why.

    Raises:
        FailuresError: a larger share than `max_failed`.
    """
    if not failed:
        return
    share = failed / rows
    said = f"{stage}: {failed} of {rows} samples failed: {most_frequent(reasons)}"
    if share > max_failed:
        raise FailuresError(
            f"{said}. That is {share:.1%}, more than --max-failed {max_failed:g} allows. The rows are kept; the same "
            "command asks the failed ones again"
        )
    log.warning("%s", said)


class CircuitBreaker:
    """Stops a stage where many answers in a row fail for one reason: a server is down, a file is not there."""

    def __init__(self, stage: str, total: int | None, limit: int = MAX_IN_A_ROW) -> None:
        """
        Args:
            stage: its name, for the message.
            total: how many samples it has; None: it is not known, and what is done is not kept.
            limit: so many failures in a row are too many.
        """
        self.stage, self.total, self.limit = stage, total, limit
        self._reason, self._in_a_row = "", 0

    def __call__(self, rows: Sequence[StageRow], done: int) -> None:
        """Look at the next rows; `done` are those of the whole stage that did not fail.

        Raises:
            FailuresError: the limit is reached.
        """
        for row in rows:
            if not is_failed(row):
                self._in_a_row = 0
                continue
            # A broken image says nothing about the model, and an empty input nothing about this stage.
            if row.cause is not None:
                continue
            reason = plain_reason(row)
            self._in_a_row = self._in_a_row + 1 if reason == self._reason else 1
            self._reason = reason
            if self._in_a_row >= self.limit:
                kept = f"{done} of {self.total} samples are done and kept; the same command goes on from there"
                raise FailuresError(
                    f"{self.stage}: {self.limit} answers in a row failed: {row.reason}. "
                    f"{kept if self.total is not None else f'{done} were answered before'}"
                )
