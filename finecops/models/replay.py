"""Predictions that were made elsewhere, answered again sample by sample: the way to models with code of their own.

The file is any that `finecops eval --predictions` reads. A sample that it has no row for fails: a missing row is
missing, never a rejection.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from finecops.boxes import iou_xyxy
from finecops.config.find import resolve
from finecops.config.schema import MllmConfig, SpecialistConfig
from finecops.errors import ConfigError, ModelError
from finecops.exchange import refexp_text
from finecops.exchange.json_lines import read_objects
from finecops.exchange.read import FORMATS, FileFormat, first_repeated, read_unchecked
from finecops.metrics.answers import OUTCOMES, Answers, AnswersBuilder
from finecops.models.protocols import Query, QueryGroup, Question, QuestionGroup
from finecops.replies.answer import Answer, Reply
from finecops.replies.box_text import parse_boxes
from finecops.replies.letters import LetterScores

ImageWh = tuple[int, int]
_SAME_BOX_IOU = 0.85
"""A file may have rounded a candidate's box; two candidates are never as near to each other (NMS)."""


class Replay:
    """A specialist and an MLLM in one; see `finecops.models.protocols`."""

    def __init__(self, config: SpecialistConfig | MllmConfig) -> None:
        self.config = config
        path = resolve(config.weights)
        if config.file_format not in FORMATS:
            raise ConfigError(
                f"{config.name}: unknown file_format {config.file_format!r}; there are: {', '.join(FORMATS)}"
            )
        if not path.is_file():
            raise ModelError(
                f"{config.name} replays {config.weights}, which is not there: make the file with the model's own code "
                f"(docs/models), or name yours: {config.name}@FILE"
            )
        self._source: _Texts | _Boxes
        if isinstance(config, MllmConfig) and config.file_format == "refexp-text":
            self._source = _Texts(config, path)
        else:
            how = FileFormat(config.file_format, score=config.file_score)
            self._source = _Boxes(read_unchecked(path, how, ()), path)

    def detect(self, groups: Sequence[QueryGroup]) -> list[list[Answer]]:
        """The file's boxes of every query's sample."""
        return [[self._answer(query.sample_id, group.image.size) for query in group.queries] for group in groups]

    def ground(self, groups: Sequence[QueryGroup]) -> list[list[Reply]]:
        """The file's answer to every query's sample."""
        return [[self._reply(group, query) for query in group.queries] for group in groups]

    def choose(self, groups: Sequence[QuestionGroup]) -> list[list[LetterScores]]:
        """The letter of the option that is the file's box, or of None where the file rejects.

        For files made from the same candidates (`crs-letters`). An answer that is none of the options is an error.
        """
        return [[self._chosen(group, question) for question in group.questions] for group in groups]

    def _chosen(self, group: QuestionGroup, question: Question) -> LetterScores:
        try:
            read = self._answer(question.sample_id, group.image.size)
        except ModelError as error:
            return LetterScores(question.prompt, None, None, error=str(error))
        if read.status == "failed":
            return LetterScores(question.prompt, None, None, error="the file says that the model failed")
        if read.status == "unparsed":
            return LetterScores(question.prompt, None, None, "")
        places = [place for place, box in enumerate(question.boxes) if (box is None) == (read.status == "reject")]
        if read.boxes and places:
            shown = np.array([question.boxes[place] for place in places], dtype=np.float64)
            iou = iou_xyxy(shown, np.array(read.boxes[0]))
            places = [places[int(iou.argmax())]] if iou.max() > _SAME_BOX_IOU else []
        if not places:
            what = "its answer is None, which" if read.status == "reject" else f"its box {read.boxes[0]}"
            unknown = f"{self.config.weights}: {what} is none of the options of sample {question.sample_id}"
            return LetterScores(question.prompt, None, None, error=unknown)
        return LetterScores(question.prompt, None, None, question.letters[places[0]])

    def _reply(self, group: QueryGroup, query: Query) -> Reply:
        try:
            read = self._answer(query.sample_id, group.image.size)
        except ModelError as error:
            return Reply.failed("", str(error))
        text = self._source.text(query.sample_id) if isinstance(self._source, _Texts) else ""
        if read.status == "failed":
            return Reply.failed("", "the file says that the model failed", text)
        return Reply("", text, answer=read)

    def _answer(self, sample_id: str | None, image_wh: ImageWh) -> Answer:
        found = self._source.answer(sample_id, image_wh) if sample_id is not None else None
        if found is None:
            raise ModelError(f"{self.config.weights} has no row for sample {sample_id}")
        return found


class _Texts:
    """Answers as the model wrote them, read by its dialect."""

    def __init__(self, config: MllmConfig, path: Path) -> None:
        self.config, self.path = config, path
        self.score = config.file_score or refexp_text.find_score_field(path)
        builder = AnswersBuilder(str(path))
        rows = [(number, row) for number, row in read_objects(path, builder, ("image_id",))]
        _refuse_repeated([str(row["image_id"]) for _, row in rows], path)
        self.rows: Mapping[str, tuple[int, Mapping[str, Any]]] = {str(r["image_id"]): (n, r) for n, r in rows}

    def text(self, sample_id: str | None) -> str:
        number, row = self.rows[str(sample_id)]
        return refexp_text.text_of(row, self.path, number)

    def answer(self, sample_id: str, image_wh: ImageWh) -> Answer | None:
        if sample_id not in self.rows:
            return None
        found = parse_boxes(self.config, self.text(sample_id), image_wh)
        scores = refexp_text.scores_of(self.rows[sample_id][1], self.score, found)
        if scores is None:
            return found
        order = sorted(range(len(scores)), key=lambda i: -scores[i])
        return replace(found, scores=tuple(scores), score_kind=self.score).chosen(order)


class _Boxes:
    """Boxes and scores as the file has them."""

    def __init__(self, answers: Answers, path: Path) -> None:
        _refuse_repeated(answers.ids, path)
        self.answers, self.place = answers, {id_: i for i, id_ in enumerate(answers.ids)}

    def answer(self, sample_id: str, image_wh: ImageWh) -> Answer | None:
        place = self.place.get(sample_id)
        if place is None:
            return None
        rows = slice(self.answers.start[place], self.answers.start[place + 1])
        boxes, scores = self.answers.boxes[rows], self.answers.scores[rows]
        scored = len(scores) > 0 and not np.isnan(scores).any()
        if scored and not self.answers.ranked:
            order = np.argsort(-scores, kind="stable")
            boxes, scores = boxes[order], scores[order]
        return Answer(
            OUTCOMES[self.answers.outcome[place]],  # type: ignore[arg-type]
            tuple((x1, y1, x2, y2) for x1, y1, x2, y2 in boxes.tolist()),
            tuple(scores.tolist()) if scored else None,
            "the file's" if scored else None,
        )


def _refuse_repeated(ids: Sequence[str], path: Path) -> None:
    twice = first_repeated(ids)
    if twice is not None:
        raise ModelError(f"{path}: two predictions for id {twice}; keep one of them")
