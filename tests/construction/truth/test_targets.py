"""Which objects may be targets, with the reason for each that may not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from finecops.construction.graph import SceneObject
from finecops.construction.truth import targets as reasons
from finecops.construction.truth.facts import Facts
from finecops.construction.truth.targets import TargetRules, find_targets
from tests.construction.small_lexicon import small_lexicon
from tests.construction.truth.graphs import graph_of, thing

LEXICON = replace(small_lexicon(), min_side=10.0)


@pytest.mark.parametrize(
    ("things", "found", "dropped"),
    [
        ([thing("a", "cup"), thing("b", "plate", at="left")], [0, 1], {}),
        ([thing("a", "gizmo")], [], {reasons.NO_NOUN: 1}),
        ([thing("a", "sky")], [], {reasons.NO_TARGET: 1}),
        ([thing("a", "cups"), thing("b", "grass", at="left")], [], {reasons.GROUP: 2}),
        ([thing("a", "cup", at=(0, 0, 9, 11))], [], {reasons.TOO_SMALL: 1}),
        ([thing("a", "cup", at=(0, 0, 4, 90))], [], {reasons.TOO_SMALL: 1}),
        ([thing("a", "cup", at=(0, 0, -20, -20))], [], {reasons.TOO_SMALL: 1}),
        ([thing("a", "cup", at=(0, 0, 10, 10))], [0], {}),
        ([thing("a", "cup", at=(90, 0, 11, 10))], [], {reasons.OUTSIDE: 1}),
        ([thing("a", "cup", at=(-1, 0, 11, 10))], [], {reasons.OUTSIDE: 1}),
        ([thing("a", "cup", at=(0, 0, 100, 50))], [0], {}),
        ([thing("a", "cup", at=(0, 0, 100, 51))], [], {reasons.MOST_OF_IMAGE: 1}),
        # One box on the other: only names that may be of one thing make a duplicate.
        ([thing("a", "cup"), thing("b", "mug"), thing("c", "plate")], [2], {reasons.DUPLICATE: 2}),
        ([thing("a", "cup"), thing("b", "cup", at=(55, 40, 20, 20))], [0, 1], {}),
    ],
)
def test_targets(things: list[SceneObject], found: list[int], dropped: dict[str, int]) -> None:
    assert find_targets(Facts(graph_of(*things), LEXICON), TargetRules()) == (found, dropped)


def test_rules_and_a_filter() -> None:
    facts = Facts(graph_of(thing("a", "cups"), thing("b", "cup", at="left"), thing("c", "hat", at="right")), LEXICON)
    rules = TargetRules(min_side=15, min_side_share=0.1, max_share=0.05, groups=True)
    # The table of words does not make the plural a target.
    assert find_targets(facts, rules) == ([1, 2], {reasons.NO_TARGET: 1})
    assert find_targets(facts, rules, lambda graph, obj: graph.image_id == "1" and obj.id != "b") == (
        [2],
        {reasons.NO_TARGET: 1, reasons.FILTERED: 1},
    )
    assert find_targets(facts, replace(rules, min_side=21))[0] == []
