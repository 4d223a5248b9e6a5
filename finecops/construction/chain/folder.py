"""The folder of a build: a file for each stage, and `build.json`, which says what each was made with."""

from __future__ import annotations

import errno
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

from filelock import FileLock, Timeout
from pydantic import Field, JsonValue

from finecops.construction.chain.stage import ORDER
from finecops.errors import RunError
from finecops.paths import open_regular
from finecops.records import Record
from finecops.runs.jsonl import write_json_atomically
from finecops.strict_json import parse_record
from finecops.text import shortly
from finecops.version import __version__

log = logging.getLogger(__name__)

BUILD_JSON: Final = "build.json"


class StageRecord(Record):
    """What is known of a stage's file."""

    state: Literal["begun", "done"]
    settings: dict[str, JsonValue]
    inputs: dict[str, str]
    """Stage or file that it reads → SHA-256."""
    sha256: str | None = None
    """Of the finished file."""
    beside: dict[str, str] = Field(default_factory=dict)
    """Other file that the stage wrote → SHA-256."""
    counts: dict[str, int] = Field(default_factory=dict)
    """`kept`, `dropped`, `failed` → rows."""
    reasons: dict[str, int] = Field(default_factory=dict)
    inner: dict[str, int] = Field(default_factory=dict)
    """Reason → things that rows left out inside: objects and paths of an image."""
    columns: dict[str, int] = Field(default_factory=dict)
    """Column of negatives → kept rows."""
    notes: list[str] = Field(default_factory=list)
    """What else is to be said, as quotas that were not met."""


class BuildRecord(Record):
    """The content of `build.json`."""

    finecops: str = __version__
    split: str
    stages: dict[str, StageRecord] = Field(default_factory=dict)


class BuildFolder:
    """`OUT/build/<split>/`: the stages of one split.

    Raises:
        RunError: its `build.json` is broken, or of another split.
    """

    def __init__(self, out: Path, split: str) -> None:
        self.out, self.split = out, split
        self.path = out / "build" / split
        self.stages: dict[str, StageRecord] = {}
        self.read()

    def read(self) -> None:
        """Read `build.json` again.

        Raises:
            RunError: as the class.
        """
        path = self.path / BUILD_JSON
        if not path.is_file():
            return
        try:
            with open_regular(path) as file:
                record = parse_record(file.read(), BuildRecord)
        except ValueError as error:
            raise RunError(f"{path} is broken: {error}. Delete {self.path}/ to begin anew") from error
        # A folder that was renamed: its rows have the old name in the ids of negative images.
        if record.split != self.split:
            raise RunError(f"{path} is of the split {shortly(record.split)}, not of {self.split}; choose another --out")
        self.stages = dict(record.stages)

    def file(self, stage: str) -> Path:
        """The finished file of a stage."""
        return self.path / f"{stage}.jsonl"

    def unfinished(self, stage: str) -> Path:
        """Where a stage's rows are kept until all are there."""
        return self.path / f"{stage}.jsonl.partial"

    def is_done(self, stage: str) -> bool:
        """Whether a stage's file is finished and there."""
        record = self.stages.get(stage)
        return record is not None and record.state == "done" and self.file(stage).is_file()

    def note(self, stage: str, record: StageRecord | None) -> None:
        """Keep what is known of a stage, or forget it."""
        if record is None:
            self.stages.pop(stage, None)
        else:
            self.stages[stage] = record
        content: dict[str, object] = {"finecops": __version__, "split": self.split}
        # In their own order, whichever was made again: the same build has the same bytes.
        names = sorted(self.stages, key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER))
        content["stages"] = {name: self.stages[name].model_dump(mode="json") for name in names}
        write_json_atomically(self.path / BUILD_JSON, content)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for this process alone.

        Raises:
            RunError: another process holds it, or it cannot be written to.
        """
        # No waiting: whoever starts a command twice by mistake shall know at once.
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with FileLock(self.path / "build.lock", timeout=0):
                yield
        except Timeout:
            raise RunError(f"another process builds in {self.path}/; wait for it or choose another --out") from None
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EFBIG):
                why = f"cannot write below {self.path}/: {error.strerror}"
                raise RunError(f"{why}. What was done is kept; make room and start again") from error
            raise
