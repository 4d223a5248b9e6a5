"""Letters as tokens: which ids a letter has in a model's own tokenizer, and probabilities of letters from logits or
from a server's log-probabilities."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from finecops.errors import ModelError
from finecops.metrics.answers import Floats


@dataclass(frozen=True)
class LetterScores:
    """What a model says to a question with options.

    Attributes:
        prompt: the question.
        probabilities: of each option's letter, in their order, summing to 1; None where the model gives none.
        mass: the share of all probability that fell on the letters before they were made to sum to 1.
        reply: the answer as text where it was generated.
        error: why there is no answer, if there is none.
    """

    prompt: str
    probabilities: tuple[float, ...] | None
    mass: float | None
    reply: str | None = None
    error: str | None = None


def letter_token_ids(tokenizer: Any, letters: Sequence[str]) -> list[list[int]]:
    """Ids of each letter as one token, with and without a blank before it.

    Raises:
        ModelError: the tokenizer writes a letter as several tokens only, or two letters as one.
    """
    found = []
    for letter in letters:
        ids = {tuple(tokenizer.encode(text, add_special_tokens=False)) for text in (letter, f" {letter}")}
        single = sorted(only[0] for only in ids if len(only) == 1)
        if not single:
            raise ModelError(f"the tokenizer has no token for the letter {letter!r}: its probability cannot be read")
        found.append(single)
    everything = [i for ids in found for i in ids]
    if len(set(everything)) < len(everything):
        raise ModelError("the tokenizer writes two letters as one token: their probabilities cannot be told apart")
    return found


def letter_probabilities(logits: Floats, ids: Sequence[Sequence[int]]) -> tuple[tuple[float, ...], float]:
    """Probabilities of letters from `logits [vocabulary]` of one position, and the mass that they cover."""
    top = logits.max()
    weights = np.exp(logits - top)
    letters = np.array([weights[list(group)].sum() for group in ids])
    covered = float(letters.sum())
    # Options are compared with each other even where all are all but impossible.
    share = np.exp(_log_share(logits, ids))
    return tuple((share / share.sum()).tolist()), covered / float(weights.sum())


def letters_from_logprobs(top: Mapping[str, float], letters: Sequence[str]) -> tuple[tuple[float, ...] | None, float]:
    """Probabilities of letters from a server's log-probabilities of the first token (token text → log-probability).

    Variants ("A", " A", "(A") are summed. A letter that is not among the tokens given has none of the mass; with no
    letter at all the result is None.
    """
    sums = dict.fromkeys(letters, 0.0)
    for token, logprob in top.items():
        plain = token.strip().strip("().:*\"'`▁Ġ")
        if plain in sums and math.isfinite(logprob):
            sums[plain] += math.exp(logprob)
    mass = sum(sums.values())
    if mass <= 0:
        return None, 0.0
    return tuple(value / mass for value in sums.values()), min(mass, 1.0)


def _log_share(logits: Floats, ids: Sequence[Sequence[int]]) -> Floats:
    groups = [logits[list(group)] for group in ids]
    logs = np.array([group.max() + np.log(np.exp(group - group.max()).sum()) for group in groups])
    shifted: Floats = logs - logs.max()
    return shifted
