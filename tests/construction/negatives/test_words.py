"""Replacement words from statistics."""

from __future__ import annotations

import random
from types import SimpleNamespace

import pytest

from finecops.construction.description import Description, Edge, Node
from finecops.construction.negatives.requests import Request, requests
from finecops.construction.negatives.words import MOST, CorpusWords, known_words
from tests.construction.small_lexicon import small_lexicon

COUNTS = SimpleNamespace(
    names={"cup": 50, "plate": 30, "car": 20, "dog": 10, "mug": 40, "sky": 90, "man": 60, "hat": 20},
    attributes={"cup": {"red": 5, "blue": 4, "tan": 1}, "plate": {"red": 9}, "car": {"blue": 3}},
    relations={
        ("plate", "on", "table"): 30,
        ("mug", "on", "table"): 40,
        ("cup", "on", "shelf"): 9,
        ("dog", "on", "table"): 1,
        ("sky", "on", "table"): 50,
        ("car", "on", "table"): 2,
        ("cup", "near", "table"): 2,
        ("table", "under", "cup"): 2,
        ("cup", "of", "table"): 7,
        ("man", "wearing", "hat"): 12,
        ("cup", "holding", "table"): 3,
    },
)
RED_CUP = Description("1_hop", (Node("cup", ("red",)), Node("table")), (Edge("on", 0, 1),))
CUP = Description("1_hop", (Node("cup"), Node("table")), (Edge("on", 0, 1),))


def words(said: Description, type_: str, level: int) -> set[str]:
    corpus = CorpusWords(COUNTS, small_lexicon())
    (request,) = requests(said, type_, level)  # type: ignore[arg-type]
    found = corpus.words(request, random.Random(0))
    assert list(known_words(found, request, small_lexicon())) == found
    assert corpus.words(request, random.Random(0)) == found
    return set(found)


@pytest.mark.parametrize(
    ("said", "type_", "level", "expected"),
    [
        # No "mug", which may be the same; no "sky", which is no target; no "dog", which lives.
        (CUP, "replace_object", 1, {"plate", "car"}),
        # A red car was never seen.
        (RED_CUP, "replace_object", 1, {"plate"}),
        (RED_CUP, "replace_object", 2, {"shelf"}),
        # "Beige" was never seen with a cup.
        (RED_CUP, "replace_attribute", 1, {"blue", "tan"}),
        # No "of", which says nothing; no cup that holds.
        (CUP, "replace_relation", 1, {"near", "under"}),
        (
            Description("same_attr", (Node("cup"), Node("plate")), (Edge("same color", 0, 1),)),
            "replace_relation",
            1,
            {"same material"},
        ),
    ],
)
def test_words_are_plausible_and_no_synonyms(said: Description, type_: str, level: int, expected: set[str]) -> None:
    assert words(said, type_, level) == expected


def test_likely_words_come_first() -> None:
    corpus = CorpusWords(COUNTS, small_lexicon())
    (request,) = requests(CUP, "replace_object", 1)
    first = [corpus.words(request, random.Random(seed))[0] for seed in range(200)]
    assert 110 < first.count("plate") < 190


def test_a_request_has_a_bounded_number_of_words() -> None:
    lexicon = small_lexicon()
    many = {("name", "on", "table"): 1} | {(n, "on", "table"): 1 for n in lexicon.nouns}
    corpus = CorpusWords(SimpleNamespace(names={}, attributes={}, relations=many), lexicon)
    (request,) = requests(CUP, "replace_object", 1)
    assert len(corpus.words(request, random.Random(0))) <= MOST


@pytest.mark.parametrize(
    ("type_", "index", "old", "offered", "kept"),
    [
        ("replace_object", 0, "cup", ["cup", "mug", "plates", "grass", "plate"], ["plate"]),
        ("replace_attribute", 0, "tan", ["tan", "beige", "metal", "nice", "blue"], ["blue"]),
        ("replace_attribute", 0, "open", ["closed", "red"], ["closed"]),
        ("replace_relation", 0, "on", ["on", "of", "beyond", "under"], ["under"]),
        ("replace_relation", 0, "same color", ["same size", "on", "same material"], ["same material"]),
    ],
)
def test_words_from_elsewhere_are_looked_at(
    type_: str, index: int, old: str, offered: list[str], kept: list[str]
) -> None:
    request = Request(CUP, type_, 1, index, old)
    assert known_words(offered, request, small_lexicon()) == kept
