"""What a model looks like to the stages: one call, groups of queries on one image in, one result per query out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from finecops.records import PredictionStatus, Xyxy
from finecops.replies.letters import LetterScores

Span = tuple[int, int]


@dataclass(frozen=True)
class Query:
    """An expression. To focus on its target: the phrase, and its character span in the text if it has one.

    A specialist needs the span; an MLLM is told the phrase. `sample_id` is whose expression it is, where it is one
    sample's alone.
    """

    text: str
    target: str | None = None
    span: Span | None = None
    sample_id: str | None = None


@dataclass(frozen=True)
class QueryGroup:
    """Queries on one decoded RGB image."""

    image: Image.Image
    queries: tuple[Query, ...]


@dataclass(frozen=True)
class Detections:
    """Boxes of one query, best first: `xyxy [n, 4]` in pixels of the image, `scores [n]` in 0 to 1.

    `note` says which fallback was taken, if any. `status` is `box`, with any number of boxes, unless something else is
    known of the answer. Boxes that are not `scored` stand in the model's order and their scores are 0.
    """

    xyxy: NDArray[np.float64]
    scores: NDArray[np.float64]
    note: str | None = None
    status: PredictionStatus = "box"
    scored: bool = True


@dataclass(frozen=True)
class ReadAnswer:
    """An answer whose boxes were read elsewhere: `xyxy` pixels of the image, best first, and their scores if any."""

    status: PredictionStatus
    boxes: tuple[Xyxy, ...] = ()
    scores: tuple[float, ...] | None = None
    score_kind: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Reply:
    """An MLLM's answer as it came, special tokens included, and the probabilities of its tokens.

    `token_texts` joined give `text`; `token_probs` and `token_logits` belong to them. All three are None where
    the backend gives no scores. `read` is there where the text is not to be parsed. `frame` is the size (width,
    height) of the image that the model saw, where its boxes are in that image's pixels. `error` says why there is
    no answer, if there is none.
    """

    prompt: str
    text: str
    token_texts: tuple[str, ...] | None = None
    token_probs: tuple[float, ...] | None = None
    token_logits: tuple[float, ...] | None = None
    read: ReadAnswer | None = None
    frame: tuple[int, int] | None = None
    error: str | None = None


class Specialist(Protocol):
    """A detector that takes text."""

    def detect(self, groups: Sequence[QueryGroup]) -> list[list[Detections]]:
        """Detections per group and query.

        Raises:
            ModelError: there is none for a query.
        """
        ...


@dataclass(frozen=True)
class Question:
    """A question with options under letters, about an image.

    `boxes` are the options' in pixels of the image, None for the option None; `sample_id` is whose question it is. A
    model that reads the prompt needs neither.
    """

    prompt: str
    letters: tuple[str, ...]
    boxes: tuple[Xyxy | None, ...] = ()
    sample_id: str | None = None


@dataclass(frozen=True)
class QuestionGroup:
    """Questions on one decoded RGB image."""

    image: Image.Image
    questions: tuple[Question, ...]


class Mllm(Protocol):
    """A multimodal language model that answers with box text, or picks a letter."""

    def ground(self, groups: Sequence[QueryGroup]) -> list[list[Reply]]:
        """Replies per group and query; a query's target becomes the prompt's focus sentence."""
        ...

    def choose(self, groups: Sequence[QuestionGroup]) -> list[list[LetterScores]]:
        """Probabilities of the options' letters per group and question."""
        ...


class TextLlm(Protocol):
    """A text model behind target extraction."""

    def complete(self, conversations: Sequence[list[dict[str, str]]]) -> list[str | Exception]:
        """A reply, or the error it failed with, for each conversation (a list of role and content)."""
        ...
