"""The answer of a model in one type, whoever gives it; and the text that an answer is read from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finecops.records import PredictionStatus, Span, Xyxy


@dataclass(frozen=True)
class Answer:
    """What a model answers to one query.

    Attributes:
        status: `box` with any number of boxes; else what is there instead.
        boxes: xyxy in pixels of the image, best first, or in the model's order where there are no scores.
        scores: one per box; None where the model gives none.
        score_kind: what the scores mean, where that is not the same for all answers of the model.
        spans: of an answer that was read from a text, where each box's coordinates stand in it, without markers.
        reason: why there is no box.
        note: which fallback was taken, if any.
    """

    status: PredictionStatus = "box"
    boxes: tuple[Xyxy, ...] = ()
    scores: tuple[float, ...] | None = None
    score_kind: str | None = None
    spans: tuple[Span, ...] = ()
    reason: str | None = None
    note: str | None = None

    @classmethod
    def of_arrays(cls, xyxy: NDArray[Any], scores: NDArray[Any] | None, note: str | None = None) -> Answer:
        """An answer of boxes `xyxy [n, 4]` and `scores [n]`.

        >>> Answer.of_arrays(np.array([[1, 2, 3, 4]]), np.array([0.5])).boxes
        ((1.0, 2.0, 3.0, 4.0),)
        """
        boxes = np.asarray(xyxy, dtype=np.float64).reshape(-1, 4).tolist()
        scored = None if scores is None else tuple(np.asarray(scores, dtype=np.float64).tolist())
        return cls("box", tuple((x1, y1, x2, y2) for x1, y1, x2, y2 in boxes), scored, note=note)

    @classmethod
    def failed(cls, reason: str) -> Answer:
        """No answer, and why."""
        return cls("failed", reason=reason)

    @property
    def xyxy(self) -> NDArray[np.float64]:
        """The boxes as an array, `[n, 4]`."""
        return np.array(self.boxes, dtype=np.float64).reshape(-1, 4)

    def chosen(self, order: Sequence[int]) -> Answer:
        """The answer with some of its boxes, in another order, each with its score and its span."""
        return replace(
            self,
            boxes=tuple(self.boxes[i] for i in order),
            scores=None if self.scores is None else tuple(self.scores[i] for i in order),
            spans=tuple(self.spans[i] for i in order) if self.spans else (),
        )


@dataclass(frozen=True)
class Reply:
    """An MLLM's reply as it came, special tokens included, and the probabilities of its tokens.

    Attributes:
        prompt: what it was asked.
        text: what it said.
        token_texts: joined they give `text`; None where the backend gives no scores.
        token_probs, token_logits: of those tokens.
        answer: there where the text is not to be read: boxes that came apart from it, or a failure.
    """

    prompt: str
    text: str = ""
    token_texts: tuple[str, ...] | None = None
    token_probs: tuple[float, ...] | None = None
    token_logits: tuple[float, ...] | None = None
    answer: Answer | None = None

    @classmethod
    def failed(cls, prompt: str, reason: str, text: str = "") -> Reply:
        """A reply that did not come, and why."""
        return cls(prompt, text, answer=Answer.failed(reason))
