"""The folder that keeps many answers: a command that was stopped goes on where it was."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final, TextIO

from filelock import FileLock, Timeout

from finecops.errors import RunError
from finecops.grounding.questions import Question
from finecops.grounding.records import Grounding, ImageFile
from finecops.paths import open_regular
from finecops.runs.checksums import sha256_of
from finecops.runs.failures import Retry
from finecops.runs.jsonl import append_rows, repair_torn_end, replace_rows, write_json_atomically
from finecops.runs.manifest import first_difference
from finecops.runs.specification import StageSpec
from finecops.strict_json import parse_json, parse_record
from finecops.text import counted

log = logging.getLogger(__name__)

ANSWERS: Final = "answers.jsonl"
ABOUT: Final = "ground.json"
PICTURES: Final = "pictures"


class GroundFolder:
    """Answers by question, in a file that grows.

    Args:
        folder: where they are kept; made if it is not there.
        specs: the stages that answer; with other settings the folder is refused.
        retry: which failed answers are asked again.

    Attributes:
        rows: the answers that are there, by question; read when the folder is locked.

    Raises:
        RunError: the folder has answers of other models or settings, or is no such folder.
    """

    def __init__(self, folder: Path, specs: Sequence[StageSpec[Any]], retry: Retry = "changed") -> None:
        self.folder, self._retry = folder, retry
        self._file: TextIO | None = None
        about = _about(specs)
        if folder.is_dir() and any(folder.iterdir()) and not (folder / ABOUT).is_file():
            raise RunError(f"{folder}/ is not empty, and `finecops ground` did not make it: choose another --out")
        folder.mkdir(parents=True, exist_ok=True)
        self._check_same(about)
        self.rows: dict[str, Grounding] = {}

    def _check_same(self, about: Mapping[str, Any]) -> None:
        path = self.folder / ABOUT
        if path.is_file():
            with open_regular(path) as file:
                difference = first_difference(parse_json(file.read()), json.loads(json.dumps(about)))
            if difference is not None:
                raise RunError(f"{self.folder}/ has answers of other settings: {difference}. Choose another --out")
        else:
            write_json_atomically(path, about)

    def _read(self, questions: Sequence[Question]) -> dict[str, Grounding]:
        path = self.folder / ANSWERS
        if not path.exists():
            return {}
        repair_torn_end(path)
        rows: dict[str, Grounding] = {}
        with open_regular(path) as file:
            for number, line in enumerate(file, start=1):
                try:
                    row = parse_record(line, Grounding)
                except ValueError as error:
                    raise RunError(f"{path}:{number}: not an answer: {error}. Delete the file to ask again") from error
                rows[row.id] = row
        failed = {id_ for id_, row in rows.items() if row.status == "failed" and self._retry != "none"}
        if failed:
            log.info("asking %s again (--keep-failed leaves them)", counted(len(failed), "failed question"))
        same = cache(_is_still)
        known = [(rows[q.id], q) for q in questions if q.id in rows]
        changed = {row.id for row, q in known if not (_is_of(row, q) and same(q.image, row.file))}
        if changed:
            log.info("asking %s again: image, sentence or box is another now", counted(len(changed), "question"))
        if again := failed | changed:
            rows = {id_: row for id_, row in rows.items() if id_ not in again}
            replace_rows(path, rows.values())
        return rows

    def answer_to(self, question: Question) -> Grounding | None:
        """The answer that is there; None: it was not asked, or something else was under this id."""
        row = self.rows.get(question.id)
        return row if row is not None and _is_of(row, question) else None

    def add(self, row: Grounding) -> None:
        """Keep an answer."""
        if self._file is None:
            self._file = (self.folder / ANSWERS).open("a", encoding="utf-8")
        self.rows[row.id] = row
        append_rows(self._file, [row])

    @contextmanager
    def locked(self, questions: Sequence[Question] = ()) -> Iterator[None]:
        """Held while answers are read and added.

        Args:
            questions: what will be asked; an answer to something else under the id of one of them is removed.

        Raises:
            RunError: another process adds some, or the file has something else than answers.
        """
        try:
            with FileLock(self.folder / ".lock", timeout=0):
                # Not before: reading repairs the file, under the hands of a process that is still writing it.
                self.rows = self._read(questions)
                yield
        except Timeout:
            raise RunError(f"another process is writing {self.folder}/; wait for it or choose another --out") from None
        finally:
            if self._file is not None:
                self._file.close()


def _is_of(row: Grounding, question: Question) -> bool:
    asked = question.shown, question.sentence, question.truth
    return (row.image, row.sentence, row.truth) == asked


def file_of(path: Path) -> ImageFile | None:
    """What an image's file is now; None: it cannot be read, or is no file: a queue or a device never ends."""
    try:
        if not path.is_file():
            return None
        state = path.stat()
        return ImageFile(size=state.st_size, modified=state.st_mtime_ns, sha256=sha256_of(path))
    except OSError:
        return None


def _is_still(path: Path, before: ImageFile | None) -> bool:
    """Whether a file is what it was. One that was not changed since is not read; of older answers nothing is known."""
    if before is None:
        return True
    try:
        state = path.stat()
    except OSError:
        return False
    if state.st_size != before.size or state.st_mtime_ns == before.modified:
        return state.st_size == before.size
    now = file_of(path)
    return now is not None and now.sha256 == before.sha256


def _about(specs: Sequence[StageSpec[Any]]) -> Mapping[str, Any]:
    """What changes an answer: the settings of every stage."""
    every = {spec.name: spec for last in specs for spec in last.walk()}
    return {"version": 1, "stages": {name: spec.settings.model_dump(mode="json") for name, spec in every.items()}}


def default_folder(source: Path, by: str, sentences: Sequence[str]) -> Path:
    """Where the answers of a folder or table are kept, unless `--out` says it."""
    words = f"{source.resolve()}\n" + "\n".join(sentences)
    return Path("outputs") / f"ground-{source.resolve().stem}-{by}-{hashlib.sha256(words.encode()).hexdigest()[:6]}"
