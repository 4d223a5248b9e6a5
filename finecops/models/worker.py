"""Models that run in another Python environment, through a worker (`finecops.models.worker_process`)."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat, ValidationError

from finecops.boxes import clip_xyxy
from finecops.config.schema import MllmConfig, SpecialistConfig
from finecops.errors import ModelError
from finecops.images import Picture
from finecops.models.numbers import box_fault, probability_fault, weight_fault
from finecops.models.protocols import Query, QueryGroup, QuestionGroup
from finecops.models.redaction import one_line, redact
from finecops.models.worker_process import WorkerProcess
from finecops.replies.answer import Answer, Reply
from finecops.replies.letters import LetterScores
from finecops.replies.prompting import prompt_text

Box: TypeAlias = tuple[StrictFloat, StrictFloat, StrictFloat, StrictFloat]
"""Numbers, whole or not: a truth value or a text is no coordinate."""
Json: TypeAlias = dict[str, object]
"""A JSON object of the protocol (docs/models/workers.md)."""
_MOST_CHARACTERS = 200_000
"""The longest text of an answer."""


class WorkerAnswer(BaseModel):
    """A worker's answer to one query (docs/models/workers.md lists the keys). An unknown key is an error.

    Boxes are xyxy in pixels of the image that was sent.
    """

    # The answer comes from a foreign program: numbers that are not finite would spoil every later average.
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    boxes: list[Box] | None = None
    scores: list[StrictFloat] | None = None
    text: str | None = None
    tokens: list[str] | None = None
    probabilities: list[StrictFloat] | None = None
    letters: dict[str, StrictFloat] | None = None
    mass: StrictFloat | None = Field(default=None, ge=0, le=1)
    reject: StrictBool = False
    note: str | None = None
    error: str | None = None

    def fault(self, image_wh: tuple[int, int]) -> str | None:
        """The worker's own error, or what is wrong in the answer about an image of this size; None if it is valid."""
        if self.error is not None:
            return one_line(self.error)
        if self.boxes is not None and self.scores is not None and len(self.boxes) != len(self.scores):
            return f"{len(self.boxes)} boxes and {len(self.scores)} scores"
        if self.tokens is not None and len(self.tokens) != len(self.probabilities or ()):
            return "tokens and probabilities differ in number"
        if len(self.text or "") > _MOST_CHARACTERS:
            return f"its text has more than {_MOST_CHARACTERS:,} characters"
        return (
            box_fault(self.boxes or (), self.scores or (), image_wh)
            or probability_fault(self.probabilities or ())
            or weight_fault(self.letters or {})
        )

    def without_keys(self) -> WorkerAnswer:
        """The answer with keys hidden in its text; without its tokens where they echo one, maybe cut into several."""
        joined = "".join(self.tokens or ())
        changes: dict[str, object] = {"text": redact(self.text) if self.text is not None else None}
        changes["note"] = one_line(self.note) if self.note is not None else None
        if redact(joined) != joined:
            changes |= {"tokens": None, "probabilities": None}
        return self.model_copy(update=changes)


