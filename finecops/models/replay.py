"""Replaying a file of predictions, sample by sample: for models that run only in their own code.

The file may be any that `finecops score` reads (`finecops.exchange.formats`). A sample without a row in the file fails:
a missing row is missing, never a rejection.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from finecops.boxes import clip_xyxy, iou_xyxy
from finecops.config.find import resolve
from finecops.config.schema import MllmConfig, SpecialistConfig
from finecops.errors import ConfigError, ModelError
from finecops.exchange import refexp_text
from finecops.exchange.formats import FORMATS, FileFormat
from finecops.exchange.json_lines import read_objects
from finecops.exchange.read import first_repeated, read_unchecked
from finecops.metrics.answers import OUTCOMES, Answers, AnswersBuilder
from finecops.models.numbers import box_fault
from finecops.models.protocols import Query, QueryGroup, Question, QuestionGroup
from finecops.names import unknown_name
from finecops.replies.answer import Answer, Reply
from finecops.replies.box_text import parse_boxes
from finecops.replies.letters import LetterScores

ImageWh = tuple[int, int]
_SAME_BOX_IOU = 0.85
"""Above this, a box of the file is the same as a candidate: the file may have rounded it. NMS (0.7) keeps no two
candidates that overlap as much."""


class Replay:
    """A specialist and an MLLM in one class; see `finecops.models.protocols`.

    Raises:
        ConfigError: the configuration names an unknown file format.
        ModelError: there is no such file, or it has two rows for one sample.
    """

    def __init__(self, config: SpecialistConfig | MllmConfig) -> None:
        self.config = config
        path = resolve(config.weights)
        if config.file_format not in FORMATS:
            raise ConfigError(f"{config.name}: {unknown_name('file_format', str(config.file_format), FORMATS)}")
        if not path.is_file():
            raise ModelError(
                f"{config.name} replays {config.weights}, which does not exist: make it with the model's own code "
                f"(docs/models), or name your file: {config.name}@FILE"
            )
        self._source: _Texts | _Boxes
        if isinstance(config, MllmConfig) and "box_format" in FORMATS[config.file_format].options:
            # The text is kept as the row's raw reply, so it is parsed here and not by the reader of the format.
            self._source = _Texts(config, path)
        else:
            file_format = FileFormat(config.file_format, score=config.file_score)
            self._source = _Boxes(read_unchecked(path, file_format, ()), path)

    def detect(self, groups: Sequence[QueryGroup]) -> list[list[Answer]]:
        """The boxes that the file has for each query's sample."""
        return [[self._detected(query, group.image.size) for query in group.queries] for group in groups]

    def ground(self, groups: Sequence[QueryGroup]) -> list[list[Reply]]:
        """The answer that the file has for each query's sample."""
        return [[self._reply(group, query) for query in group.queries] for group in groups]

    def choose(self, groups: Sequence[QuestionGroup]) -> list[list[LetterScores]]:
        """The letter of the option that has the file's box, or of None where the file has a rejection.

        The file must be made from the same candidates (`crs-letters`). An answer that is not an option is an error.
        """
        return [[self._chosen(group, question) for question in group.questions] for group in groups]

    def _chosen(self, group: QuestionGroup, question: Question) -> LetterScores:
        try:
            answer = self._answer(question.sample_id, group.image.size)
        except ModelError as error:
            return LetterScores(question.prompt, error=str(error))
        if answer.status == "failed":
            return LetterScores(question.prompt, error="the file says that the model failed")
        if answer.status == "unparsed":
            return LetterScores(question.prompt, reply="")
        # A rejection can only be the option None; a box can only be one of the others.
        options = [i for i, box in enumerate(question.boxes) if (box is None) == (answer.status == "reject")]
        if answer.boxes and options:
            shown = np.array([question.boxes[i] for i in options], dtype=np.float64)
            iou = iou_xyxy(shown, np.array(answer.boxes[0]))
            options = [options[int(iou.argmax())]] if iou.max() > _SAME_BOX_IOU else []
        if not options:
            what = "its answer is None, which" if answer.status == "reject" else f"its box {answer.boxes[0]}"
            unknown = f"{self.config.weights}: {what} is none of the options of sample {question.sample_id}"
            return LetterScores(question.prompt, error=unknown)
        return LetterScores(question.prompt, reply=question.letters[options[0]])

    def _detected(self, query: Query, image_wh: ImageWh) -> Answer:
        answer = self._answer(query.sample_id, image_wh)
        if isinstance(self.config, SpecialistConfig):
            answer = answer.chosen(range(len(answer.boxes))[: self.config.max_boxes])
        # No box at all needs no score: a router counts it as none.
        return answer if answer.boxes or answer.status != "box" else replace(answer, scores=())

    def _reply(self, group: QueryGroup, query: Query) -> Reply:
        try:
            answer = self._answer(query.sample_id, group.image.size)
        except ModelError as error:
            return Reply.failed("", str(error))
        text = self._source.text(query.sample_id) if isinstance(self._source, _Texts) else ""
        if answer.status == "failed":
            return Reply.failed("", "the file says that the model failed", text)
        return Reply("", text, answer=answer)

    def _answer(self, sample_id: str | None, image_wh: ImageWh) -> Answer:
        found = self._source.answer(sample_id, image_wh) if sample_id is not None else None
        if found is None:
            raise ModelError(f"{self.config.weights} has no row for sample {sample_id}")
        fault = box_fault(found.boxes, found.scores or (), image_wh)
        if fault is not None:
            raise ModelError(f"{self.config.weights}: sample {sample_id}: {fault}")
        clipped = clip_xyxy(found.xyxy, image_wh).tolist()
        return replace(found, boxes=tuple((x1, y1, x2, y2) for x1, y1, x2, y2 in clipped))


