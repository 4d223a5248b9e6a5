"""Negative expressions: each type changes what it should and no more, and is false whatever the graph leaves out."""

from __future__ import annotations

import random
import re
from collections import Counter

import pytest

from finecops.mini.builder.negatives import TEXT_COLUMNS, NegativeExpression, negative_expression, swap_pairs
from finecops.mini.builder.positives import Positive, choose_positives
from tests.mini.builder.oracle import OPPOSITES, TYPES, Facts, fitting, forget, pattern, toy_graphs, toy_vocabulary

COMPLETE, OPEN = toy_vocabulary(complete=True), toy_vocabulary(complete=False)


@pytest.fixture(scope="module")
def positives() -> list[Positive]:
    return choose_positives(toy_graphs(60), COMPLETE, {1: 60, 2: 60, 3: 60}, per_image=9, seed=0, first_id=1)


def negatives(positives: list[Positive], type_: str, level: int) -> list[NegativeExpression]:
    made = [negative_expression(p, type_, level, COMPLETE, random.Random(p.id)) for p in positives]
    return [negative for negative in made if negative is not None]


def test_the_columns_are_those_of_table_iv() -> None:
    assert len(TEXT_COLUMNS) == len(set(TEXT_COLUMNS)) == 10


@pytest.mark.parametrize(("type_", "level"), TEXT_COLUMNS)
def test_every_type_changes_its_part_alone(type_: str, level: int, positives: list[Positive]) -> None:
    found = negatives(positives, type_, level)
    assert len(found) > 5
    for negative in found:
        before, after = negative.positive.description, negative.description
        nodes = [i for i, (a, b) in enumerate(zip(before.nodes, after.nodes, strict=True)) if a != b]
        edges = [i for i, (a, b) in enumerate(zip(before.edges, after.edges, strict=True)) if a != b]
        assert (negative.type, negative.level) == (type_, level)
        assert negative.changed == (edges if type_ == "replace_relation" else nodes)[0]
        assert len(nodes) == {"replace": type_ != "replace_relation", "swap": 2}[type_.split("_")[0]]
        assert len(edges) == (type_ == "replace_relation")
        # Level 1 changes what is said of the target, level 2 what is said of the others.
        touches_target = 0 in nodes or any(before.edges[i].head == 0 for i in edges)
        assert touches_target == (level == 1)
        for i in nodes:
            named = before.nodes[i].name != after.nodes[i].name
            assert named == type_.endswith("object")
            assert (before.nodes[i].attributes != after.nodes[i].attributes) == (not named)
            if not named:
                # A value is exchanged for another value of the same type.
                kinds = [sorted(TYPES[a] for a in node.attributes) for node in (before.nodes[i], after.nodes[i])]
                assert kinds[0] == kinds[1]
        if type_.startswith("swap"):
            parts = [[(n.name, *n.attributes) for n in d.nodes] for d in (before, after)]
            assert Counter(x for n in parts[0] for x in n) == Counter(x for n in parts[1] for x in n)
        assert negative.text != negative.positive.expression.text
        # The articles are the positive's, also where other objects of the new category are in the image.
        articles = [
            ["a" if x == "an" else x for x in re.findall(r"\b(?:an?|the)\b", text)]
            for text in (negative.text, negative.positive.expression.text)
        ]
        assert articles[0] == articles[1]


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.0, 0.3])
def test_a_negative_is_false_whatever_the_graph_leaves_out(share: float) -> None:
    """Positives and negatives come from a graph that forgot facts; the oracle judges them by all of them."""
    complete = {graph.image_id: graph for graph in toy_graphs(150, seed=2)}
    known = [forget(random.Random(id_), graph, share) for id_, graph in complete.items()]
    made = choose_positives(known, OPEN, {1: 150, 2: 150, 3: 150}, per_image=6, seed=0, first_id=1)
    columns: Counter[str] = Counter()
    for positive in made:
        facts = Facts.of(complete[positive.graph.image_id])
        assert fitting(facts, pattern(positive.description), TYPES) == {positive.object_ids[0]}
        for type_, level in TEXT_COLUMNS:
            negative = negative_expression(positive, type_, level, OPEN, random.Random(positive.id))
            if negative is not None:
                columns[type_] += 1
                assert fitting(facts, pattern(negative.description), TYPES) == set()
    assert len(columns) == 5
    assert min(columns.values()) > 5, columns


def test_an_opposite_relation_comes_among_others(positives: list[Positive]) -> None:
    swaps = Counter(
        n.description.edges[n.changed].relation == OPPOSITES[n.positive.description.edges[n.changed].relation]
        for n in negatives(positives, "replace_relation", 1)
    )
    assert min(swaps[True], swaps[False]) > 3


@pytest.mark.parametrize(
    ("count", "level", "pairs"),
    [(1, 1, []), (2, 1, [(0, 1)]), (3, 1, [(0, 1), (0, 2)]), (2, 2, []), (3, 2, [(1, 2)])],
)
def test_swap_pairs(count: int, level: int, pairs: list[tuple[int, int]]) -> None:
    assert swap_pairs(count, level) == pairs
