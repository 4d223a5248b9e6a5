"""What a model looks like to the stages: one call, groups of queries on one image in, one result per query out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from finecops.images import Picture
from finecops.records import Sample, Span, Target, Xyxy
from finecops.replies.answer import Answer, Reply
from finecops.replies.letters import LetterScores


@dataclass(frozen=True)
class Query:
    """An expression to be answered.

    Attributes:
        text: the expression, or a target phrase alone.
        target, span: to focus on the target: its phrase, for an MLLM's prompt, and the phrase's character span in the
            text, if it has one, for a specialist's tokens.
        sample_id: the sample it belongs to, where it belongs to only one.
    """

    text: str
    target: str | None = None
    span: Span | None = None
    sample_id: str | None = None


@dataclass(frozen=True)
class QueryGroup:
    """Queries on one image."""

    image: Picture
    queries: tuple[Query, ...]


class Specialist(Protocol):
    """A detector that takes text."""

    def detect(self, groups: Sequence[QueryGroup]) -> list[list[Answer]]:
        """An answer per group and query, its boxes best first.

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
    """Questions on one image."""

    image: Picture
    questions: tuple[Question, ...]


class Mllm(Protocol):
    """A multimodal language model that answers with box text, or picks a letter."""

    def ground(self, groups: Sequence[QueryGroup]) -> list[list[Reply]]:
        """Replies per group and query; a query's target becomes the prompt's focus sentence."""
        ...

    def choose(self, groups: Sequence[QuestionGroup]) -> list[list[LetterScores]]:
        """Probabilities of the options' letters per group and question."""
        ...


class Extractor(Protocol):
    """Finds the phrase of an expression that names its target."""

    def extract(self, samples: Sequence[Sample]) -> list[Target]:
        """A row per sample."""
        ...


class TextLlm(Protocol):
    """A text model behind target extraction."""

    def complete(self, conversations: Sequence[list[dict[str, str]]]) -> list[str | Exception]:
        """A reply, or the error it failed with, for each conversation (a list of role and content)."""
        ...
