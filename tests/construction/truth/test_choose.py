"""The draw of positives: quotas, places of an image, the share of sides, balance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest

from finecops.construction.samples import DescriptionRow, PathRow, PathsRow
from finecops.construction.truth.choose import ChoiceOptions, choose_paths
from tests.construction.small_lexicon import small_lexicon

LEXICON = small_lexicon()
PLAIN, SIDE = "near", "to the left of"


def path(level: int, target: str = "1", name: str = "cup", relation: str | None = None) -> PathRow:
    said = DescriptionRow(tuple_type="0_hop", nodes=[(name, [])])
    if relation is not None:
        said = DescriptionRow(tuple_type="1_hop", nodes=[(name, []), ("table", [])], edges=[(relation, 0, 1)])
    return PathRow(said=said, objects=[target], level=level)  # type: ignore[arg-type]


def image(number: int, *paths: PathRow) -> PathsRow:
    return PathsRow(image_id=str(number), status="kept" if paths else "dropped", paths=list(paths))


def drawn(rows: Sequence[PathsRow], options: ChoiceOptions) -> list[tuple[str, PathRow]]:
    return [(row.image_id, found) for row, found in choose_paths(rows, LEXICON, options).paths(rows)]


def test_hard_ones_get_the_places_of_an_image_first() -> None:
    rows = [image(i, *(path(1, str(t)) for t in range(8)), path(2, "8"), path(3, "9")) for i in range(20)]
    found = drawn(rows, ChoiceOptions({1: None, 2: None, 3: None}, per_image=3))
    assert Counter(one.level for _, one in found) == {1: 20, 2: 20, 3: 20}
    assert Counter(image_id for image_id, _ in found) == dict.fromkeys(map(str, range(20)), 3)


def test_quotas_are_kept_and_what_is_missing_is_said() -> None:
    rows = [image(i, path(1), path(1), path(3)) for i in range(10)]
    choice = choose_paths(rows, LEXICON, ChoiceOptions({1: 4, 2: 5, 3: 12}, per_image=2))
    assert [(c.level, c.wanted, c.found, c.chosen) for c in choice.levels] == [
        (1, 4, 20, 4),
        (2, 5, 0, 0),
        (3, 12, 10, 10),
    ]
    assert [c.unmet for c in choice.levels] == [
        None,
        "level 2: 0 of 5 positives, from 0 paths (no more paths of this level were found)",
        "level 3: 10 of 12 positives, from 10 paths (no more paths of this level were found)",
    ]
    full = choose_paths(rows, LEXICON, ChoiceOptions({1: 40}, per_image=2)).levels[0]
    # A target is asked for once at a level.
    assert (
        full.unmet
        == "level 1: 10 of 40 positives, from 20 paths (10 left out: their image or target has its positives already)"
    )


def test_a_level_without_a_quota_gets_none() -> None:
    rows = [image(1, path(1), path(2), path(3))]
    assert [one.level for _, one in drawn(rows, ChoiceOptions({2: None}))] == [2]


@pytest.mark.parametrize(("sides", "expected"), [(0.0, 0), (0.25, 10), (0.5, 30), (1.0, 90)])
def test_left_and_right_have_a_share_of_the_relations(sides: float, expected: int) -> None:
    rows = [image(i, path(1, relation=PLAIN if i % 4 == 0 else SIDE)) for i in range(120)]
    rows += [image(i, path(1)) for i in range(120, 150)]
    choice = choose_paths(rows, LEXICON, ChoiceOptions({1: 150}, sides=sides))
    found = Counter(one.said.edges[0][0] if one.said.edges else None for _, one in choice.paths(rows))
    assert (found[PLAIN], found[SIDE], found[None]) == (30, expected, 30)
    assert choice.levels[0].left == ({"left and right have their share": 90 - expected} if expected < 90 else {})


def test_level_3_may_rest_on_left_and_right() -> None:
    rows = [image(i, path(3, relation=SIDE)) for i in range(5)]
    assert len(drawn(rows, ChoiceOptions({3: 5}, sides=0.0))) == 5


def test_rare_words_are_drawn_more_often() -> None:
    rows = [image(i, path(1, name="hat" if i % 20 == 0 else "cup")) for i in range(2000)]
    found = Counter(one.said.nodes[0][0] for _, one in drawn(rows, ChoiceOptions({1: 100})))
    # Of 100 drawn at random, 5 would be hats.
    assert found["hat"] > 25


def test_the_draw_depends_on_the_seed_alone() -> None:
    rows = [image(i, path(1)) for i in range(100)]
    first, again, other = ([i for i, _ in drawn(rows, ChoiceOptions({1: 10}, seed=seed))] for seed in (1, 1, 2))
    assert first == again != other
    assert drawn([], ChoiceOptions({1: 3})) == []
