"""Expressions: every template in words, spans, articles, and the order of attributes."""

from __future__ import annotations

import random

import pytest

from finecops.construction.description import Description, Edge, Node
from finecops.mini.builder.templates import TEMPLATES, Wording, noun_phrase, render, sample_wording
from finecops.mini.builder.vocabulary import Vocabulary
from tests.conftest import make_graph
from tests.mini.builder.oracle import TYPES, toy_vocabulary

WORDS = toy_vocabulary(complete=True)
# One tree, two cars: "the tree", "a car".
GRAPH = make_graph(
    ("1", "cup", "red", "left of>2, above>3"), ("2", "tree", "", "above>3"), ("3", "car", "", ""), ("4", "car", "", "")
)
CUP, TREE, CAR = Node("cup", ("red",)), Node("tree"), Node("car")
DESCRIPTIONS = {
    "0_hop": Description("0_hop", (CUP,)),
    "1_hop": Description("1_hop", (CUP, TREE), (Edge("left of", 0, 1),)),
    "2_hop": Description("2_hop", (CUP, TREE, CAR), (Edge("left of", 0, 1), Edge("above", 1, 2))),
    "and": Description("and", (CUP, TREE, CAR), (Edge("left of", 0, 1), Edge("above", 0, 2))),
    "same_attr": Description("same_attr", (CUP, CAR), (Edge("same colour", 0, 1),)),
}
EXPECTED = {
    "0_hop": [
        "the red cup",
        "the red cup in the picture",
        "there is a red cup",
        "the red cup can be seen here",
    ],
    "1_hop": [
        "the red cup left of the tree",
        "the red cup that is left of the tree",
        "the red cup which stands left of the tree",
        "the red cup, left of the tree",
        "the red cup can be found left of the tree",
        "left of the tree stands a red cup",
        "left of the tree there is a red cup",
        "left of the tree is the red cup",
    ],
    "2_hop": [
        "the red cup left of the tree that is above a car",
        "the red cup that is left of the tree above a car",
        "the red cup which stands left of the tree, which is above a car",
        "left of the tree that is above a car stands a red cup",
        "left of the tree, which is above a car, is the red cup",
    ],
    "and": [
        "the red cup left of the tree and above a car",
        "the red cup that is left of the tree and above a car",
        "the red cup that is both left of the tree and above a car",
        "the red cup can be found left of the tree and above a car",
        "left of the tree and above a car stands a red cup",
        "left of the tree and above a car is the red cup",
    ],
    "same_attr": [
        "the red cup that has the same colour as a car",
        "the red cup of the same colour as a car",
        "the red cup with the same colour as a car",
        "of the same colour as a car is the red cup",
    ],
}
CASES = [(type_, i, text) for type_, texts in EXPECTED.items() for i, text in enumerate(texts)]


@pytest.mark.parametrize(("tuple_type", "index", "text"), CASES)
def test_every_template(tuple_type: str, index: int, text: str) -> None:
    description = DESCRIPTIONS[tuple_type]
    wording = Wording(TEMPLATES[tuple_type][index], (0,) * len(description.edges))
    expression = render(GRAPH, description, wording, WORDS)
    assert expression.text == text
    # A span is the noun phrase without its article.
    assert [text[a:b] for a, b in expression.spans] == [noun_phrase(node, WORDS) for node in description.nodes]


def test_every_template_has_a_case() -> None:
    assert {type_: len(texts) for type_, texts in EXPECTED.items()} == {t: len(x) for t, x in TEMPLATES.items()}


def test_a_negative_keeps_the_articles_of_its_positive() -> None:
    positive, negative = DESCRIPTIONS["1_hop"], DESCRIPTIONS["1_hop"].with_node(1, CAR)
    wording = Wording("{T} {r1} {O1}", (0,))
    assert render(GRAPH, negative, wording, WORDS).text == "the red cup left of a car"
    assert render(GRAPH, negative, wording, WORDS, articles_from=positive).text == "the red cup left of the car"


def test_an_before_a_vowel() -> None:
    description = Description("0_hop", (Node("umbrella"),))
    assert render(GRAPH, description, Wording("there is {aT}", ()), WORDS).text == "there is an umbrella"


def test_attributes_in_the_order_of_english() -> None:
    assert noun_phrase(Node("cup", ("red", "dotted", "big")), WORDS) == "big dotted red cup"
    assert noun_phrase(Node("cup", ("unknown", "big")), WORDS) == "big unknown cup"


def test_phrases_of_a_relation_are_all_used() -> None:
    words = Vocabulary(TYPES, frozenset(), {}, {}, relation_phrases={"left of": ("left of", "on the left of")})
    description = DESCRIPTIONS["1_hop"]
    said = {
        render(GRAPH, description, sample_wording(random.Random(seed), description), words).text for seed in range(200)
    }
    assert len(said) == 2 * len(TEMPLATES["1_hop"])
