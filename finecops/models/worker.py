"""Models that run in another Python environment, through a worker (`finecops.models.worker_process`)."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from finecops.boxes import clip_xyxy
from finecops.config.schema import MllmConfig, SpecialistConfig
from finecops.errors import ModelError
from finecops.images import Picture
from finecops.models.protocols import Query, QueryGroup, QuestionGroup
from finecops.models.worker_process import WorkerProcess
from finecops.records import Xyxy
from finecops.replies.answer import Answer, Reply
from finecops.replies.letters import LetterScores
from finecops.replies.prompting import prompt_text

Json: TypeAlias = dict[str, object]
"""A JSON object of the protocol (docs/models/workers.md)."""


class WorkerAnswer(BaseModel):
    """A worker's answer to one query (docs/models/workers.md lists the keys). An unknown key is an error.

    Boxes are xyxy in pixels of the image that was sent.
    """

    # The answer comes from a foreign program: numbers that are not finite would spoil every later average.
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    boxes: list[Xyxy] | None = None
    scores: list[float] | None = None
    text: str | None = None
    tokens: list[str] | None = None
    probabilities: list[float] | None = None
    letters: dict[str, float] | None = None
    mass: float | None = Field(default=None, ge=0, le=1)
    reject: bool = False
    note: str | None = None
    error: str | None = None

    def fault(self) -> str | None:
        """The worker's own error, or what is inconsistent in the answer; None if it is valid."""
        if self.error is not None:
            return self.error
        if self.boxes is not None and self.scores is not None and len(self.boxes) != len(self.scores):
            return f"{len(self.boxes)} boxes and {len(self.scores)} scores"
        if any(x1 > x2 or y1 > y2 for x1, y1, x2, y2 in self.boxes or ()):
            return "a box has its corners in the wrong order"
        if self.tokens is not None and len(self.tokens) != len(self.probabilities or ()):
            return "tokens and probabilities differ in number"
        return None


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
            results.append([_reply(p, a, self.config.score) for p, a in zip(prompts, answers, strict=True)])
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
                return self._parse(self.process.ask({"task": task, "image": path, "queries": asked}), len(asked))
        except ModelError as error:
            if len(asked) == 1:
                return [WorkerAnswer(error=str(error))]
            # Perhaps the worker fails on one of the queries only.
            return [answer for one in asked for answer in self._ask(task, image, [one])]

    def _parse(self, answer: Json, expected: int) -> list[WorkerAnswer]:
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
                first = error.errors(include_url=False)[0]
                found = WorkerAnswer(error=f"its answer has {'.'.join(map(str, first['loc']))}: {first['msg']}")
            fault = found.fault()
            parsed.append(WorkerAnswer(error=f"worker {self.config.name}: {fault}") if fault else found)
        return parsed

    def _detections(self, answer: WorkerAnswer, image: Picture) -> Answer:
        assert isinstance(self.config, SpecialistConfig)
        if answer.error is not None or answer.boxes is None:
            return Answer.failed(answer.error or f"worker {self.config.name} gave no boxes")
        boxes = clip_xyxy(np.array(answer.boxes, dtype=np.float64).reshape(-1, 4), image.size)
        # Without boxes, missing scores are an empty list, not an answer without scores.
        scores = np.array(answer.scores) if answer.scores is not None or not answer.boxes else None
        order = range(len(boxes)) if scores is None else np.argsort(-scores, kind="stable").tolist()
        return Answer.of_arrays(boxes, scores, answer.note).chosen(list(order)[: self.config.max_boxes])


def _texts(queries: Sequence[Query]) -> list[Json]:
    return [{"text": query.text, "target": query.target, "span": query.span} for query in queries]


def _reply(prompt: str, answer: WorkerAnswer, score_kind: str) -> Reply:
    if answer.error is not None:
        return Reply.failed(prompt, answer.error, answer.text or "")
    if answer.reject:
        return Reply(prompt, answer.text or "", answer=Answer("reject"))
    if answer.boxes:
        scores = tuple(answer.scores) if answer.scores is not None else None
        found = Answer("box", tuple(answer.boxes), scores=scores, score_kind=score_kind if scores else None)
        return Reply(prompt, answer.text or "", answer=found)
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
    found = [max(answer.letters.get(letter, 0.0), 0.0) for letter in letters]
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
