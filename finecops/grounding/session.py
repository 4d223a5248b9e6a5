"""One call of `finecops ground`: questions from anywhere, answers as they come, kept and drawn."""

from __future__ import annotations

import logging
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from finecops.errors import DataError, FailuresError
from finecops.grounding import questions as read
from finecops.grounding.folder import PICTURES, GroundFolder, default_folder, file_of
from finecops.grounding.grounder import Grounder
from finecops.grounding.pictures import picture_of, place_of, save
from finecops.grounding.questions import Question
from finecops.grounding.ready import check_models
from finecops.grounding.records import Grounding
from finecops.paths import plain_name
from finecops.progress import progress
from finecops.records import StageRow
from finecops.runs.failures import CircuitBreaker, Retry
from finecops.strategies.running import REAL_MODELS
from finecops.text import counted

log = logging.getLogger(__name__)

# A server has the MLLM alone: beside it the router and the specialist would still be those of the preset.
_REAL_MODELS = f"{REAL_MODELS}, or a server alone: --by mllm --mllm qwen2.5-vl-7b-server --base-url http://HOST:PORT/v1"


@dataclass(frozen=True)
class Asked:
    """A question and its answer."""

    question: Question
    found: Grounding
    kept: bool = False
    """Whether it was there from an earlier call."""


class Session:
    """Asks, draws and keeps.

    Args:
        grounder: the models.
        out: the folder of pictures and answers; None: beside the image, or below `outputs/`.
        draw: whether pictures are drawn.
        retry: which failed answers that are there are asked again.
    """

    def __init__(self, grounder: Grounder, out: Path | None, draw: bool, retry: Retry) -> None:
        self._grounder, self._out, self._draw, self._retry = grounder, out, draw, retry
        self._folder: GroundFolder | None = None
        self._drawn: dict[Path, int] = {}
        self._taken: set[Path] = set()
        # An image with many sentences is read once more, and not once for each.
        self._file_of = cache(file_of)
        self._breakers: dict[str, CircuitBreaker] = {}

    def ask(
        self, kind: str, source: Path, sentences: Sequence[str], boxes: str | None, images: Path | None
    ) -> Iterator[Asked]:
        """Every question with its answer, in their order.

        Args:
            kind: `image`, `folder`, `table` or `lines`.
            source: the file or folder; standard input for `lines`.
            sentences: of an image or a folder.
            boxes: what the numbers of a table's boxes mean.
            images: where a table's images are.

        Raises:
            FinecopsError: what is asked or a model is not there.
        """
        listed: list[Question] | None = None
        if kind != "lines":
            listed = self._listed(kind, source, sentences, boxes, images)
        check_models(self._grounder, _REAL_MODELS)
        if kind in ("folder", "table"):
            folder = self._out or default_folder(source, self._grounder.by, sentences)
            self._folder = GroundFolder(folder, self._grounder.specs, self._retry)
        questions: Iterable[Question] = read.of_lines(iter(sys.stdin)) if listed is None else listed
        with self._folder.locked(listed or ()) if self._folder is not None else nullcontext():
            # Pictures of earlier calls are answers' too.
            kept = self._folder.rows.values() if self._folder is not None else ()
            self._taken.update(Path(row.picture) for row in kept if row.picture is not None)
            # Another program may wait for each answer before it writes the next line.
            yield from self._answers(questions, None if listed is None else len(listed), ahead=kind != "lines")

    def finish(self, count: int, failed: int, max_failed: float) -> None:
        """Say where everything is.

        Raises:
            FailuresError: a larger share than `max_failed` failed.
        """
        if self._folder is not None:
            pictures = f"; pictures in {PICTURES}/" if self._draw else ""
            log.info("%s/: %s%s", self._folder.folder, counted(count, "answer"), pictures)
        if failed and failed > max_failed * count:
            of = f"{failed} of {count} questions" if count > 1 else "the question"
            raise FailuresError(f"{of} failed; the reason stands with each")

    def _listed(
        self, kind: str, source: Path, sentences: Sequence[str], boxes: str | None, images: Path | None
    ) -> list[Question]:
        if kind == "table":
            return read.of_table(source, boxes, images)
        return read.of_folder(source, sentences) if kind == "folder" else read.of_image(source, sentences)

    def _answers(self, questions: Iterable[Question], total: int | None, ahead: bool) -> Iterator[Asked]:
        done = 0
        bar = progress(what="ground", unit="question", total=total, leave=False)
        with bar:
            for asked in self._in_turn(questions, ahead):
                done += asked.found.status != "failed"
                bar.update()
                bar.clear()
                yield asked
                if not asked.kept:
                    self._stop_where_all_fails(asked.found, done, total)

    def _stop_where_all_fails(self, found: Grounding, done: int, total: int | None) -> None:
        """A breaker for each stage, as in a run: the specialist's answers hide no MLLM that is down.

        Raises:
            FailuresError: one stage failed on many questions in a row, for one reason.
        """
        rows: dict[str, StageRow | None] = {name: answer.row for name, answer in found.answers.items()}
        rows |= {"targets": found.target, "routes": found.route, "candidates": found.candidates}
        for stage, row in rows.items():
            if row is not None:
                of = total if self._folder is not None else None
                breaker = self._breakers.setdefault(stage, CircuitBreaker(f"ground: {stage}", of))
                breaker([row], done)

    def _in_turn(self, questions: Iterable[Question], ahead: bool) -> Iterator[Asked]:
        """Answers that are there, and new ones, in the order of the questions."""
        taken: deque[tuple[Question, Grounding | None]] = deque()

        def without_answer() -> Iterator[Question]:
            for question in questions:
                kept = self._folder.answer_to(question) if self._folder is not None else None
                taken.append((question, kept))
                if kept is None:
                    yield question

        def answered() -> Iterator[Asked]:
            # One that is there does not overtake those that wait.
            while taken and (kept := taken[0][1]) is not None:
                yield Asked(taken.popleft()[0], kept, kept=True)

        # Questions are taken ahead of their answers, which come in the same order.
        for found in self._grounder.ask(without_answer(), ahead):
            yield from answered()
            yield self._new(taken.popleft()[0], found)
        yield from answered()

    def _new(self, question: Question, found: Grounding) -> Asked:
        drawn = self._with_picture(question, found)
        if self._folder is not None:
            # Of a picture that could not be read, the file may be anything, and endless.
            file = self._file_of(question.image) if found.width else None
            drawn = drawn.model_copy(update={"file": file})
            self._folder.add(drawn)
        return Asked(question, drawn)

    def _with_picture(self, question: Question, found: Grounding) -> Grounding:
        if not self._draw or not found.width:
            return found
        folder = self._folder.folder / PICTURES if self._folder is not None else self._out
        path = self._new_place(question, folder)
        try:
            save(picture_of(found, question.image), path)
        except DataError as error:
            log.warning("%s", error)
            return found
        return found.model_copy(update={"picture": str(path)})

    def _new_place(self, question: Question, folder: Path | None) -> Path:
        """Where the next picture of an image goes: never where another picture of this call or folder is."""
        # Images of one name may lie in several folders, and differ only in what is not in a picture's name.
        named = self._folder is not None and not question.id.startswith(question.image.name)
        before = f"{plain_name(question.id, 30)}-" if named else ""
        first = place_of(question.image, 1, folder, before)
        while True:
            number = self._drawn[first] = self._drawn.get(first, 0) + 1
            path = place_of(question.image, number, folder, before)
            if path not in self._taken:
                self._taken.add(path)
                return path
