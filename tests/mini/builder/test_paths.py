"""Random paths: their shape by type, what they may name, and that a unique one is unique."""

from __future__ import annotations

import random

import pytest

from finecops.construction.graph import SceneGraph, SceneObject
from finecops.mini.builder.paths import TUPLE_TYPES, is_suitable, sample_path, sample_unique_path
from finecops.mini.builder.vocabulary import Vocabulary
from tests.conftest import make_graph
from tests.mini.builder.oracle import TYPES, Facts, fitting, forget, pattern, toy_graphs, toy_vocabulary

COMPLETE, OPEN = toy_vocabulary(complete=True), toy_vocabulary(complete=False)
EDGES = {"0_hop": [], "1_hop": [(0, 1)], "2_hop": [(0, 1), (1, 2)], "and": [(0, 1), (0, 2)], "same_attr": [(0, 1)]}


@pytest.mark.parametrize("tuple_type", TUPLE_TYPES)
def test_the_shape_of_each_type(tuple_type: str) -> None:
    found = 0
    for graph in toy_graphs(30):
        rng = random.Random(graph.image_id)
        for target in graph.objects.values():
            path = sample_path(rng, graph, target, tuple_type, COMPLETE)
            if path is None:
                continue
            found += 1
            assert path.tuple_type == tuple_type
            assert [(edge.head, edge.tail) for edge in path.edges] == EDGES[tuple_type]
            assert len(path.nodes) == len(path.edges) + 1
            assert path.nodes[0].name == target.name
            assert all(len(node.attributes) <= 2 for node in path.nodes)
            assert set(path.nodes[0].attributes) <= set(target.attributes)
    assert found > 50


def test_a_comparison_does_not_name_the_shared_value() -> None:
    found = 0
    for graph in toy_graphs(60):
        rng = random.Random(graph.image_id)
        for target in graph.objects.values():
            path = sample_path(rng, graph, target, "same_attr", COMPLETE)
            if path is not None:
                found += 1
                kind = path.edges[0].relation.removeprefix("same ")
                assert kind in {"colour", "size"}  # a pattern is not exclusive
                assert all(TYPES[a] != kind for node in path.nodes for a in node.attributes)
                assert path.nodes[0].name != path.nodes[1].name
    assert found > 50


@pytest.mark.parametrize(
    ("tuple_type", "graph"),
    [
        ("1_hop", make_graph(("1", "cup", "red", ""), ("2", "car", "blue", ""))),
        ("2_hop", make_graph(("1", "cup", "", "left of>2"), ("2", "car", "", "right of>1"))),  # no way back
        ("and", make_graph(("1", "cup", "", "left of>2"), ("2", "car", "", "right of>1"))),
        ("same_attr", make_graph(("1", "cup", "red", ""), ("2", "car", "blue", ""), ("3", "cup", "red", ""))),
    ],
)
def test_no_path_where_the_graph_has_none(tuple_type: str, graph: SceneGraph) -> None:
    for seed in range(20):
        assert sample_path(random.Random(seed), graph, graph.objects["1"], tuple_type, COMPLETE) is None


@pytest.mark.parametrize(
    ("name", "xywh", "suitable"),
    [
        ("cup", (0, 0, 20, 20), True),
        ("cup", (80, 80, 20, 20), True),  # touches the border
        ("cup", (0, 0, 100, 10), True),  # the shorter side is just long enough
        ("cup", (0, 0, 100, 9.9), False),
        ("cup", (-1, 0, 20, 20), False),
        ("cup", (0, 181, 20, 20), False),
        ("sky", (0, 0, 50, 50), False),
        ("dog", (0, 0, 50, 50), False),  # no category of this world
    ],
)
def test_suitable_targets(name: str, xywh: tuple[float, float, float, float], suitable: bool) -> None:
    words = Vocabulary(
        TYPES, frozenset(), {}, {}, categories=("cup", "sky"), unsuitable=frozenset({"sky"}), min_side_share=0.1
    )
    obj = SceneObject("1", name, xywh)
    graph = SceneGraph("i", 100, 200, {"1": obj})
    assert is_suitable(graph, obj, words) is suitable
    assert (sample_unique_path(random.Random(0), graph, words) is not None) is suitable


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6])
def test_a_unique_path_is_unique_whatever_the_graph_leaves_out(share: float) -> None:
    """The path comes from a graph that forgot a share of the facts; the oracle judges it by all of them."""
    found = 0
    for graph in toy_graphs(120, seed=1):
        rng = random.Random(graph.image_id)
        known, facts = forget(rng, graph, share), Facts.of(graph)
        for _ in range(6):
            path = sample_unique_path(rng, known, OPEN)
            if path is not None:
                found += 1
                assert fitting(facts, pattern(path[0]), TYPES) == {path[1].id}
    assert found > 50


def test_types_and_tries_are_respected() -> None:
    graph = next(iter(toy_graphs(1)))
    assert sample_unique_path(random.Random(0), graph, COMPLETE, tries=0) is None
    for seed in range(30):
        path = sample_unique_path(random.Random(seed), graph, COMPLETE, ("same_attr",))
        assert path is None or path[0].tuple_type == "same_attr"
