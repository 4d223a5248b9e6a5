"""What a model looks like to the stages: one call, groups of queries on one image in, one result per query out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from finecops.models.letters import LetterScores

Span = tuple[int, int]


@dataclass(frozen=True)
class Query:
    """An expression. To focus on its target: the phrase, and its character span in the text if it has one.

    A specialist needs the span; an MLLM is told the phrase.
    """

    text: str
    target: str | None = None
    span: Span | None = None


@dataclass(frozen=True)
class QueryGroup:
    """Queries on one decoded RGB image."""

    image: Image.Image
    queries: tuple[Query, ...]


@dataclass(frozen=True)
class Detections:
    """Boxes of one query, best first: `xyxy [n, 4]` in pixels of the image, `scores [n]` in 0 to 1.

    `note` says which fallback was taken, if any.
    """

    xyxy: NDArray[np.float64]
    scores: NDArray[np.float64]
    note: str | None = None


@dataclass(frozen=True)
class Reply:
    """An MLLM's answer as it came, special tokens included, and the probabilities of its tokens.

    `token_texts` joined give `text`; `token_probs` and `token_logits` belong to them. All three are None where
    the backend gives no scores. `error` says why there is no answer, if there is none.
    """

    prompt: str
    text: str
    token_texts: tuple[str, ...] | None = None
    token_probs: tuple[float, ...] | None = None
    token_logits: tuple[float, ...] | None = None
    error: str | None = None


class Specialist(Protocol):
    """A detector that takes text."""

    def detect(self, groups: Sequence[QueryGroup]) -> list[list[Detections]]:
        """Detections per group and query."""
        ...


@dataclass(frozen=True)
class Question:
    """A question with options under letters, about an image."""

    prompt: str
    letters: tuple[str, ...]


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
