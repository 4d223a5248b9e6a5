"""What follows from the words of a lexicon."""

from __future__ import annotations

import pytest

from tests.construction.small_lexicon import small_lexicon

LEXICON = small_lexicon()


@pytest.mark.parametrize(
    ("name", "said", "is_a", "may_be"),
    [
        ("man", "man", True, True),
        ("man", "guy", True, True),
        ("man", "person", True, True),
        ("guy", "person", True, True),
        ("person", "man", False, True),
        ("people", "person", False, True),
        ("person", "people", False, True),
        ("man", "people", False, True),
        ("man", "woman", False, False),
        ("dog", "cat", False, False),
        ("animal", "dog", False, True),
        ("dog", "animal", True, True),
        ("dog", "person", False, False),
        ("cup", "mug", False, True),
        ("mug", "cups", False, True),
        ("cup", "cups", False, True),
        ("unknown", "unknown", True, True),
        ("unknown", "cup", False, False),
        ("paper cup", "cup", False, True),
        ("tin mugs", "cups", False, True),
        ("cup holder", "cup", False, False),
    ],
)
def test_names(name: str, said: str, is_a: bool, may_be: bool) -> None:
    assert LEXICON.is_a(name, said) is is_a
    assert LEXICON.may_be(name, said) is may_be
    assert LEXICON.may_be(said, name) is may_be


@pytest.mark.parametrize(
    ("values", "attribute", "excluded"),
    [
        ((), "red", False),
        (("blue",), "red", True),
        (("red",), "red", False),
        (("tan",), "beige", False),
        (("tan",), "red", True),
        # A two-colored thing may have a third color.
        (("blue", "tan"), "red", False),
        (("blue", "metal"), "red", True),
        (("metal",), "red", False),
        (("large",), "small", True),
        (("striped",), "open", False),
        (("closed",), "open", True),
        (("no such word",), "red", False),
    ],
)
def test_attributes(values: tuple[str, ...], attribute: str, excluded: bool) -> None:
    assert LEXICON.excluded(values, attribute) is excluded


def test_groups() -> None:
    names = ("cup", "cups", "grass", "scissors", "unknown", "paper cup", "tin mugs", "dry grass")
    assert [name for name in names if LEXICON.is_group(name)] == [
        "cups",
        "grass",
        "tin mugs",
        "dry grass",
    ]
