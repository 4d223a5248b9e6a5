"""Letters in the replies of models, and replies without a clear letter."""

from __future__ import annotations

import pytest

from finecops.replies.choices import LETTERS, letters_for, parse_letter


@pytest.mark.parametrize(
    ("answer", "letter"),
    [
        ("C", "C"),
        ("c", "C"),
        (" B.", "B"),
        ("(D)", "D"),
        ("B. (100,200),(300,400)", "B"),
        ("The answer is (C).", "C"),
        ("Answer: B", "B"),
        ("option A is best", "A"),
        ("A is right", "A"),
        ("A", "A"),
        ("I think B", "B"),
    ],
)
def test_a_reply_with_one_letter(answer: str, letter: str) -> None:
    assert parse_letter(answer, "ABCDE") == letter


@pytest.mark.parametrize(
    "answer", ["", "F", "A and B", "B or C", "a red car", "A red car", "Z.", "12", "none of them", "ı", "ſ"]
)
def test_a_reply_without_one_clear_letter(answer: str) -> None:
    assert parse_letter(answer, "ABCD") is None
    if len(answer) == 1 and not answer.isascii():
        assert parse_letter(answer, LETTERS) is None


@pytest.mark.parametrize("answer", ["None of them", "none", "There is no suitable option.", "E", "E. None"])
def test_a_reply_that_means_none(answer: str) -> None:
    assert parse_letter(answer, "ABCDE", none_letter="E") == "E"


def test_more_options_than_letters_is_an_error() -> None:
    assert letters_for(26)[-1] == "Z"
    with pytest.raises(ValueError, match="27 options"):
        letters_for(27)
