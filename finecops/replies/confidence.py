"""An MLLM's confidence in a box, from the probabilities of the box's tokens (paper, V-A.3).

There are three: the mean probability, the product of the probabilities, and the mean raw logit. The tokens are those
strictly between the box markers, with brackets and commas, as in the paper's Qwen2-VL script
(`SFA/inference_QwenVL.py`). In a format without markers they are those from the first bracket to the last.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from math import prod
from statistics import fmean
from typing import Final, Literal

from finecops.records import Span
from finecops.replies.answer import LARGEST_SCORE, Reply

Confidence = Literal["mean_prob", "product", "mean_logit"]
# The texts are part of the rows (`score_kind`).
CONFIDENCES: Final[dict[str, str]] = {
    "mean_prob": "mean probability of the box's tokens",
    "product": "product of the probabilities of the box's tokens",
    "mean_logit": "mean raw logit of the box's tokens",
}
"""Name of a confidence → what it means."""


def tokens_in_span(token_texts: Sequence[str], span: Span) -> list[int]:
    """Indices of the tokens that overlap a character span of the joined text."""
    return _overlapping(token_ends(token_texts), span)


def token_ends(token_texts: Sequence[str]) -> list[int]:
    """Where each token ends in the joined text."""
    return list(accumulate(len(text) for text in token_texts))


def _overlapping(ends: Sequence[int], span: Span) -> list[int]:
    # Token i covers the characters from ends[i - 1] to ends[i]; an empty token covers none. The first that ends behind
    # the span's start is searched by halving: a long reply may have as many boxes as tokens.
    found = []
    for i in range(bisect_right(ends, span[0]), len(ends)):
        start = ends[i - 1] if i else 0
        if start >= span[1]:
            break
        if ends[i] > start:
            found.append(i)
    return found


def box_confidence(reply: Reply, span: Span, kind: Confidence) -> float | None:
    """The confidence in the box at a character span of the reply; None without probabilities or logits."""
    return box_confidences(reply, [span], kind)[0]


def box_confidences(reply: Reply, spans: Sequence[Span], kind: Confidence) -> list[float | None]:
    """`box_confidence` of several spans."""
    if reply.token_texts is None or reply.token_probs is None:
        return [None] * len(spans)
    ends = token_ends(reply.token_texts)
    return [_confidence(reply, _overlapping(ends, span), kind) for span in spans]


def _confidence(reply: Reply, indices: Sequence[int], kind: Confidence) -> float | None:
    if reply.token_probs is None or not indices:
        return None
    numbers = reply.token_logits if kind == "mean_logit" else reply.token_probs
    if numbers is None:
        return None
    values = [numbers[i] for i in indices]
    # The mean of numbers that are not finite, or of very large ones, is an exception in Python; an answer refuses NaN.
    if not all(-LARGEST_SCORE < v < LARGEST_SCORE for v in values):
        return math.nan
    return prod(values) if kind == "product" else fmean(values)
