"""Numbers that a model gives: what is no number fails its query, before anything sorts, clips or rounds it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from finecops.boxes import clip_xyxy
from finecops.replies.answer import Answer
from finecops.replies.letters import LetterScores, letter_probabilities

NOT_FINITE = "the model's numbers are not finite"
_LARGEST_SCORE = 1e6
"""A score, or a weight of a letter, beyond this is no score; sums and roundings of such numbers become infinite."""
_ROUNDING = 1e-3
"""How far a probability may lie above 1, and its logarithm above 0."""

Floats = NDArray[np.float64]


def best_answer(xyxy: Floats, scores: Floats, image_wh: tuple[int, int], most: int, note: str | None = None) -> Answer:
    """The best boxes `xyxy [n, 4]` in pixels, by their `scores [n]`, clipped to the image; or a failure."""
    if not (np.isfinite(xyxy).all() and np.isfinite(scores).all()):
        return Answer.failed(NOT_FINITE)
    # Stable: equal scores keep the model's order, on every machine.
    order = np.argsort(-scores, kind="stable")[:most]
    return Answer.of_arrays(clip_xyxy(xyxy[order], image_wh), scores[order], note)


def box_fault(boxes: Sequence[Sequence[float]], scores: Sequence[float], image_wh: tuple[int, int]) -> str | None:
    """What is wrong with boxes and scores of a foreign program or file, in pixels of the image; None if nothing is.

    A box may reach over the border: detectors write such boxes, and they are clipped. But one that lies outside, or
    reaches further than the image is wide or high, is in other coordinates. Clipped, it would look like an answer.

    >>> box_fault([(-3, 0, 50, 40)], [0.5], (100, 80)), box_fault([(100, 0, 150, 40)], [], (100, 80))
    (None, 'a box lies outside the image')
    """
    xyxy = np.array(boxes, dtype=np.float64).reshape(-1, 4)
    if not (np.isfinite(xyxy).all() and np.isfinite(np.array(scores, dtype=np.float64)).all()):
        return NOT_FINITE
    if (xyxy[:, :2] > xyxy[:, 2:]).any():
        return "a box has its corners in the wrong order"
    size = np.array(image_wh, dtype=np.float64)
    low, high = xyxy[:, :2], xyxy[:, 2:]
    # A box that another program clipped may lie on the border; it reaches no further.
    if ((low >= size) & (high > size)).any() or ((high <= 0) & (low < 0)).any():
        return "a box lies outside the image"
    if (low < -size).any() or (high > 2 * size).any():
        return "a box reaches far out of the image: it is in other coordinates"
    if any(abs(score) > _LARGEST_SCORE for score in scores):
        return "a score is too large to be one"
    return None


def probability_fault(values: Sequence[float]) -> str | None:
    """What is wrong with the probabilities of tokens; None if nothing is. NaN is not between 0 and 1 either."""
    return None if all(0 <= value <= 1 + _ROUNDING for value in values) else "a probability is not between 0 and 1"


def weight_fault(weights: Mapping[str, float]) -> str | None:
    """What is wrong with the weights of letters, which need not have the sum 1; None if nothing is."""
    fine = all(0 <= weight <= _LARGEST_SCORE for weight in weights.values())
    return None if fine else "the weight of a letter is not between 0 and a million"


def logprob_fault(logprobs: Sequence[float]) -> str | None:
    """What is wrong with log-probabilities; None if nothing is. Minus infinity is the probability 0."""
    if any(np.isnan(value) or value == np.inf for value in logprobs):
        return "a log-probability is not a number"
    return "a log-probability is above 0" if any(value > _ROUNDING for value in logprobs) else None


def scored_letters(prompt: str, logits: Floats, ids: Sequence[Sequence[int]]) -> LetterScores:
    """The probabilities of letters from `logits [vocabulary]`, by the letters' token ids; or an error."""
    # Minus infinity is a token that the model may not write. All letters at once cannot be.
    if np.isnan(logits).any() or (logits == np.inf).any() or np.isneginf([logits[list(i)].max() for i in ids]).all():
        return LetterScores(prompt, error=NOT_FINITE)
    with np.errstate(invalid="ignore"):
        probabilities, mass = letter_probabilities(logits, ids)
    if not np.isfinite([*probabilities, mass]).all():
        return LetterScores(prompt, error=NOT_FINITE)
    return LetterScores(prompt, probabilities, mass)
