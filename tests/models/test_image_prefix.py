"""Beginnings of prompts that are computed once per image, against the library's own way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from finecops.errors import ModelError
from finecops.images import Picture, read_picture
from finecops.models.protocols import Query, QueryGroup, Question, QuestionGroup

LONG = Query("the tree that is to the left of the small striped red house", "tree", (4, 8))
QUESTIONS = tuple(Question(f"Pick {word}.\nA. x\nB. y", ("A", "B")) for word in ("one", "another one of them"))


@pytest.fixture(scope="module")
def images() -> list[Picture]:
    first, second = (read_picture(path) for path in sorted(Path("data/finecops-mini/images").glob("test_*.png"))[:2])
    return [first, Picture(second.pixels.crop((0, 0, 140, 90)))]


def groups_of(images: list[Picture]) -> list[QueryGroup]:
    return [QueryGroup(image, (Query("the car"), LONG)) for image in images]


def plainly(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model.prefixes, "possible", False)


def test_answers_are_those_of_the_librarys_own_way(
    mini_mllm: Any, images: list[Picture], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = mini_mllm.prefixes.images.computed
    replies = mini_mllm.ground(groups_of(images))
    chosen = mini_mllm.choose([QuestionGroup(image, QUESTIONS) for image in images])
    # Once per image, for the boxes and the letters together.
    assert mini_mllm.prefixes.images.computed - before == 2
    plainly(mini_mllm, monkeypatch)
    for ours, theirs in zip(replies, mini_mllm.ground(groups_of(images)), strict=True):
        for one, other in zip(ours, theirs, strict=True):
            assert one.text == other.text
            assert one.token_probs == pytest.approx(other.token_probs, abs=1e-4)
            assert one.token_logits == pytest.approx(other.token_logits, abs=1e-3)
    for letters, others in zip(
        chosen, mini_mllm.choose([QuestionGroup(image, QUESTIONS) for image in images]), strict=True
    ):
        for scores, other in zip(letters, others, strict=True):
            assert scores.probabilities == pytest.approx(other.probabilities, abs=1e-4)
            assert scores.mass == pytest.approx(other.mass, abs=1e-4)


def test_a_second_image_in_a_text_is_refused(mini_mllm: Any, images: list[Picture]) -> None:
    with pytest.raises(ModelError, match="2 times <|image_pad|>".replace("|", r"\|")):
        mini_mllm.ground([QueryGroup(images[0], (Query("the <|image_pad|> car"),))])


def test_another_object_is_another_image(mini_mllm: Any, images: list[Picture]) -> None:
    before = mini_mllm.prefixes.images.computed
    for _ in range(2):
        mini_mllm.choose([QuestionGroup(Picture(images[0].pixels.copy()), QUESTIONS[:1])])
    assert mini_mllm.prefixes.images.computed - before == 2
