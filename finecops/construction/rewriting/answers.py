"""The cache of answers: a JSON Lines file, appended and flushed with each answer, so that none is asked for twice."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final, TextIO

from pydantic import JsonValue

from finecops.errors import RunError
from finecops.records import Record, Text
from finecops.runs.jsonl import append_rows, read_rows, repair_torn_end


class KeptAnswer(Record):
    """One line of the cache: what a model answered to one question."""

    key: str
    """See `answer_key`."""
    model: Text
    answer: JsonValue = None
    """None: the reply had no usable answer."""
    fault: Text | None = None
    """Then: what it had in place of one."""
    used: tuple[int, int] | None = None
    """Tokens of the request and of its reply. They stand once: with the first answer of a reply."""
    estimated: bool = False
    """Whether the server did not say how many."""


SPENT: Final = ""
"""The key of a line that has the tokens of a reply alone: nothing of it was kept."""


def answer_key(model: str, settings: Mapping[str, JsonValue], prompt: JsonValue) -> str:
    """The key of a question: SHA-256 of the model, its settings and the prompt with this question alone."""
    content = {"model": model, "settings": dict(settings), "prompt": prompt}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


class AnswerCache:
    """Answers by key, kept in a file, or in memory alone.

    Args:
        path: the file; it is made with the first answer. What a killed process left half written is cut off.

    Raises:
        RunError: a line is none of this file's.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._file: TextIO | None = None
        self._known: dict[str, KeptAnswer] = {}
        self.used: tuple[int, int] = (0, 0)
        """Tokens that all answers took, of requests and of replies."""
        self.is_estimate = False
        """Whether a part of them was estimated."""
        if path is not None and path.exists():
            # A line that is not whole is that of a process that was killed; its question is asked again.
            repair_torn_end(path)
            try:
                for row in read_rows(path, KeptAnswer):
                    self._add(row)
            except RunError as error:
                raise RunError(f"{error} (or delete the line: its question is then asked again)") from error

    def _add(self, row: KeptAnswer) -> None:
        if row.key != SPENT:
            self._known[row.key] = row
        if row.used is not None:
            self.used = (self.used[0] + row.used[0], self.used[1] + row.used[1])
            self.is_estimate = self.is_estimate or row.estimated

    @property
    def has_answers(self) -> bool:
        """Whether any question was ever answered."""
        return any(row.answer is not None for row in self._known.values())

    def __len__(self) -> int:
        return len(self._known)

    def get(self, key: str) -> KeptAnswer | None:
        """The answer to a question; None: it was never answered."""
        return self._known.get(key)

    def keep(self, answer: KeptAnswer) -> None:
        """Write an answer down.

        Raises:
            RunError: the file cannot be written.
        """
        self._add(answer)
        if self.path is None:
            return
        try:
            if self._file is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self.path.open("a", encoding="utf-8")
            append_rows(self._file, [answer])
        except OSError as error:
            raise RunError(f"{self.path} cannot be written: {os.strerror(error.errno or 0)}") from error

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None
