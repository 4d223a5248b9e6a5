"""Sentences written out: what a template makes of words of all forms."""

from __future__ import annotations

import random

import pytest

from finecops.construction.description import Description, Edge, Node
from finecops.construction.english.forms import PICKS
from finecops.construction.english.realise import Expression, Wording, realise, sample_wording
from tests.construction.english.small_words import LEXICON

PLAIN, LAST = 0, PICKS - 1
"""Picks of the plainest form, and of the rarest."""


def _node(text: str) -> Node:
    """ "large black bus" → its node; attributes of two words have an underscore."""
    *attributes, name = text.split()
    return Node(name, tuple(attribute.replace("_", " ") for attribute in attributes))


def _said(tuple_type: str, nodes: str, *relations: str) -> Description:
    tails = {"and": [(0, 1), (0, 2)]}.get(tuple_type, [(0, 1), (1, 2)])
    edges = tuple(Edge(relation, *ends) for relation, ends in zip(relations, tails))
    return Description(tuple_type, tuple(_node(text) for text in nodes.split(", ")), edges)


def _say(said: Description, template: str, the: str = "", pick: int = PLAIN, sentence: bool = False) -> Expression:
    """The expression; `the` has the numbers of the nodes that are definite."""
    picks = (pick,) * 2 * (len(said.edges) + len(said.nodes))
    definite = [str(i) in the for i in range(len(said.nodes))]
    return realise(said, Wording(template, picks), definite, LEXICON, sentence)


HOP, TWO, AND = "{T} {r1} {O1}", "{T} {who0} {is1} {O1} {who1} {is2} {O2}", "{T} {who0} {is1} {O1} and {is2} {O2}"
THERE = "{there} {aT}"
CLAUSE = "{T} {who0} {is1} {O1}"

CASES = [
    # Articles by sound; plurals, mass nouns and pairs.
    ("0_hop", "elephant", (), THERE, "", "there is an elephant"),
    ("0_hop", "large elephant", (), THERE, "", "there is a large elephant"),
    ("0_hop", "orange bus", (), THERE, "", "there is an orange bus"),
    ("0_hop", "windows", (), THERE, "", "there are some windows"),
    ("0_hop", "grass", (), THERE, "", "there is some grass"),
    ("0_hop", "orange scissors", (), THERE, "", "there is a pair of orange scissors"),
    ("1_hop", "man, scissors", ("near",), HOP, "", "the man near a pair of scissors"),
    ("1_hop", "man, scissors", ("near",), HOP, "1", "the man near the scissors"),
    ("1_hop", "dog, sky", ("under",), HOP, "", "the dog under the sky"),
    # No "some" behind what touches or covers; "some" at a distance.
    ("1_hop", "dog, snow", ("on",), HOP, "", "the dog on snow"),
    ("1_hop", "dog, snow", ("on",), HOP, "1", "the dog on the snow"),
    ("1_hop", "bus, snow", ("covered with",), HOP, "", "the bus covered with snow"),
    ("1_hop", "bus, snow", ("covered with",), HOP, "1", "the bus covered with snow"),
    ("1_hop", "dog, sky", ("reflected in",), HOP, "", "the dog reflected in the sky"),
    ("1_hop", "bus, windows", ("with",), HOP, "", "the bus with windows"),
    ("1_hop", "bus, windows", ("next to",), HOP, "", "the bus next to some windows"),
    # Order of the words before the noun; two values of a kind are joined.
    ("0_hop", "white wood old black large table", (), "{T}", "", "the large old white and black wood table"),
    # Agreement.
    ("1_hop", "windows, bus", ("above",), CLAUSE, "1", "the windows that are above the bus"),
    ("1_hop", "scissors, bus", ("above",), CLAUSE, "1", "the scissors that are above the bus"),
    ("1_hop", "scissors, bus", ("above",), "{aT} {is1} {O1}", "1", "a pair of scissors is above the bus"),
    ("1_hop", "men, hat", ("with",), CLAUSE, "1", "the men who have the hat"),
    ("1_hop", "windows, bus", ("on",), "{f1} {O1} {is} {T}", "1", "on the bus are the windows"),
    ("1_hop", "men, table", ("sitting on",), "{p1} {O1} {v1} {aT}", "1", "on the table sit some men"),
    # Who and that; a verb and a place.
    ("1_hop", "man, hat", ("wearing",), HOP, "", "the man wearing a hat"),
    ("1_hop", "man, hat", ("wearing",), CLAUSE, "", "the man who is wearing a hat"),
    ("1_hop", "dog, hat", ("wearing",), CLAUSE, "1", "the dog that is wearing the hat"),
    ("1_hop", "bus, man", ("to the left of",), "{f1} {O1} {there} {aT}", "1", "to the left of the man there is a bus"),
    ("1_hop", "man, table", ("sitting on",), "{p1} {O1} {v1} {aT}", "1", "on the table sits a man"),
    # Another one of the target's name.
    ("1_hop", "bus, bus", ("behind",), HOP, "", "the bus behind another bus"),
    ("1_hop", "bus, orange bus", ("behind",), HOP, "1", "the bus behind the orange bus"),
    # Two relations.
    ("2_hop", "hat, man, bus", ("on", "near"), TWO, "12", "the hat that is on the man who is near the bus"),
    ("and", "man, hat, bus", ("wearing", "near"), AND, "12", "the man who is wearing the hat and is near the bus"),
    # One relation twice is said once.
    ("and", "man, hat, bus", ("near", "near"), AND, "12", "the man who is near the hat and the bus"),
    ("and", "man, hat, bus", ("near", "near"), "{T} {b1} {O1} and {b2} {O2}", "12", "the man near the hat and the bus"),
    (
        "and",
        "man, hat, bus",
        ("near", "near"),
        "{T} {who0} {is} both {b1} {O1} and {b2} {O2}",
        "12",
        "the man who is near the hat and the bus",
    ),
    # Attributes behind the noun.
    ("0_hop", "looking_down man", (), "{T}", "", "the man looking down"),
    ("0_hop", "standing man", (), "{T}", "", "the man who is standing"),
    ("0_hop", "on bus", (), THERE, "", "there is a bus that is on"),
    ("1_hop", "standing man, bus", ("near",), HOP, "1", "the man standing near the bus"),
    ("1_hop", "standing man, bus", ("near",), CLAUSE, "1", "the man who is standing near the bus"),
    ("1_hop", "standing man, bus", ("to the left of",), HOP, "1", "the man standing to the left of the bus"),
    (
        "1_hop",
        "looking_down man, bus",
        ("to the left of",),
        HOP,
        "1",
        "the man who is looking down and is to the left of the bus",
    ),
    ("1_hop", "standing man, hat", ("wearing",), HOP, "1", "the man who is standing and is wearing the hat"),
    ("1_hop", "on bus, man", ("near",), HOP, "1", "the bus that is on and is near the man"),
    ("1_hop", "bus, looking_down man", ("near",), HOP, "1", "the bus near the man looking down"),
    (
        "and",
        "on bus, man, hat",
        ("near", "with"),
        AND,
        "12",
        "the bus that is on, is near the man and has the hat",
    ),
    (
        "and",
        "standing man, hat, bus",
        ("wearing", "near"),
        "{f2} {O2} {there} {aT} {r1} {O1}",
        "12",
        "near the bus there is a man who is standing and is wearing the hat",
    ),
    # "The same color as", also of a kind that the table spells in the British way.
    ("same_attr", "bus, hat", ("same color",), CLAUSE, "1", "the bus that is the same color as the hat"),
    ("same_attr", "windows, hat", ("same colour",), CLAUSE, "1", "the windows that are the same color as the hat"),
    ("same_attr", "bus, hat", ("same material",), HOP, "1", "the bus made of the same material as the hat"),
    ("same_attr", "bus, hat", ("same pattern",), CLAUSE, "1", "the bus that has the same pattern as the hat"),
    (
        "same_attr",
        "bus, scissors",
        ("same color",),
        "{T} whose {kind} is the same as that of {O1}",
        "",
        "the bus whose color is the same as that of a pair of scissors",
    ),
    (
        "same_attr_two_hop",
        "bus, hat, man",
        ("same color", "on"),
        "{T} {who0} {is1} {O1} {r2} {O2}",
        "12",
        "the bus that is the same color as the hat on the man",
    ),
]


