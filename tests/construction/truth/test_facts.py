"""What holds and what is possible: tables of small graphs, and the brute-force matcher of complete worlds."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest

from finecops.construction.description import Description, Edge, Node
from finecops.construction.graph import SceneObject
from finecops.construction.lexicon import Attribute, Lexicon, Noun, RelationWord
from finecops.construction.truth.facts import Facts
from tests.construction.small_lexicon import small_lexicon
from tests.construction.truth.graphs import graph_of, thing
from tests.construction.truth.oracle import OPPOSITES, TYPES, fitting, level_of, pattern, toy_graphs
from tests.construction.truth.oracle import Facts as Oracle

LEXICON = small_lexicon()


def facts(*things: SceneObject, lexicon: Lexicon = LEXICON) -> Facts:
    return Facts(graph_of(*things), lexicon)


def one(name: str, *attributes: str) -> Description:
    return Description("0_hop", (Node(name, attributes),))


def two(head: str, relation: str, tail: str) -> Description:
    return Description("1_hop", (Node(head), Node(tail)), (Edge(relation, 0, 1),))


SAME_COLOR = two("cup", "same color", "plate")


@pytest.mark.parametrize(
    ("things", "said", "holds", "possible"),
    [
        # Names.
        ([thing("a", "man"), thing("b", "woman")], one("guy"), "a", "a"),
        ([thing("a", "person"), thing("b", "woman")], one("man"), "", "a"),
        ([thing("a", "man"), thing("b", "people")], one("man"), "a", "ab"),
        ([thing("a", "cup"), thing("b", "mug")], one("cup"), "a", "ab"),
        ([thing("a", "dog"), thing("b", "cat")], one("animal"), "ab", "ab"),
        # Attributes.
        ([thing("a", "cup", "red"), thing("b", "cup")], one("cup", "red"), "a", "ab"),
        ([thing("a", "cup", "red"), thing("b", "cup", "blue")], one("cup", "red"), "a", "a"),
        ([thing("a", "cup", "tan"), thing("b", "cup", "beige")], one("cup", "tan"), "a", "ab"),
        ([thing("a", "cup", "red"), thing("b", "cup", "blue", "tan")], one("cup", "red"), "a", "ab"),
        ([thing("a", "cup", "red"), thing("b", "cups", "blue")], one("cup", "red"), "a", "ab"),
        # What is striped has more than one color.
        ([thing("a", "cup", "red"), thing("b", "cup", "blue", "striped")], one("cup", "red"), "a", "ab"),
        ([thing("a", "cup", "red"), thing("b", "plate", "blue")], SAME_COLOR, "", ""),
        (
            [thing("a", "cup", "red"), thing("b", "plate", "blue", "striped")],
            two("cup", "same color", "plate"),
            "",
            "a",
        ),
        (
            [thing("a", "cup", "striped", "red"), thing("b", "plate", "blue")],
            two("cup", "same color", "plate"),
            "",
            "a",
        ),
        ([thing("a", "cup", "open"), thing("b", "cup", "closed")], one("cup", "open"), "a", "a"),
        # Beside each other: from the boxes and the graph.
        (
            [
                thing("a", "cup", at="left", to_the_left_of="b"),
                thing("b", "plate", at="right"),
                thing("c", "cup", at=(85, 0, 10, 10)),
            ],
            two("cup", "to the left of", "plate"),
            "a",
            "ac",
        ),
        (
            [thing("a", "cup", at="left", to_the_left_of="b"), thing("b", "plate"), thing("c", "cup", at="right")],
            two("cup", "to the left of", "plate"),
            "a",
            "a",
        ),
        # Stated from the other end.
        (
            [thing("a", "cup", at="left"), thing("b", "plate", at="right", to_the_right_of="a")],
            two("cup", "to the left of", "plate"),
            "a",
            "a",
        ),
        # Stated, and the boxes say otherwise.
        (
            [thing("a", "cup", at="right", to_the_left_of="b"), thing("b", "plate", at="left")],
            two("cup", "to the left of", "plate"),
            "",
            "",
        ),
        # Contact: the second man is far from the hat.
        (
            [thing("a", "man", wearing="h"), thing("h", "hat"), thing("c", "man", at=(90, 90, 10, 10))],
            two("man", "wearing", "hat"),
            "a",
            "a",
        ),
        # Near it, but it is the first one's.
        (
            [thing("a", "man", wearing="h"), thing("h", "hat"), thing("c", "man", at=(52, 48, 20, 20))],
            two("man", "wearing", "hat"),
            "a",
            "a",
        ),
        # Two people may hold one thing.
        (
            [thing("a", "man", holding="h"), thing("h", "cup"), thing("c", "man")],
            two("man", "holding", "cup"),
            "a",
            "ac",
        ),
        # On this table, so not on that one; on the shelf, so maybe on the table.
        (
            [
                thing("a", "cup", on="t"),
                thing("b", "cup", on="u"),
                thing("c", "cup", on="s"),
                thing("t", "table", "wooden"),
                thing("u", "table", "metal", at=(52, 48, 20, 20)),
                thing("s", "shelf"),
            ],
            Description("1_hop", (Node("cup"), Node("table", ("wooden",))), (Edge("on", 0, 1),)),
            "a",
            "ac",
        ),
        # The graph gives the hat to somebody's head: the man around it may wear it, the one beside it may not.
        (
            [
                thing("a", "person", wearing="h", at=(45, 40, 10, 10)),
                thing("h", "hat"),
                thing("b", "man", at=(45, 40, 20, 40)),
                thing("c", "man", at=(60, 40, 20, 40)),
            ],
            two("man", "wearing", "hat"),
            "",
            "ab",
        ),
        # A shelf in a shelf.
        (
            [
                thing("a", "cup", on="t"),
                thing("t", "shelf", "wooden"),
                thing("u", "shelf", "metal", at=(40, 30, 40, 40)),
                thing("v", "shelf", "metal", at=(64, 40, 20, 20)),
            ],
            Description("1_hop", (Node("cup"), Node("shelf", ("metal",))), (Edge("on", 0, 1),)),
            "",
            "a",
        ),
        # One of a group may be anywhere in its box.
        (
            [
                thing("a", "cup", at="left", to_the_left_of="p"),
                thing("p", "plate", at=(30, 40, 20, 20)),
                thing("b", "cups", at=(20, 40, 80, 20)),
                thing("c", "cups", at=(60, 40, 40, 20)),
            ],
            two("cup", "to the left of", "plate"),
            "a",
            "ab",
        ),
        # A word that no table has says nothing about other words.
        ([thing("a", "cup", "dotted"), thing("b", "cup", "red")], one("cup", "dotted"), "a", "ab"),
        # A contradiction, from either end.
        (
            [thing("a", "cup", near="t"), thing("t", "table", under="a")],
            two("table", "on", "cup"),
            "",
            "",
        ),
        # The same color.
        (
            [thing("a", "cup", "red"), thing("b", "plate", "red"), thing("c", "cup", "blue"), thing("d", "cup")],
            two("cup", "same color", "plate"),
            "a",
            "ad",
        ),
    ],
)
def test_what_holds_and_what_is_possible(
    things: Iterable[SceneObject], said: Description, holds: str, possible: str
) -> None:
    graph = facts(*things)
    assert "".join(graph.holds(said)) == holds
    assert "".join(graph.possible(said)) == possible
    assert graph.is_false(said) is (possible == "")
    for id_ in graph.index:
        assert graph.is_unique(said, id_) is (holds == possible == id_ or (possible == id_ and id_ in holds))


def test_two_relations_name_two_objects() -> None:
    graph = facts(thing("a", "cup", near="b"), thing("b", "plate"))
    said = Description("and", (Node("cup"), Node("plate"), Node("plate")), (Edge("near", 0, 1), Edge("near", 0, 2)))
    assert graph.holds(said) == []
    chain = Description("2_hop", (Node("cup"), Node("plate"), Node("cup")), (Edge("near", 0, 1), Edge("near", 1, 2)))
    assert graph.possible(chain) == []


def test_a_shape_of_no_tuple_type() -> None:
    said = Description("and", (Node("cup"), Node("plate")), (Edge("near", 1, 0),))
    with pytest.raises(ValueError, match="no tuple type has 2 nodes"):
        facts(thing("a", "cup")).holds(said)


def test_an_object_that_relates_to_itself() -> None:
    assert facts(thing("a", "cup", near="a")).holds(two("cup", "near", "cup")) == []


def test_the_objects_that_are_named() -> None:
    graph = facts(thing("a", "cup", near="b c"), thing("b", "plate"), thing("c", "plate", on="t"), thing("t", "table"))
    said = Description("2_hop", (Node("cup"), Node("plate"), Node("table")), (Edge("near", 0, 1), Edge("on", 1, 2)))
    assert graph.assignment(said, "a") == ("a", "c", "t")
    with pytest.raises(ValueError, match="does not fit object b"):
        graph.assignment(said, "b")


@pytest.mark.parametrize(
    ("things", "said", "level"),
    [
        ([thing("a", "cup"), thing("b", "plate")], one("cup"), 1),
        # The mug may be a cup: not certain that there is one cup, nor that there are two.
        ([thing("a", "cup", "red"), thing("b", "mug", "blue")], one("cup", "red"), None),
        ([thing("a", "cup", "red"), thing("b", "cup", "blue")], one("cup", "red"), 2),
        ([thing("a", "cup", "red"), thing("b", "cup")], one("cup", "red"), None),
        (
            [
                thing("a", "cup", "red", "metal"),
                thing("b", "cup", "red", "wooden"),
                thing("c", "cup", "blue", "metal"),
            ],
            one("cup", "red", "metal"),
            3,
        ),
        # Enough by what the graph says, not by what is possible: of no level.
        (
            [thing("a", "cup", "red", "open"), thing("b", "cup", "closed"), thing("c", "cup", "blue")],
            one("cup", "red", "open"),
            None,
        ),
    ],
)
def test_levels(things: Iterable[SceneObject], said: Description, level: int | None) -> None:
    assert facts(*things).level(said) == level


def test_a_level_that_needs_two_clues_whatever_is_named() -> None:
    things = (
        thing("a", "cup", "red", "metal", near="p"),
        thing("b", "cup", "red", "wooden"),
        thing("c", "cup", "blue", "metal"),
        thing("p", "plate"),
    )
    graph = facts(*things)
    assert graph.level(one("cup", "red", "metal")) == 3
    # The plate would be enough.
    assert not graph.needs_two(one("cup", "red", "metal"), "a")
    assert facts(*things[1:3], thing("a", "cup", "red", "metal")).needs_two(one("cup", "red", "metal"), "a")


def test_an_edited_graph() -> None:
    graph = facts(thing("a", "cup", "red"), thing("b", "plate"))
    edited = graph.replace_objects([thing("a", "cup", "blue")])
    assert (graph.is_false(one("cup", "red")), edited.is_false(one("cup", "red"))) == (False, True)


def test_an_inverse_relation_holds_one_way() -> None:
    words = {
        "behind": RelationWord("behind", ("behind",), inverse="in front of"),
        "in front of": RelationWord("in front of", ("in front of",), inverse="behind"),
        "parked behind": RelationWord("parked behind", ("parked behind",), inverse="in front of"),
    }
    lexicon = Lexicon(LEXICON.nouns, LEXICON.attributes, LEXICON.exclusive, words)
    graph = facts(
        thing("a", "car", parked_behind="b"), thing("b", "bus", behind="c"), thing("c", "cup"), lexicon=lexicon
    )
    assert graph.holds(two("bus", "in front of", "car")) == ["b"]
    # The bus is behind the cup; nobody says that the cup is parked there.
    assert graph.holds(two("cup", "in front of", "bus")) == ["c"]
    assert graph.holds(two("car", "behind", "bus")) == []


@pytest.mark.parametrize("attribute", [a.name for a in LEXICON.attributes.values()])
def test_masks_of_attributes_say_what_the_lexicon_says_of_one_object(attribute: str) -> None:
    rng = random.Random(attribute)
    names = sorted(LEXICON.attributes)
    things = [thing(str(i), "cup", *rng.sample(names, rng.randint(0, 4))) for i in range(40)]
    mask = facts(*things).having(attribute, possible=True)
    for i, one_thing in enumerate(things):
        may = attribute in one_thing.attributes or not LEXICON.excluded(one_thing.attributes, attribute)
        assert bool(mask >> i & 1) is may, one_thing


TOY = Lexicon(
    {name: Noun(name) for name in ("cup", "car", "tree")},
    {name: Attribute(name, kind) for name, kind in TYPES.items()},
    frozenset({"colour", "size"}),
    {name: RelationWord(name, (name,), inverse=back) for name, back in OPPOSITES.items()},
    complete=True,
)


def _random(rng: random.Random) -> Description:
    nodes = [
        Node(rng.choice(["cup", "car", "tree"]), tuple(rng.sample(sorted(TYPES), rng.choice([0, 1, 1, 2]))))
        for _ in range(3)
    ]
    relations = [rng.choice([*OPPOSITES, "same colour", "same size"]) for _ in range(2)]
    shape = rng.choice(["0_hop", "1_hop", "2_hop", "and"])
    edges = [Edge(relations[0], 0, 1), Edge(relations[1], 1 if shape == "2_hop" else 0, 2)]
    count = {"0_hop": 0, "1_hop": 1}.get(shape, 2)
    return Description(shape, tuple(nodes[: count + 1]), tuple(edges[:count]))


def test_a_complete_world_as_brute_force_sees_it() -> None:
    rng = random.Random(7)
    levels = set()
    for graph in toy_graphs(40):
        asked, oracle = Facts(graph, TOY), Oracle.of(graph)
        for _ in range(60):
            said = _random(rng)
            found = fitting(oracle, pattern(said), TYPES)
            assert set(asked.holds(said)) == set(asked.possible(said)) == found, said
            if len(found) == 1:
                levels.add(asked.level(said))
                assert asked.level(said) == level_of(oracle, pattern(said), TYPES), said
    assert levels == {1, 2, 3}


def test_in_complete_graphs_the_boxes_still_say_left_and_right() -> None:
    things = (
        thing("a", "cup", at="left", to_the_left_of="p"),
        thing("b", "cup", at=(20, 70, 10, 10)),
        thing("p", "plate", at="right"),
        thing("q", "plate", "red"),
    )
    graph = facts(*things, lexicon=small_lexicon(complete=True))
    # GQA's graphs have left and right for some pairs only.
    assert graph.possible(two("cup", "to the left of", "plate")) == ["a", "b"]
    assert graph.holds(two("cup", "to the left of", "plate")) == ["a"]
    assert graph.possible(two("cup", "near", "plate")) == []
    # No color is written of the cups.
    assert graph.possible(two("cup", "same color", "plate")) == ["a", "b"]
    assert graph.possible(one("cup", "red")) == []
