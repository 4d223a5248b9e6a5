"""Letters as tokens: their ids in a model's tokenizer, and their probabilities.

Probabilities come from the logits of a local model, or from the log-probabilities that a server returns.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from finecops.errors import ModelError
from finecops.metrics.answers import Floats
from finecops.replies.answer import LARGEST_SCORE

_ROUNDED_ZERO = 0.01
_NOT_FINITE = "the model gave a probability that is not a finite number"


@dataclass(frozen=True)
class LetterScores:
    """A model's answer to a multiple-choice question."""

    prompt: str
    """The question."""
    probabilities: tuple[float, ...] | None = None
    """The probability of each letter, in the order of the options, with sum 1. None where the model gives none."""
    mass: float | None = None
    """The probability of all letters together, before their sum was scaled to 1."""
    reply: str | None = None
    """The answer as text, where it was generated."""
    error: str | None = None
    """Why there is no answer."""

    def __post_init__(self) -> None:
        """Make an error of probabilities that no row can hold: a model whose numbers overflow gives NaN."""
        numbers = [*(self.probabilities or ()), *(() if self.mass is None else (self.mass,))]
        if not all(-LARGEST_SCORE < v < LARGEST_SCORE for v in numbers):
            for name, value in (("probabilities", None), ("mass", None), ("error", _NOT_FINITE)):
                # A frozen dataclass: this is how its own initialiser sets fields.
                object.__setattr__(self, name, value)


class Tokenizer(Protocol):
    """What is needed of a tokenizer of transformers."""

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]:
        """The token ids of a text."""
        ...


def letter_token_ids(tokenizer: Tokenizer, letters: Sequence[str], before: str = "") -> list[list[int]]:
    """For each letter, the ids of the single tokens that stand for it: the letter, and a blank with the letter.

    Args:
        tokenizer: the model's tokenizer.
        letters: the letters.
        before: the end of the prompt behind which the answer stands. SentencePiece writes a letter alone as "▁A" and
            behind a newline as "A": two tokens, and only the text before shows which one the model would write.

    Raises:
        ModelError: a letter has no single token, or two letters share one (an unknown token, for instance).
    """
    found = []
    for letter in letters:
        # A chat template may or may not put a blank before the answer; both tokens count for the letter.
        written = (letter, f" {letter}")
        ids = {tuple(tokenizer.encode(text, add_special_tokens=False)) for text in written}
        if before:
            ids |= {_added(tokenizer, before, text) for text in written}
        single = sorted(only[0] for only in ids if len(only) == 1)
        if not single:
            raise ModelError(f"the tokenizer has no token for the letter {letter!r}: its probability cannot be read")
        found.append(single)
    all_ids = [i for ids in found for i in ids]
    if len(set(all_ids)) < len(all_ids):
        raise ModelError("the tokenizer writes two letters as one token: their probabilities cannot be distinguished")
    return found


def _added(tokenizer: Tokenizer, before: str, text: str) -> tuple[int, ...]:
    """The tokens that a text adds to the one before it; none where it changes the tokens before."""
    known = tokenizer.encode(before, add_special_tokens=False)
    joined = tokenizer.encode(before + text, add_special_tokens=False)
    return tuple(joined[len(known) :]) if joined[: len(known)] == known else ()


def letter_probabilities(logits: Floats, ids: Sequence[Sequence[int]]) -> tuple[tuple[float, ...], float]:
    """Probabilities of the letters, with sum 1, and their mass.

    Args:
        logits: `[vocabulary]`, of the position after the prompt.
        ids: the token ids of each letter (`letter_token_ids`).
    """
    # Subtracting the maximum keeps `exp` from overflowing and cancels in every ratio.
    top = logits.max()
    weights = np.exp(logits - top)
    letters = np.array([weights[list(group)].sum() for group in ids])
    covered = float(letters.sum())
    # In logarithms: the weights of very unlikely letters are all 0, and the letters could not be compared.
    share = np.exp(_log_share(logits, ids))
    return tuple((share / share.sum()).tolist()), covered / float(weights.sum())


def letters_from_logprobs(top: Mapping[str, float], letters: Sequence[str]) -> tuple[tuple[float, ...] | None, float]:
    """Probabilities of the letters, with sum 1, and their mass, from a server's log-probabilities.

    Args:
        top: the most likely first tokens: text → log-probability. Variants of a letter ("A", " A", "(A") are summed.
        letters: the letters. One that is not among the tokens has probability 0; if none is, the result is None.
    """
    sums = dict.fromkeys(letters, 0.0)
    for token, logprob in top.items():
        # "▁" and "Ġ" are how SentencePiece and byte-level BPE write a leading blank.
        plain = token.strip().strip("().:*\"'`▁Ġ")
        # A log-probability is not above 0; servers round, so a little above is.
        if plain in sums and logprob <= _ROUNDED_ZERO and math.isfinite(logprob):
            sums[plain] += math.exp(logprob)
    mass = sum(sums.values())
    if mass <= 0:
        return None, 0.0
    # Rounding can bring the sum slightly above 1.
    return tuple(value / mass for value in sums.values()), min(mass, 1.0)


def _log_share(logits: Floats, ids: Sequence[Sequence[int]]) -> Floats:
    """Logarithm of each letter's probability relative to the most likely letter: log-sum-exp over its tokens."""
    groups = [logits[list(group)] for group in ids]
    logs = np.array([_log_sum_exp(group) for group in groups])
    shifted: Floats = logs - logs.max()
    return shifted


def _log_sum_exp(group: Floats) -> float:
    top = float(group.max())
    # A letter whose tokens are all ruled out: the difference of two infinities is no number.
    return top if top == -math.inf else top + float(np.log(np.exp(group - top).sum()))
