"""An MLLM's confidence in a box, from the probabilities of the tokens that spell it (paper, V-A.3).

Three reductions over the tokens of the first box: the mean probability, the product, the mean raw logit. The
span is strictly what lies between the box markers, brackets and commas included, as the paper's Qwen2-VL script
takes it; where there are no markers it is the text from the first bracket to the last.
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
CONFIDENCES: Final[dict[str, str]] = {
    "mean_prob": "mean probability of the box's tokens",
    "product": "product of the probabilities of the box's tokens",
    "mean_logit": "mean raw logit of the box's tokens",
}


def tokens_in_span(token_texts: Sequence[str], span: Span) -> list[int]:
    """Indices of the tokens that overlap a character span of the joined text."""
    ends = list(accumulate(len(text) for text in token_texts))
    starts = [0, *ends[:-1]]
    return [i for i, (a, b) in enumerate(zip(starts, ends, strict=True)) if b > a and a < span[1] and b > span[0]]


def box_confidence(reply: Reply, span: Span, kind: Confidence) -> float | None:
    """The confidence in the box at a span of the reply, or None where the backend gave no probabilities."""
    if reply.token_texts is None or reply.token_probs is None:
        return None
    places = tokens_in_span(reply.token_texts, span)
    if not places:
        return None
    if kind == "mean_logit":
        if reply.token_logits is None:
            return None
        return fmean(reply.token_logits[i] for i in places)
    probabilities = [reply.token_probs[i] for i in places]
    return fmean(probabilities) if kind == "mean_prob" else prod(probabilities)
