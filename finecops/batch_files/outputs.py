"""The output files of batches: lines in any order, with an answer or an error each, in any number of files.

A line has the form of OpenAI's batch interface, which `vllm run-batch` and most services write too:
`{"custom_id": …, "response": {"status_code": 200, "body": {…}}, "error": null}`. Error files have the same lines.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from typing import Any, Final

from finecops.errors import DataError, ModelError
from finecops.models.completion import Completion, completion_of
from finecops.models.redaction import one_line
from finecops.models.refusals import detail_of
from finecops.models.server_client import MOST_REPLY_BYTES, ReplyError
from finecops.paths import open_regular
from finecops.text import shortly

log = logging.getLogger(__name__)

_MOST_LINE_BYTES: Final = MOST_REPLY_BYTES + 100_000
_SHOWN: Final = "batch"
"""How the reasons of failed rows begin, where those of a server begin with its URL."""


@dataclass(frozen=True)
class _Place:
    """Where a line is."""

    file: int
    number: int
    offset: int
    answered: bool


@dataclass
class OutputFiles:
    """The lines of output files, of which the places are held.

    Attributes:
        paths: the files.
        model: the model that was asked.
        lines: how many there are.
        others: lines that answer no request of the export.
        repeated: lines about a request that another line is about too.
    """

    paths: Sequence[Path]
    model: str
    lines: int = 0
    others: int = 0
    repeated: int = 0
    _places: dict[bytes, _Place] = field(default_factory=dict)
    _files: list[BufferedReader] = field(default_factory=list)

    def read(self, wanted: Set[bytes]) -> None:
        """Find the lines that answer some requests.

        Args:
            wanted: their ids.

        Raises:
            DataError: a file is not there or is no output file, or two lines give one request different answers.
        """
        for index, path in enumerate(self.paths):
            if not path.is_file():
                raise DataError(f"no output file {path}")
            self._files.append(open_regular(path))
            for number, offset, row in _rows(path, self._files[index]):
                self.lines += 1
                id_ = _id_of(row["custom_id"])
                if id_ is None or id_ not in wanted:
                    self.others += 1
                    continue
                # Only the place is kept: a million answers with their log-probabilities take gigabytes.
                answered = isinstance(answer_of(row, self.model), Completion)
                self._add(id_, _Place(index, number, offset, answered))

    def answer(self, id_: bytes) -> Completion | ModelError | None:
        """What was answered to a request; None: no line is about it."""
        place = self._places.get(id_)
        return None if place is None else answer_of(self._row(place), self.model)

    @property
    def answered(self) -> int:
        """Requests with an answer."""
        return sum(place.answered for place in self._places.values())

    @property
    def failed(self) -> int:
        """Requests with an error."""
        return len(self._places) - self.answered

    def _add(self, id_: bytes, new: _Place) -> None:
        old = self._places.setdefault(id_, new)
        if old is new:
            return
        self.repeated += 1
        if new.answered and not old.answered:
            # It was asked again, and answered.
            self._places[id_] = new
        elif new.answered and answer_of(self._row(old), self.model) != answer_of(self._row(new), self.model):
            raise DataError(
                f"{self._where(new)} answers the request {id_.hex()} otherwise than {self._where(old)}: nothing says "
                "which is right; leave one of them out"
            )

    def _row(self, place: _Place) -> Any:
        file = self._files[place.file]
        file.seek(place.offset)
        return json.loads(file.readline(_MOST_LINE_BYTES))

    def _where(self, place: _Place) -> str:
        return f"{self.paths[place.file]}:{place.number}"


def _rows(path: Path, file: BufferedReader) -> Iterator[tuple[int, int, Mapping[str, Any]]]:
    """Number, place and content of each line.

    Raises:
        DataError: one is none of an output file.
    """
    offset = number = 0
    while line := file.readline(_MOST_LINE_BYTES):
        number += 1
        whole = line.endswith(b"\n")
        if len(line) == _MOST_LINE_BYTES and not whole:
            raise DataError(f"{path}:{number}: a line of more than {_MOST_LINE_BYTES:,} bytes")
        if line.strip():
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                if whole:
                    raise DataError(f"{path}:{number}: no JSON: {shortly(str(error))}") from None
                log.warning("%s: the last line, %d, is cut off: is the file complete?", path, number)
                return
            yield number, offset, _checked(path, number, row)
        offset += len(line)
        # Answers are read in between.
        file.seek(offset)


def _checked(path: Path, number: int, row: object) -> Mapping[str, Any]:
    if not isinstance(row, dict) or not isinstance(row.get("custom_id"), str):
        raise DataError(f"{path}:{number}: no line of a batch's output: it has no custom_id")
    # An easy mistake, since both are JSON Lines with the same ids.
    if "body" in row and "url" in row:
        raise DataError(f"{path}:{number}: a request, not an answer: the output files of the batch are meant")
    return row


def _id_of(custom_id: str) -> bytes | None:
    try:
        return bytes.fromhex(custom_id)
    except ValueError:
        return None


def answer_of(row: Mapping[str, Any], model: str) -> Completion | ModelError:
    """What a line says: the answer of a model, checked, or the error."""
    response, error = row.get("response"), row.get("error")
    if not isinstance(response, dict):
        return ModelError(f"{_SHOWN}: {_said(error) or 'neither an answer nor an error'}")
    # Some services leave the status of an answer out.
    status = response.get("status_code", 200)
    if status != 200 or error:
        said = _said(error) or _said(response.get("body"))
        return ModelError(f"{_SHOWN}: Error code: {shortly(status, 20)}" + (f": {said}" if said else ""))
    try:
        return completion_of(response.get("body"), model)
    except ReplyError as fault:
        return ModelError(f"{_SHOWN}: {one_line(str(fault))}")


def _said(error: object) -> str:
    """What an error says; the protocol of chat completions has it in a field `error`."""
    inner = error.get("error") if isinstance(error, dict) else None
    return detail_of(inner if isinstance(inner, dict) else error) if error else ""
