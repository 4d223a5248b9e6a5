"""An MLLM's confidence in a box, from the probabilities of the box's tokens (paper, V-A.3).

There are three: the mean probability, the product of the probabilities, and the mean raw logit. The tokens are those
strictly between the box markers, with brackets and commas, as in the paper's Qwen2-VL script
(`SFA/inference_QwenVL.py`). In a format without markers they are those from the first bracket to the last.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from math import prod
from statistics import fmean
from typing import Final, Literal

from finecops.records import Span
from finecops.replies.answer import Reply

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
    # Token i covers the characters from starts[i] to ends[i]. An empty token (b == a) covers none.
    ends = list(accumulate(len(text) for text in token_texts))
    starts = [0, *ends[:-1]]
    return [i for i, (a, b) in enumerate(zip(starts, ends, strict=True)) if b > a and a < span[1] and b > span[0]]


def box_confidence(reply: Reply, span: Span, kind: Confidence) -> float | None:
    """The confidence in the box at a character span of the reply; None without probabilities or logits."""
    if reply.token_texts is None or reply.token_probs is None:
        return None
    indices = tokens_in_span(reply.token_texts, span)
    if not indices:
        return None
    if kind == "mean_logit":
        if reply.token_logits is None:
            return None
        return fmean(reply.token_logits[i] for i in indices)
    probabilities = [reply.token_probs[i] for i in indices]
    return fmean(probabilities) if kind == "mean_prob" else prod(probabilities)
