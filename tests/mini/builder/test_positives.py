"""The choice of positives: quotas, limits, balance, and the same choice for the same seed."""

from __future__ import annotations

from collections import Counter

import pytest

from finecops.mini.builder.positives import Positive, choose_positives
from tests.mini.builder.oracle import TYPES, Facts, fitting, level_of, pattern, toy_graphs, toy_vocabulary

WORDS = toy_vocabulary(complete=True)


def chosen(quotas: dict[int, int], per_image: int = 4, seed: int = 0, first_id: int = 1) -> list[Positive]:
    return choose_positives(toy_graphs(50), WORDS, quotas, per_image, seed, first_id)


@pytest.fixture(scope="module")
def positives() -> list[Positive]:
    return chosen({1: 30, 2: 60, 3: 40}, first_id=500)


def test_quotas_and_ids(positives: list[Positive]) -> None:
    assert Counter(p.level for p in positives) == {1: 30, 2: 60, 3: 40}
    assert [p.id for p in positives] == list(range(500, 630))
    # Ids count up in the order of the images.
    images = [int(p.graph.image_id.removeprefix("toy_")) for p in positives]
    assert images == sorted(images)


def test_every_positive_is_unique_and_its_level_is_right(positives: list[Positive]) -> None:
    for positive in positives:
        facts, said = Facts.of(positive.graph), pattern(positive.description)
        assert fitting(facts, said, TYPES) == {positive.object_ids[0]}
        assert level_of(facts, said, TYPES) == positive.level
        names = [facts.names[id_] for id_ in positive.object_ids]
        assert names == [name for name, _ in said[0]]
        for edge, (relation, head, tail) in zip(positive.description.edges, said[1], strict=True):
            assert facts.holds(relation, positive.object_ids[head], positive.object_ids[tail], TYPES), edge


@pytest.mark.parametrize("per_image", [1, 2])
def test_no_more_of_an_image_than_allowed_and_no_target_twice(per_image: int) -> None:
    found = chosen({1: 500, 2: 500, 3: 500}, per_image)
    assert max(Counter(p.graph.image_id for p in found).values()) == per_image
    assert len({(p.graph.image_id, p.object_ids[0], p.level) for p in found}) == len(found)
    # The quota is larger than the pool: every image gives what it may.
    assert len(found) == 50 * per_image


def test_a_target_may_come_again_at_another_level() -> None:
    found = chosen({1: 500, 2: 500, 3: 500}, per_image=20)
    targets = Counter((p.graph.image_id, p.object_ids[0]) for p in found)
    assert max(targets.values()) in (2, 3)
    assert len({(p.graph.image_id, p.object_ids[0], p.level) for p in found}) == len(found)


@pytest.mark.slow
def test_the_seed_decides() -> None:
    quotas = {1: 20, 2: 20, 3: 20}
    first = chosen(quotas)
    assert chosen(quotas) == first
    assert [p.expression.text for p in first] != [p.expression.text for p in chosen(quotas, seed=1)]


@pytest.mark.slow
def test_rare_parts_are_drawn_more_often_than_chance() -> None:
    """Patterns are rare among objects; the draw by inverse frequency raises their share."""
    pool = chosen({2: 5000}, per_image=50)
    drawn = [p for seed in range(8) for p in chosen({2: 40}, seed=seed)]

    def dotted(found: list[Positive]) -> float:
        return sum("dotted" in n.attributes for p in found for n in p.description.nodes) / len(found)

    assert dotted(drawn) > 1.1 * dotted(pool)
