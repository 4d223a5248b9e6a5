"""Descriptions that no wording makes good English."""

from __future__ import annotations

import pytest

from finecops.construction.description import Description, Edge, Node
from finecops.construction.english.oddities import oddity
from finecops.construction.words import gqa_lexicon

LEXICON = gqa_lexicon()


def _hop(head: Node, relation: str, tail: Node) -> Description:
    return Description("1_hop", (head, tail), (Edge(relation, 0, 1),))


@pytest.mark.parametrize(
    ("name", "attributes", "reason"),
    [
        ("grass", ("grassy",), "repeats"),
        ("snow", ("snowy",), "repeats"),
        ("baseball", ("baseball",), "repeats"),
        ("ball", ("baseball",), "repeats"),
        ("man", ("female",), "not said"),
        ("man", ("wood",), "not said"),
        ("tree", ("covered",), "needs an object"),
        ("jacket", ("light colored", "green"), "two words"),
        ("snow", ("small",), "a size"),
        ("grass", ("tall",), None),
        ("man", ("standing", "sitting"), "two postures"),
        ("man", ("jumping", "crouched"), "two postures"),
        ("man", ("standing", "smiling"), None),
        ("person", ("female",), None),
        ("jacket", ("light colored",), None),
        ("stop sign", ("red",), None),
    ],
)
def test_a_noun_and_its_attributes(name: str, attributes: tuple[str, ...], reason: str | None) -> None:
    found = oddity(Description("0_hop", (Node(name, attributes),)), LEXICON)
    assert (found is None) == (reason is None)
    assert reason is None or reason in str(found)


@pytest.mark.parametrize(
    ("head", "relation", "tail", "reason"),
    [
        (Node("car", ("parked",)), "parked on", "street", "two postures"),
        (Node("man", ("standing",)), "sitting on", "bench", "two postures"),
        (Node("man", ("walking",)), "riding", "horse", "two postures"),
        (Node("man", ("eating",)), "eating", "pizza", "two postures"),
        (Node("vase"), "wearing", "hat", "head"),
        (Node("man"), "same material", "table", "not said"),
        (Node("table"), "same material", "man", "not said"),
        (Node("man"), "same color", "table", "not said"),
        (Node("dog"), "same color", "table", None),
        (Node("man", ("standing",)), "wearing", "hat", None),
        (Node("man", ("standing",)), "next to", "bus", None),
        (Node("car", ("parked",)), "behind", "bus", None),
    ],
)
def test_a_relation(head: Node, relation: str, tail: str, reason: str | None) -> None:
    found = oddity(_hop(head, relation, Node(tail)), LEXICON)
    assert (found is None) == (reason is None)
    assert reason is None or reason in str(found)


def test_one_posture_at_two_places_is_one() -> None:
    edges = (Edge("sitting on", 0, 1), Edge("sitting at", 0, 2))
    assert oddity(Description("and", (Node("man"), Node("chair"), Node("table")), edges), LEXICON) is None
    edges = (Edge("sitting on", 0, 1), Edge("standing next to", 0, 2))
    assert oddity(Description("and", (Node("man"), Node("chair"), Node("table")), edges), LEXICON) is not None
