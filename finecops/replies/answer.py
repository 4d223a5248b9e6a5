"""One type for the answer of every model, and one for the text that an answer is parsed from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finecops.records import PredictionStatus, Span, Xyxy

LARGEST_COORDINATE = 1e9
"""In pixels. Rounding or multiplying larger ones may give infinity."""
LARGEST_SCORE = 1e30
"""Logits are never as large."""


def unsound(boxes: Sequence[Sequence[float]], scores: Sequence[float] | None) -> str | None:
    """Why boxes and scores of a model cannot be kept; None: they can.

    >>> unsound([(1, 2, 3, float("nan"))], None)
    'the model gave a coordinate that is not a finite number of pixels'
    """
    # Comparisons: they hold for no NaN, and whole numbers of any length can be compared.
    for box in boxes:
        for v in box:
            if not -LARGEST_COORDINATE < v < LARGEST_COORDINATE:
                return "the model gave a coordinate that is not a finite number of pixels"
    if scores is None:
        return None
    if not all(-LARGEST_SCORE < v < LARGEST_SCORE for v in scores):
        return "the model gave a score that is not a finite number"
    if len(scores) != len(boxes):
        return f"the model gave {len(scores)} scores for {len(boxes)} boxes"
    return None


@dataclass(frozen=True)
class Answer:
    """What a model answers to one query."""

    status: PredictionStatus = "box"
    """`box` with any number of boxes, or why there is none."""
    boxes: tuple[Xyxy, ...] = ()
    """xyxy in pixels of the image, best first. Without scores: in the model's order."""
    scores: tuple[float, ...] | None = None
    """One per box; None where the model gives none."""
    score_kind: str | None = None
    """What the scores mean, where that differs between answers of one model."""
    spans: tuple[Span, ...] = ()
    """For an answer that was parsed from a text: where the coordinates of each box stand in it, without markers."""
    reason: str | None = None
    """Why there is no box."""
    note: str | None = None
    """A fallback that was used."""

    def __post_init__(self) -> None:
        """Make a failure of an answer whose numbers no row can hold: see `unsound`."""
        why = unsound(self.boxes, self.scores) if self.boxes or self.scores else None
        if why is not None:
            for name, value in (("status", "failed"), ("boxes", ()), ("scores", None), ("spans", ()), ("reason", why)):
                # A frozen dataclass: this is how its own initialiser sets fields.
                object.__setattr__(self, name, value)

    @classmethod
    def of_arrays(cls, xyxy: NDArray[Any], scores: NDArray[Any] | None, note: str | None = None) -> Answer:
        """An answer of boxes `xyxy [n, 4]` and `scores [n]`.

        >>> Answer.of_arrays(np.array([[1, 2, 3, 4]]), np.array([0.5])).boxes
        ((1.0, 2.0, 3.0, 4.0),)
        """
        # reshape: an empty list of boxes becomes an array [0, 4], not [0].
        boxes = np.asarray(xyxy, dtype=np.float64).reshape(-1, 4).tolist()
        scored = None if scores is None else tuple(np.asarray(scores, dtype=np.float64).tolist())
        return cls("box", tuple((x1, y1, x2, y2) for x1, y1, x2, y2 in boxes), scored, note=note)

    @classmethod
    def failed(cls, reason: str) -> Answer:
        """A failure with its reason."""
        return cls("failed", reason=reason)

    @property
    def xyxy(self) -> NDArray[np.float64]:
        """The boxes as an array, `[n, 4]`."""
        return np.array(self.boxes, dtype=np.float64).reshape(-1, 4)

    def chosen(self, order: Sequence[int]) -> Answer:
        """The answer with the boxes at the indices `order`, in that order, each with its score and span."""
        return replace(
            self,
            boxes=tuple(self.boxes[i] for i in order),
            scores=None if self.scores is None else tuple(self.scores[i] for i in order),
            spans=tuple(self.spans[i] for i in order) if self.spans else (),
        )


@dataclass(frozen=True)
class Reply:
    """An MLLM's reply before parsing, with special tokens, and the probabilities of its tokens."""

    prompt: str
    """The prompt that was sent."""
    text: str = ""
    """The text that came back."""
    token_texts: tuple[str, ...] | None = None
    """The tokens as text; joined they give `text`. None where the backend gives no probabilities."""
    token_probs: tuple[float, ...] | None = None
    """The probability of each token."""
    token_logits: tuple[float, ...] | None = None
    """The raw logit of each token; None where the backend gives probabilities only."""
    answer: Answer | None = None
    """Set where the text must not be parsed: the boxes came separately, or the request failed."""

    @classmethod
    def failed(cls, prompt: str, reason: str, text: str = "") -> Reply:
        """A failed request with its reason."""
        return cls(prompt, text, answer=Answer.failed(reason))
