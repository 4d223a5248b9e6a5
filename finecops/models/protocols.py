"""The contract between stages and models: one protocol per kind of model.

To add a model, write a class with the calls of one protocol and enter it in `finecops.models.backends`. The class needs
no base class. A stage gives it the queries of a batch, grouped by image; the model returns one result per query, in
the same order. Grouping lets a model decode and encode an image once for all its queries.

Boxes are `(x1, y1, x2, y2)` in pixels of the image in the group, floats. A call may raise an exception. The runner
(`finecops.runs.batches`) then calls again image by image, then query by query; what still raises becomes a failed row.
A model that knows which query failed returns `Answer.failed` or `Reply.failed` for it instead.

A model that mostly waits, as for a server, may also have a method `width`: how many calls it wants at the same time,
each in a thread of its own (`finecops.runs.specification.width_of`).
"""

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
    """A text about an image, to be answered with boxes.

    Without focus, only `text` is set. With focus on the target, a specialist scores a box by the tokens of `span`
    (paper, IV-A, Fig. 3), and an MLLM gets `target` in its prompt (Fig. 4).

    >>> Query("the red car near the tree", target="red car", span=(4, 11)).text[4:11]
    'red car'
    """

    text: str
    """The whole expression; from the router, the target phrase alone."""
    target: str | None = None
    """The phrase to focus on."""
    span: Span | None = None
    """Where the phrase stands in `text`, as character offsets. None: no focus, or the phrase is not in the text."""
    sample_id: str | None = None
    """The sample that asks. None: several samples share the query."""


@dataclass(frozen=True)
class QueryGroup:
    """The queries about one image."""

    image: Picture
    queries: tuple[Query, ...]


@dataclass(frozen=True)
class Question:
    """A multiple-choice question about an image (paper, IV-B)."""

    prompt: str
    """The whole question, with its options."""
    letters: tuple[str, ...]
    """One letter per option, in the order of the options."""
    boxes: tuple[Xyxy | None, ...] = ()
    """The box of each option; None for the option "None". A model that reads the prompt does not need them."""
    sample_id: str | None = None
    """The sample that asks. A model that reads the prompt does not need it."""


@dataclass(frozen=True)
class QuestionGroup:
    """The questions about one image."""

    image: Picture
    questions: tuple[Question, ...]


class Specialist(Protocol):
    """A detector that takes text."""

    def detect(self, groups: Sequence[QueryGroup]) -> list[list[Answer]]:
        """Detect what each query names.

        Returns:
            One list per group with one answer per query. The boxes of an answer are sorted by score, best first.

        Raises:
            ModelError: a query cannot be answered, for example because its text is too long.
        """
        ...


class Mllm(Protocol):
    """A multimodal language model. It answers a query with text that holds boxes, and a question with a letter."""

    def ground(self, groups: Sequence[QueryGroup]) -> list[list[Reply]]:
        """Ask for the box of each query, with the focus sentence where the query has a target.

        Returns:
            One list per group with one reply per query. Replies are not parsed: `finecops.replies.parse` does that.
        """
        ...

    def choose(self, groups: Sequence[QuestionGroup]) -> list[list[LetterScores]]:
        """Ask for the probability of each letter.

        Returns:
            One list per group with one result per question. A model without probabilities returns its answer as text.

        Raises:
            ModelError: the model cannot answer multiple-choice questions.
        """
        ...


class Extractor(Protocol):
    """Finds the phrase of an expression that names its target."""

    def extract(self, samples: Sequence[Sample]) -> list[Target]:
        """One row per sample, in their order. A sample without a target has a row with status `failed`."""
        ...


class TextLlm(Protocol):
    """A text model, for target extraction."""

    def complete(self, conversations: Sequence[list[dict[str, str]]]) -> list[str | Exception]:
        """One reply per conversation, in their order, or the error of that conversation.

        A conversation is a list of messages with the keys `role` and `content`.
        """
        ...
