"""Target extraction by rules: a table of expressions, and everything the templates can say."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finecops.extraction.phrases import locate_phrase
from finecops.extraction.rules import extract_target
from finecops.mini.training.expressions import SceneTexts
from finecops.mini.world.scenes import sample_scene


@pytest.mark.parametrize(
    ("expression", "target"),
    [
        # The paper's three in-context examples.
        ("next to the red, brick building and before the little tree resides the white truck.", "white truck"),
        (
            "to the left of the young, happy, and smiling boy stands the young girl who, in turn, is positioned "
            "to the left of the white dishwasher.",
            "young girl",
        ),
        ("this tree can be found on the left side of the white building.", "tree"),
        ("The long snowboard, can be found resting to the right of the pair of skis.", "long snowboard"),
        ("pair of skis on the snow", "pair of skis"),
        ("man holding a red cup", "man"),
        ("smiling boy", "smiling boy"),
        ("the parked car in front of the house", "parked car"),
        ("child positioned to the right of the white cap", "child"),
        ("left dog", "left dog"),
        ("the second giraffe from the left", "second giraffe"),
        ("where is the man with the hat?", "man"),
        ("there is a small cup on the table", "small cup"),
        ("to the left of the red cup stands a small tree", "small tree"),
        ("above the cup, which is below the fish, is the green car", "green car"),
        ("left of the tree, a red car", "red car"),
        ("the cup of the same colour as the kite", "cup"),
        ("The Red Car.", "Red Car"),
        ("red", "red"),
        ("...", "..."),
    ],
)
def test_extract_target(expression: str, target: str) -> None:
    start, end = extract_target(expression)
    assert expression[start:end] == target


def test_every_sentence_of_the_drawn_world_gives_up_its_target() -> None:
    checked = 0
    for seed in range(120):
        texts = SceneTexts(sample_scene(random.Random(seed), str(seed)), random.Random(-seed))
        for _ in range(5):
            said = texts.unique()
            if said is not None:
                assert extract_target(said.expression.text) == said.expression.spans[0], said.expression.text
                checked += 1
    assert checked > 400


@given(st.text(max_size=80))
def test_any_text_has_a_span_inside_it(text: str) -> None:
    start, end = extract_target(text)
    assert 0 <= start <= end <= len(text)
    assert (start < end) == bool(text.strip())


@pytest.mark.parametrize(
    ("expression", "phrase", "expected"),
    [
        ("the red car near the tree", "the red car", ("found", "red car", (4, 11))),
        ("the red car near the tree", "Red Car.", ("found", "red car", (4, 11))),
        ("the red car near the tree", "the red automobile", ("unmatched", "red automobile", None)),
        ("the red car near the tree", "a shiny car", ("matched", "shiny car", (8, 11))),
        ("the cars near the tree", "the red car", ("matched", "red car", (4, 8))),
        ("the red car near the tree", "  ", ("unmatched", "", None)),
        # The noun stands twice: the place the sentence is about counts, not the first.
        ("to the left of the tree stands a tree", "tree", ("found", "tree", (33, 37))),
        ("the scarf of the man in a car", "car", ("found", "car", (26, 29))),  # not the "car" in "scarf"
    ],
)
def test_locate_phrase(expression: str, phrase: str, expected: tuple[str, str, tuple[int, int] | None]) -> None:
    assert locate_phrase(expression, phrase) == expected