@pytest.mark.parametrize(("kind", "nodes", "relations", "template", "the", "text"), CASES)
def test_sentence(kind: str, nodes: str, relations: tuple[str, ...], template: str, the: str, text: str) -> None:
    assert _say(_said(kind, nodes, *relations), template, the).text == text


def test_rare_forms_of_the_same_words() -> None:
    said = _said("1_hop", "man, windows", "wearing")
    assert _say(said, CLAUSE, pick=LAST).text == "the man that wears some windows"
    left = _said("1_hop", "man, bus", "to the left of")
    assert _say(left, HOP, "1", pick=LAST).text == "the man on the left of the bus"


def test_spans_are_the_noun_phrases_without_article() -> None:
    said = _said("2_hop", "standing large man, scissors, sky", "near", "below")
    found = _say(said, "{T} {r1} {O1} {who1} {is2} {O2}", "")
    assert found.text == "the large man standing near a pair of scissors that is below the sky"
    assert [found.text[a:b] for a, b in found.spans] == ["large man", "pair of scissors", "sky"]


def test_a_sentence_has_a_capital_and_a_full_stop_and_the_same_spans() -> None:
    said = _said("1_hop", "bus, man", "near")
    plain, sentence = _say(said, HOP), _say(said, HOP, sentence=True)
    assert sentence.text == "The bus near a man."
    assert sentence.spans == plain.spans


def test_a_negative_keeps_template_and_articles() -> None:
    """Another relation, another noun, the same wording: nothing but the changed word and the sound of its article."""
    said = _said("1_hop", "bus, orange hat", "behind")
    wording = Wording("{f1} {O1} {there} {aT}", (PLAIN,) * 6)
    for changed, text in (
        (said.with_edge(0, Edge("on", 0, 1)), "on an orange hat there is a bus"),
        (said.with_node(1, Node("hat", ("black",))), "behind a black hat there is a bus"),
        (said.with_node(0, Node("umbrella")), "behind an orange hat there is an umbrella"),
    ):
        assert realise(changed, wording, [True, False], LEXICON).text == text


@pytest.mark.parametrize(
    ("said", "template", "text"),
    [
        (("1_hop", "man, hat", "wearing"), "{f1} {O1} {there} {aT}", "there is a man wearing the hat"),
        (("1_hop", "man, hat", "wearing"), "{f1} {O1} {is} {T}", "the man who is wearing the hat"),
        (
            ("2_hop", "man, hat, bus", "near", "on"),
            "{T} {r1} {O1} {q2} {O2}",
            "the man near the hat that is on the bus",
        ),
    ],
)
def test_a_template_that_does_not_fit_is_replaced_by_one_like_it(
    said: tuple[str, ...], template: str, text: str
) -> None:
    assert _say(_said(*said), template, "12").text == text


def test_an_unknown_tuple_type_is_refused() -> None:
    with pytest.raises(ValueError, match="no templates for '3_hop'"):
        sample_wording(random.Random(0), Description("3_hop", (Node("man"),)), LEXICON)
