"""The task word of PowerPaint: as its tokens, or an error, never as letters that mean nothing."""

from __future__ import annotations

import pytest

from finecops.config.find import load_editor
from finecops.construction.edits.task_words import expand_task_words
from finecops.errors import ModelError
from tests.construction.tiny_models import clip_tokenizer

TEN = [f"P_obj_{i}" for i in range(10)]


def test_the_word_becomes_its_ten_tokens_in_a_real_tokenizer() -> None:
    config, tokenizer = load_editor("powerpaint-v1"), clip_tokenizer(TEN)
    prompt = config.prompt.format(text="cup")
    ids = tokenizer(expand_task_words(prompt, config.task_words, set(tokenizer.get_added_vocab())))["input_ids"]
    # c, u, p, the ten words, and the two ends.
    assert tokenizer.convert_ids_to_tokens(ids[1:4]) == ["c", "u", "p</w>"]
    assert ids[4:-1] == tokenizer.convert_tokens_to_ids(TEN)
    # Without the expansion, the tokenizer spells it.
    assert len(tokenizer(prompt)["input_ids"]) == 2 + 3 + 5


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a cup P_obj", "a cup P_obj_0 P_obj_1"),
        ("P_obj a P_object P_obj_x", "P_obj_0 P_obj_1 a P_object P_obj_x"),
        ("a cup", "a cup"),
    ],
)
def test_the_whole_word_alone(prompt: str, expected: str) -> None:
    assert expand_task_words(prompt, {"P_obj": 2}, {"P_obj_0", "P_obj_1"}) == expected


def test_what_diffusers_expands_itself_stays() -> None:
    assert expand_task_words("a cup P_obj", {"P_obj": 3}, {"P_obj", "P_obj_1", "P_obj_2"}) == "a cup P_obj"


@pytest.mark.parametrize("added", [set(), {"P_obj"}, {"P_obj_0", "P_obj_1"}])
def test_a_tokenizer_without_the_tokens_is_an_error(added: set[str]) -> None:
    with pytest.raises(ModelError, match=r"lacks \d of the 3 tokens of the task word P_obj \(P_obj_\d\)"):
        expand_task_words("a cup P_obj", {"P_obj": 3}, added)
