"""Paths: what is found in small graphs, and that all of it is so by the matcher that tries every permutation."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest

from finecops.bench.synthetic_graphs import GraphGenerator
from finecops.construction import graph as graph_module
from finecops.construction.graph import MAX_OBJECTS, SceneGraph, Work, parse_scene_graph
from finecops.construction.samples import PathsRow
from finecops.construction.truth import paths as reasons
from finecops.construction.truth.draw import TUPLE_TYPES, Draw, rests_on_sides
from finecops.construction.truth.facts import Facts
from finecops.construction.truth.hard import hard_paths
from finecops.construction.truth.paths import PathOptions, find_paths
from finecops.construction.truth.rivals import Clues
from finecops.construction.truth.statements import Statements
from finecops.construction.truth.targets import TargetRules, find_targets
from finecops.construction.words import gqa_lexicon
from tests.construction.hidden_world import worlds
from tests.construction.small_lexicon import small_lexicon
from tests.construction.truth.graphs import graph_of, thing
from tests.construction.truth.oracle import TYPES, fitting, level_of, pattern, toy_graphs
from tests.construction.truth.oracle import Facts as Oracle
from tests.construction.truth.test_facts import TOY

LEXICON = replace(small_lexicon(), min_side=5.0)
ALL = PathOptions(per_level=100)


def said(row: PathsRow) -> set[tuple[int, str]]:
    """Level, and what is named, in words."""
    return {
        (
            path.level,
            " ".join(
                [*path.said.nodes[0][1], path.said.nodes[0][0]]
                + [
                    word
                    for (r, _, tail) in path.said.edges
                    for word in (r, *path.said.nodes[tail][1], path.said.nodes[tail][0])
                ]
            ),
        )
        for path in row.paths
    }


def test_level_1_names_the_only_one() -> None:
    row = find_paths(graph_of(thing("a", "cup", "red"), thing("b", "sky", at="left")), LEXICON)
    assert row.status == "kept"
    assert said(row) <= {(1, "cup"), (1, "red cup")}
    assert row.paths[0].objects == ["a"]


def test_level_2_has_one_statement_that_is_enough() -> None:
    row = find_paths(graph_of(thing("a", "cup", "red"), thing("b", "cup", "blue", at="left")), LEXICON, ALL)
    assert said(row) == {(2, "red cup"), (2, "blue cup")}


def test_level_3_needs_two_statements() -> None:
    graph = graph_of(
        thing("a", "cup", "red", "metal"),
        thing("b", "cup", "red", "wooden", at="left"),
        thing("c", "cup", "blue", "metal", at="right"),
    )
    row = find_paths(graph, LEXICON, ALL)
    assert (3, "red metal cup") in said(row)
    assert {(2, "blue cup"), (2, "wooden cup")} <= said(row)
    assert all(path.strict for path in row.paths)


def test_level_3_from_two_relations() -> None:
    """Of three cups, one is left of the plate, one has it too, one is right of the hat."""
    graph = graph_of(
        thing("a", "cup", at=(40, 0, 10, 10), to_the_left_of="p", to_the_right_of="h"),
        thing("b", "cup", at=(0, 0, 10, 10), to_the_left_of="p"),
        thing("c", "cup", at=(90, 0, 10, 10), to_the_right_of="h"),
        thing("p", "plate", at=(65, 30, 10, 10)),
        thing("h", "hat", at=(20, 30, 10, 10)),
    )
    found = said(find_paths(graph, LEXICON, ALL))
    assert any(level == 3 and "to the left of plate" in text and "to the right of hat" in text for level, text in found)
    assert find_paths(graph, LEXICON, replace(ALL, types=("0_hop", "1_hop"))).dropped == {reasons.NOT_UNIQUE: 3}


@pytest.mark.slow
def test_hard_paths_are_found_wherever_random_ones_are() -> None:
    """As many random paths of each target as find level 3 now and then: the search knows one for each such target."""
    lexicon, targets = gqa_lexicon(), 0
    for world in worlds(400, "recall", 0.3):
        assert world.graph is not None
        facts = Facts(world.graph, lexicon)
        draw = Draw(Statements(facts), random.Random(1), 0.5)
        for target in find_targets(facts, TargetRules())[0]:
            about = Clues(facts, facts.objects[target].name)
            if about.certain == 1 << target:
                continue
            found = list(hard_paths(draw, about, target, TUPLE_TYPES))
            for _ in range(150):
                told = draw.around(target, draw.rng.choice(TUPLE_TYPES))
                if told is not None and facts.is_unique(told, facts.objects[target].id) and facts.level(told) == 3:
                    assert found, told
            targets += bool(found)
    assert targets > 15


@pytest.mark.parametrize(
    ("graph", "reason", "dropped"),
    [
        (graph_of(thing("a", "sky")), reasons.NO_TARGET, 1),
        # The mug may be a cup, and there is no other cup.
        (graph_of(thing("a", "cup", "red"), thing("b", "mug", "blue", at="left")), reasons.NO_PATH, 2),
        (graph_of(thing("a", "cup"), thing("b", "cup", at="left")), reasons.NO_PATH, 2),
        (graph_of(), reasons.NO_TARGET, 0),
    ],
)
def test_an_image_without_paths(graph: SceneGraph, reason: str, dropped: int) -> None:
    row = find_paths(graph, LEXICON)
    assert (row.status, row.reason, row.paths) == ("dropped", reason, [])
    assert sum(row.dropped.values()) == dropped


def test_what_could_mislead_is_not_said() -> None:
    graph = graph_of(
        # Two colors; closed and open; a wall so wide that the cup is in front of it.
        thing("a", "cup", "red", "blue", "open", "closed", at=(0, 40, 20, 20), to_the_left_of="t"),
        thing("t", "table", at=(0, 0, 100, 40)),
        thing("m", "man", at=(60, 60, 20, 20), near="x", of="a"),
        thing("x", "gizmo"),
    )
    assert {text for _, text in said(find_paths(graph, LEXICON, ALL))} == {"cup", "table", "man"}


def test_all_types_and_the_share_of_sides() -> None:
    lexicon = gqa_lexicon()
    counts, sides = Counter[str](), Counter[bool]()
    for image_id, raw in GraphGenerator(lexicon).graphs(80):
        for path in find_paths(parse_scene_graph(image_id, raw), lexicon).paths:
            counts[path.said.tuple_type] += 1
            if path.level == 1 and path.said.edges:
                sides[rests_on_sides(path.said.description(), lexicon)] += 1
    assert set(counts) == set(TUPLE_TYPES)
    # Nine tenths of the edges; not of the paths.
    assert 0.2 < sides[True] / sides.total() < 0.7


def test_paths_of_complete_worlds_as_brute_force_sees_them() -> None:
    lexicon = replace(TOY, min_side=1.0, min_side_share=0.0, compared=frozenset({"colour", "size"}))
    levels = Counter[int]()
    for graph in toy_graphs(40, seed=3):
        oracle = Oracle.of(graph)
        for path in find_paths(graph, lexicon, ALL).paths:
            told = pattern(path.said.description())
            assert fitting(oracle, told, TYPES) == {path.objects[0]}
            assert level_of(oracle, told, TYPES) == path.level
            levels[path.level] += 1
    assert set(levels) == {1, 2, 3}


def test_every_path_is_proved_on_its_own() -> None:
    """With other objects than those of the search: a graph read again."""
    lexicon, found = gqa_lexicon(), 0
    for image_id, raw in GraphGenerator(lexicon, seed=2).graphs(60):
        row = find_paths(parse_scene_graph(image_id, raw), lexicon)
        facts = Facts(parse_scene_graph(image_id, raw), lexicon)
        for path in row.paths:
            description = path.said.description()
            assert facts.is_unique(description, path.objects[0])
            assert facts.level(description) == path.level
            assert tuple(path.objects) == facts.assignment(description, path.objects[0])
            found += 1
        assert reasons.NOT_PROVED not in row.dropped
    assert found > 150


def _crowd(count: int) -> SceneGraph:
    """Very many people who wear hats, in one image."""
    rng = random.Random(1)
    objects = {}
    for i in range(count):
        box = (rng.randrange(940), rng.randrange(940), 60, 60)
        wears = " ".join(str(rng.randrange(count)) for _ in range(20))
        words = rng.sample(sorted(LEXICON.attributes), 2)
        objects[str(i)] = thing(str(i), rng.choice(["man", "hat"]), *words, at=box, wearing=wears, on=wears)
    return SceneGraph("1", 1000, 1000, objects)


def test_a_graph_with_too_many_objects_of_a_kind_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    crowd = _crowd(120)
    assert find_paths(crowd, LEXICON).reason != reasons.TOO_MUCH
    monkeypatch.setattr(graph_module, "MAX_WORK", 20_000)
    row = find_paths(replace(crowd, work=Work()), LEXICON)
    assert (row.status, row.reason) == ("dropped", reasons.TOO_MUCH)
    assert row.dropped[reasons.TOO_MUCH] == 1


@pytest.mark.slow
def test_the_largest_graph_ends() -> None:
    assert find_paths(_crowd(MAX_OBJECTS), LEXICON).reason == reasons.TOO_MUCH
