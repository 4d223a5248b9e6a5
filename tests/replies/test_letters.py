"""The tokens of letters, and their probabilities from logits and from a server's log-probabilities."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer, models, normalizers
from transformers import PreTrainedTokenizerFast

from finecops.errors import ModelError
from finecops.replies.letters import letter_probabilities, letter_token_ids, letters_from_logprobs


class Tokens:
    """A tokenizer with a table of single tokens; any other text has two tokens."""

    def __init__(self, **table: int) -> None:
        self.table = {key.replace("_", " "): value for key, value in table.items()}

    def encode(self, text: str, add_special_tokens: bool) -> list[int]:
        assert not add_special_tokens
        return [self.table[text]] if text in self.table else [1, 2]


def test_both_tokens_of_a_letter_are_summed() -> None:
    assert letter_token_ids(Tokens(A=5, _A=7, B=6), "AB") == [[5, 7], [6]]
    logits = np.full(10, -100.0)
    logits[[5, 6, 7, 8]] = np.log([0.1, 0.2, 0.3, 0.4])
    probabilities, mass = letter_probabilities(logits, [[5, 7], [6]])
    assert probabilities == pytest.approx((2 / 3, 1 / 3))
    assert mass == pytest.approx(0.6)


def test_a_letter_without_its_own_token_is_an_error() -> None:
    with pytest.raises(ModelError, match="no token for the letter 'C'"):
        letter_token_ids(Tokens(A=5, B=6), "ABC")
    with pytest.raises(ModelError, match="two letters as one token"):
        letter_token_ids(Tokens(A=5, B=5), "AB")


def test_very_unlikely_letters_still_sum_to_one() -> None:
    logits = np.zeros(10)
    logits[[1, 2]] = -5000.0, -5001.0
    probabilities, mass = letter_probabilities(logits, [[1], [2]])
    assert sum(probabilities) == pytest.approx(1)
    assert probabilities[0] / probabilities[1] == pytest.approx(math.e)
    assert mass == 0


@pytest.mark.parametrize(
    ("top", "expected", "mass"),
    [
        ({"A": math.log(0.6), "B": math.log(0.2), "the": math.log(0.1)}, (0.75, 0.25, 0.0), 0.8),
        ({"A": math.log(0.3), " A": math.log(0.2), "(A": math.log(0.1), "B.": math.log(0.2)}, (0.75, 0.25, 0.0), 0.8),
        ({"A": -math.inf, "B": math.log(0.5)}, (0.0, 1.0, 0.0), 0.5),
        ({"the": -0.1, "D": -3.0}, None, 0.0),
        ({}, None, 0.0),
    ],
)
def test_letters_from_a_servers_logprobs(top: dict[str, float], expected: Any, mass: float) -> None:
    found, covered = letters_from_logprobs(top, "ABC")
    assert found == (None if expected is None else pytest.approx(expected))
    assert covered == pytest.approx(mass)


def test_every_letter_is_one_token_for_the_mini_model(mini_mllm: Any) -> None:
    ids = letter_token_ids(mini_mllm.processor.tokenizer, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    assert len(ids) == 26


def sentencepiece() -> Any:
    """A tokenizer that writes blanks as SentencePiece does: "▁" before the first word, and nothing behind a newline."""
    pieces = ["<unk>", "▁", "A", "B", "▁A", "▁B", "\n", ":", "▁answer", *"answer"]
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
    merges = [("▁", "A"), ("▁", "B")]
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>")


@pytest.mark.parametrize(
    ("before", "tokens"),
    [
        ("", [["▁A"], ["▁B"]]),
        ("answer:", [["A", "▁A"], ["B", "▁B"]]),
        ("answer\n", [["A", "▁A"], ["B", "▁B"]]),
    ],
)
def test_letters_are_looked_up_behind_the_prompt(before: str, tokens: list[list[str]]) -> None:
    """Alone, SentencePiece never writes the bare letter, and behind a newline or a mark it writes no other."""
    tokenizer = sentencepiece()
    ids = letter_token_ids(tokenizer, "AB", before)
    assert [sorted(tokenizer.convert_ids_to_tokens(found)) for found in ids] == tokens