class WorkerModel:
    """A specialist and an MLLM in one class; see `finecops.models.protocols`. Each query fails alone.

    Raises:
        ConfigError: the command names an environment variable that is not set.
    """

    def __init__(self, config: SpecialistConfig | MllmConfig) -> None:
        self.config = config
        self.process = WorkerProcess(
            config.name,
            config.command,
            start_seconds=config.start_seconds,
            timeout_seconds=config.timeout_seconds,
        )

    def detect(self, groups: Sequence[QueryGroup]) -> list[list[Answer]]:
        """An answer per group and query, best box first."""
        return [
            [
                self._detections(answer, group.image)
                for answer in self._ask("detect", group.image, _texts(group.queries))
            ]
            for group in groups
        ]

    def ground(self, groups: Sequence[QueryGroup]) -> list[list[Reply]]:
        """A reply per group and query. The worker gets the prompt of the configuration."""
        assert isinstance(self.config, MllmConfig)
        results = []
        for group in groups:
            prompts = [prompt_text(self.config, query.text, query.target) for query in group.queries]
            asked = [text | {"prompt": prompt} for text, prompt in zip(_texts(group.queries), prompts, strict=True)]
            answers = self._ask("ground", group.image, asked)
            results.append([self._reply(p, a, group.image.size) for p, a in zip(prompts, answers, strict=True)])
        return results

    def choose(self, groups: Sequence[QuestionGroup]) -> list[list[LetterScores]]:
        """The probabilities of the letters per group and question, or the worker's text."""
        results = []
        for group in groups:
            asked: list[Json] = [{"prompt": q.prompt, "letters": list(q.letters)} for q in group.questions]
            answers = self._ask("choose", group.image, asked)
            results.append([_letters(q.prompt, q.letters, a) for q, a in zip(group.questions, answers, strict=True)])
        return results

    def _ask(
        self, task: Literal["detect", "ground", "choose"], image: Picture, asked: Sequence[Json]
    ) -> list[WorkerAnswer]:
        try:
            with _as_file(image) as path:
                answer = self.process.ask({"task": task, "image": path, "queries": asked})
            return self._parse(answer, len(asked), image.size)
        except ModelError as error:
            if len(asked) == 1:
                return [WorkerAnswer(error=str(error))]
            # Perhaps the worker fails on one of the queries only.
            return [answer for one in asked for answer in self._ask(task, image, [one])]

    def _parse(self, answer: Json, expected: int, image_wh: tuple[int, int]) -> list[WorkerAnswer]:
        """The answers to `expected` queries; an answer that is not valid becomes an error."""
        given = answer.get("answers")
        if not isinstance(given, list) or len(given) != expected:
            count = len(given) if isinstance(given, list) else "no"
            raise ModelError(f"worker {self.config.name} gave {count} answers to {expected} queries")
        parsed = []
        for item in given:
            try:
                found = WorkerAnswer.model_validate(item)
            except ValidationError as error:
                first = error.errors(include_url=False, include_input=False)[0]
                where = one_line(".".join(map(str, first["loc"])), 100)
                found = WorkerAnswer(error=f"its answer has {where}: {one_line(first['msg'], 300)}")
            fault = found.fault(image_wh)
            parsed.append(WorkerAnswer(error=f"worker {self.config.name}: {fault}") if fault else found.without_keys())
        return parsed

    def _detections(self, answer: WorkerAnswer, image: Picture) -> Answer:
        assert isinstance(self.config, SpecialistConfig)
        if answer.error is not None or answer.boxes is None:
            return Answer.failed(answer.error or f"worker {self.config.name} gave no boxes")
        boxes = clip_xyxy(np.array(answer.boxes, dtype=np.float64).reshape(-1, 4), image.size)
        # Without boxes, missing scores are an empty list, not an answer without scores.
        scores = np.array(answer.scores or []) if answer.scores is not None or not answer.boxes else None
        order = range(len(boxes)) if scores is None else np.argsort(-scores, kind="stable").tolist()
        return Answer.of_arrays(boxes, scores, answer.note).chosen(list(order)[: self.config.max_boxes])

    def _reply(self, prompt: str, answer: WorkerAnswer, image_wh: tuple[int, int]) -> Reply:
        text = answer.text or ""
        if answer.error is not None:
            return Reply.failed(prompt, answer.error, text)
        # An empty list says that nothing was found. With a text beside it, the text says what the model wrote.
        if answer.reject or (answer.boxes == [] and answer.text is None):
            return Reply(prompt, text, answer=Answer("reject"))
        if answer.boxes:
            scores = np.array(answer.scores) if answer.scores is not None else None
            found = Answer.of_arrays(clip_xyxy(np.array(answer.boxes, dtype=np.float64), image_wh), scores, answer.note)
            kind = self.config.score_meaning if scores is not None else None
            return Reply(prompt, text, answer=replace(found, score_kind=kind))
        return _text_reply(prompt, answer)


def _texts(queries: Sequence[Query]) -> list[Json]:
    return [{"text": query.text, "target": query.target, "span": query.span} for query in queries]


def _text_reply(prompt: str, answer: WorkerAnswer) -> Reply:
    if answer.text is None:
        return Reply.failed(prompt, "the worker gave neither a text nor boxes")
    tokens = tuple(answer.tokens) if answer.tokens is not None else None
    # Tokens that do not give the text cannot be assigned to its boxes.
    if tokens is not None and "".join(tokens) != answer.text:
        return Reply(prompt, answer.text)
    probabilities = tuple(answer.probabilities or ()) if tokens is not None else None
    return Reply(prompt, answer.text, token_texts=tokens, token_probs=probabilities)


def _letters(prompt: str, letters: Sequence[str], answer: WorkerAnswer) -> LetterScores:
    if answer.error is not None:
        return LetterScores(prompt, error=answer.error)
    if answer.letters is None:
        return LetterScores(prompt, reply=answer.text or "")
    # A letter that the worker leaves out has probability 0.
    found = [answer.letters.get(letter, 0.0) for letter in letters]
    total = sum(found)
    if total <= 0:
        return LetterScores(prompt, reply=answer.text or "")
    return LetterScores(prompt, tuple(p / total for p in found), mass=answer.mass, reply=answer.text)


@contextmanager
def _as_file(image: Picture) -> Iterator[str]:
    """The path of a file with the image: its original file, or a temporary PNG."""
    if image.original is not None:
        yield str(image.original.path.resolve())
        return
    with tempfile.TemporaryDirectory(prefix="finecops-") as folder:
        path = Path(folder) / "image.png"
        image.pixels.save(path)
        yield str(path)
