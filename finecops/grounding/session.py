"""One call of `finecops ground`: questions from anywhere, answers as they come, kept and drawn."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from finecops.errors import DataError, FailuresError
from finecops.grounding import questions as read
from finecops.grounding.folder import GroundFolder, default_folder
from finecops.grounding.grounder import Grounder
from finecops.grounding.pictures import picture_of, place_of, save
from finecops.grounding.questions import Question
from finecops.grounding.ready import check_models
from finecops.grounding.records import Grounding
from finecops.progress import progress
from finecops.runs.failures import CircuitBreaker, Retry

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Asked:
    """A question and its answer."""

    question: Question
    found: Grounding


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
        total: int | None = None
        if kind == "lines":
            questions: Iterable[Question] = read.of_lines(iter(sys.stdin))
        else:
            listed = self._listed(kind, source, sentences, boxes, images)
            questions, total = listed, len(listed)
        check_models(self._grounder)
        if kind in ("folder", "table"):
            folder = self._out or default_folder(source, self._grounder.by, sentences)
            self._folder = GroundFolder(folder, self._grounder.specs, self._retry)
        with self._folder.locked() if self._folder is not None else nullcontext():
            yield from self._answers(questions, total)

    def finish(self, count: int, failed: int, max_failed: float) -> None:
        """Say where everything is.

        Raises:
            FailuresError: a larger share than `max_failed` failed.
        """
        if self._folder is not None:
            log.info("%s/: %d answers%s", self._folder.folder, count, " and pictures" if self._draw else "")
        if failed and failed > max_failed * count:
            of = f"{failed} of {count} questions" if count > 1 else "the question"
            raise FailuresError(f"{of} failed; the reason stands with each")

    def _listed(
        self, kind: str, source: Path, sentences: Sequence[str], boxes: str | None, images: Path | None
    ) -> list[Question]:
        if kind == "table":
            return read.of_table(source, boxes, images)
        return read.of_folder(source, sentences) if kind == "folder" else read.of_image(source, sentences)

    def _answers(self, questions: Iterable[Question], total: int | None) -> Iterator[Asked]:
        waiting: list[Question] = []
        breaker = CircuitBreaker("ground", total or 0)
        done = 0
        bar = progress(what="ground", unit="question", total=total, leave=False)
        with bar:
            for asked in self._in_turn(questions, waiting):
                done += asked.found.status != "failed"
                breaker([answer.row for answer in asked.found.answers.values()], done)
                bar.update()
                bar.clear()
                yield asked

    def _in_turn(self, questions: Iterable[Question], waiting: list[Question]) -> Iterator[Asked]:
        """Answers that are there, and new ones, in the order of the questions."""
        for question in questions:
            kept = self._folder.answer_to(question) if self._folder is not None else None
            if kept is None:
                waiting.append(question)
                if len(waiting) < self._grounder.batch:
                    continue
            yield from self._new(waiting)
            waiting.clear()
            if kept is not None:
                yield Asked(question, kept)
        yield from self._new(waiting)

    def _new(self, questions: Sequence[Question]) -> Iterator[Asked]:
        for question, found in zip(questions, self._grounder.ask(questions), strict=True):
            drawn = self._with_picture(question, found)
            if self._folder is not None:
                self._folder.add(drawn)
            yield Asked(question, drawn)

    def _with_picture(self, question: Question, found: Grounding) -> Grounding:
        if not self._draw or not found.width:
            return found
        folder = self._folder.folder / "pictures" if self._folder is not None else self._out
        number = self._drawn[question.image] = self._drawn.get(question.image, 0) + 1
        path = place_of(question.image, number, folder)
        if self._folder is not None:
            # Two images of one name in different folders.
            path = path.with_name(f"{_plain(question.id)}-{path.name}")
        try:
            save(picture_of(found, question.image), path)
        except DataError as error:
            log.warning("%s", error)
            return found
        return found.model_copy(update={"picture": str(path)})


def _plain(id_: str) -> str:
    return "".join(char if char.isalnum() or char in "-_." else "_" for char in id_)[:60]
