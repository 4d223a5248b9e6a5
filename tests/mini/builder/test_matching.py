"""What descriptions fit, how difficult they are; by tables, and against the oracle on random graphs."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from finecops.construction.description import Description, Edge, Node
from finecops.construction.graph import Relation, SceneObject
from finecops.mini.builder.matching import difficulty, edge_holds, is_false, is_unique, node_fits, referents
from finecops.mini.builder.paths import TUPLE_TYPES, sample_path
from finecops.mini.builder.vocabulary import Vocabulary
from tests.conftest import make_graph
from tests.mini.builder.oracle import TYPES, Facts, fitting, level_of, pattern, toy_graphs, toy_vocabulary

COMPLETE, OPEN = toy_vocabulary(complete=True), toy_vocabulary(complete=False)


@pytest.mark.parametrize(
    ("name", "attributes", "fits_complete", "fits_open", "possible_open"),
    [
        ("cup", (), True, True, True),
        ("cup", ("red",), True, True, True),
        ("cup", ("blue",), False, False, False),  # it is red, and a thing has one colour
        ("cup", ("big",), False, False, True),  # its size is not said
        ("cup", ("dotted",), False, False, True),  # patterns do not exclude one another
        ("car", (), False, False, False),
        ("cups", (), True, True, True),  # one group
    ],
)
def test_node_fits(
    name: str, attributes: tuple[str, ...], fits_complete: bool, fits_open: bool, possible_open: bool
) -> None:
    cup = SceneObject("1", "cup", (0, 0, 1, 1), ("red",))
    node = Node(name, attributes)
    assert node_fits(cup, node, COMPLETE) is fits_complete
    assert node_fits(cup, node, COMPLETE, possible=True) is fits_complete
    assert node_fits(cup, node, OPEN) is fits_open
    assert node_fits(cup, node, OPEN, possible=True) is possible_open


@pytest.mark.parametrize(
    ("relation", "fits", "possible_open"),
    [
        ("left of", True, True),
        ("right of", False, False),  # contradicts what is said
        ("above", False, True),
        ("same colour", False, False),
        ("same size", False, True),  # the tail's size is not said
        ("same pattern", False, True),
    ],
)
def test_edge_holds(relation: str, fits: bool, possible_open: bool) -> None:
    head = SceneObject("1", "cup", (0, 0, 1, 1), ("red", "big"), (Relation("left of", "2"),))
    tail = SceneObject("2", "car", (0, 0, 1, 1), ("blue",))
    edge = Edge(relation, 0, 1)
    assert edge_holds(edge, head, tail, COMPLETE) is fits
    assert edge_holds(edge, head, tail, COMPLETE, possible=True) is fits
    assert edge_holds(edge, head, tail, OPEN) is fits
    assert edge_holds(edge, head, tail, OPEN, possible=True) is possible_open


def test_synonyms_are_one_group() -> None:
    words = Vocabulary(TYPES, frozenset(), {}, {}, synonyms={"man": "person", "woman": "person"})
    assert words.group("man") == words.group("woman") == words.group("mans") == "person"
    assert words.group("cars") == "car"
    assert Vocabulary(TYPES, frozenset(), {}, {}, synonyms={"glass": "vessel"}).group("glass") == "vessel"
    assert words.group("bus") == "bus"  # too short to lose its s
    man = SceneObject("1", "man", (0, 0, 1, 1))
    assert node_fits(man, Node("woman"), words)


# Two red cups; the first is big and left of a tree, the second small and left of a car that is red.
SCENE = make_graph(
    ("1", "cup", "red big", "left of>3"),
    ("2", "cup", "red small", "left of>4"),
    ("3", "tree", "blue big", "right of>1"),
    ("4", "car", "red big", "right of>2"),
    ("5", "cup", "blue big", "left of>3, left of>4"),
)


@pytest.mark.parametrize(
    ("nodes", "edges", "expected", "level"),
    [
        ((Node("tree"),), (), ["3"], 1),
        ((Node("tree", ("blue",)),), (), ["3"], 1),  # the attribute is not needed
        ((Node("cup", ("small",)),), (), ["2"], 2),
        ((Node("cup", ("red", "big")),), (), ["1"], 3),
        ((Node("cup", ("blue",)), Node("tree")), (Edge("left of", 0, 1),), ["5"], 2),  # blue alone does it
        ((Node("cup", ("red",)), Node("tree")), (Edge("left of", 0, 1),), ["1"], 3),
        ((Node("cup"), Node("tree"), Node("car")), (Edge("left of", 0, 1), Edge("left of", 0, 2)), ["5"], 3),
        ((Node("car"), Node("cup")), (Edge("same colour", 0, 1),), ["4"], 1),
        # Fits two or none: no level.
        ((Node("cup", ("red",)),), (), ["1", "2"], None),
        ((Node("tree"), Node("car")), (Edge("left of", 0, 1),), [], None),
        # Two nodes are two objects: no cup has the colour of itself.
        ((Node("cup", ("blue",)), Node("cup")), (Edge("same colour", 0, 1),), [], None),
    ],
)
def test_levels(nodes: tuple[Node, ...], edges: tuple[Edge, ...], expected: list[str], level: int | None) -> None:
    description = Description("x", nodes, edges)
    assert referents(SCENE, description, COMPLETE) == expected
    assert difficulty(SCENE, description, COMPLETE) == level
    assert is_false(SCENE, description, COMPLETE) == (not expected)
    for id_ in SCENE.objects:
        assert is_unique(SCENE, description, id_, COMPLETE) == (expected == [id_])


def test_what_a_graph_does_not_say_spoils_uniqueness() -> None:
    graph = make_graph(("1", "cup", "red", ""), ("2", "cup", "", ""), ("3", "car", "blue", ""))
    red_cup = Description("0_hop", (Node("cup", ("red",)),))
    assert is_unique(graph, red_cup, "1", COMPLETE)
    assert not is_unique(graph, red_cup, "1", OPEN)  # the other cup may be red
    assert is_false(graph, Description("0_hop", (Node("car", ("red",)),)), OPEN)
    assert not is_false(graph, Description("0_hop", (Node("cup", ("big",)),)), OPEN)


def test_replacing_a_part() -> None:
    description = Description("1_hop", (Node("a"), Node("b")), (Edge("on", 0, 1),))
    assert description.with_node(1, Node("c")).nodes == (Node("a"), Node("c"))
    assert description.with_edge(0, Edge("under", 0, 1)).edges == (Edge("under", 0, 1),)
    assert description.nodes == (Node("a"), Node("b"))


def test_every_path_fits_what_the_oracle_finds() -> None:
    """Unique or not: over random paths of every type the two matchers agree, and so do the levels."""
    levels: Counter[int | None] = Counter()
    for graph in toy_graphs(60):
        rng, facts = random.Random(graph.image_id), Facts.of(graph)
        for target in graph.objects.values():
            for tuple_type in TUPLE_TYPES:
                path = sample_path(rng, graph, target, tuple_type, COMPLETE)
                if path is None:
                    continue
                expected = fitting(facts, pattern(path), TYPES)
                assert set(referents(graph, path, COMPLETE)) == expected
                assert target.id in expected
                level = difficulty(graph, path, COMPLETE)
                assert level == (level_of(facts, pattern(path), TYPES) if len(expected) == 1 else None)
                levels[level] += 1
    assert min(levels[level] for level in (None, 1, 2, 3)) > 20, levels