class _Texts:
    """A file of replies as text, parsed by the model's box format."""

    def __init__(self, config: MllmConfig, path: Path) -> None:
        self.config, self.path = config, path
        self.score = config.file_score or refexp_text.find_score_field(path)
        builder = AnswersBuilder(str(path))
        rows = [(number, row) for number, row in read_objects(path, builder, ("image_id",))]
        _refuse_repeated([str(row["image_id"]) for _, row in rows], path)
        self.rows = {str(row["image_id"]): (number, row) for number, row in rows}

    def text(self, sample_id: str | None) -> str:
        """The reply of a sample that has a row."""
        number, row = self.rows[str(sample_id)]
        return refexp_text.text_of(row, self.path, number)

    def answer(self, sample_id: str, image_wh: ImageWh) -> Answer | None:
        """The parsed reply, best box first; None without a row."""
        if sample_id not in self.rows:
            return None
        found = parse_boxes(self.config, self.text(sample_id), image_wh)
        scores = refexp_text.scores_of(self.rows[sample_id][1], self.score, found)
        if scores is None:
            return found
        # sorted() is stable: boxes of equal score keep the order of the text.
        order = sorted(range(len(scores)), key=lambda i: -scores[i])
        return replace(found, scores=tuple(scores), score_kind=self.score).chosen(order)


class _Boxes:
    """A file of boxes, with or without scores."""

    def __init__(self, answers: Answers, path: Path) -> None:
        _refuse_repeated(answers.ids, path)
        self.answers, self.index = answers, {id_: i for i, id_ in enumerate(answers.ids)}

    def answer(self, sample_id: str, image_wh: ImageWh) -> Answer | None:
        """The answer of a sample, best box first; None without a row."""
        index = self.index.get(sample_id)
        if index is None:
            return None
        # The boxes of all samples are in one array; `start` has where each sample's begin.
        rows = slice(self.answers.start[index], self.answers.start[index + 1])
        boxes, scores = self.answers.boxes[rows], self.answers.scores[rows]
        # In `Answers`, a box without a score has the score NaN.
        scored = len(scores) > 0 and not np.isnan(scores).any()
        if scored and not self.answers.ranked:
            order = np.argsort(-scores, kind="stable")
            boxes, scores = boxes[order], scores[order]
        return Answer(
            status=OUTCOMES[self.answers.outcome[index]],  # type: ignore[arg-type]
            boxes=tuple((x1, y1, x2, y2) for x1, y1, x2, y2 in boxes.tolist()),
            scores=tuple(scores.tolist()) if scored else None,
            score_kind="the file's" if scored else None,
        )


def _refuse_repeated(ids: Sequence[str], path: Path) -> None:
    twice = first_repeated(ids)
    if twice is not None:
        raise ModelError(f"{path}: two predictions for id {twice}; keep one of them")
