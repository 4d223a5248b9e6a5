"""What may be changed, by type and level."""

from __future__ import annotations

import pytest

from finecops.construction.description import Description, Edge, Node
from finecops.construction.negatives.requests import COLUMNS, requests, swaps
from tests.construction.small_lexicon import small_lexicon

TWO_HOP = Description(
    "2_hop",
    (Node("cup", ("red",)), Node("table", ("wooden", "blue")), Node("plate")),
    (Edge("on", 0, 1), Edge("to the left of", 1, 2)),
)
AND = Description(
    "and",
    (Node("man", ("tan",)), Node("hat", ("beige",)), Node("guy", ("red",))),
    (Edge("wearing", 0, 1), Edge("near", 0, 2)),
)


@pytest.mark.parametrize(
    ("said", "type_", "level", "expected"),
    [
        (TWO_HOP, "replace_object", 1, [(0, "cup")]),
        (TWO_HOP, "replace_object", 2, [(1, "table"), (2, "plate")]),
        (TWO_HOP, "replace_attribute", 1, [(0, "red")]),
        (TWO_HOP, "replace_attribute", 2, [(1, "wooden"), (1, "blue")]),
        (TWO_HOP, "replace_relation", 1, [(0, "on")]),
        (TWO_HOP, "replace_relation", 2, [(1, "to the left of")]),
        (AND, "replace_relation", 1, [(0, "wearing"), (1, "near")]),
        (AND, "replace_relation", 2, []),
        (TWO_HOP, "swap_object", 1, []),
        (Description("0_hop", (Node("cup"),)), "replace_attribute", 1, []),
    ],
)
def test_requests(said: Description, type_: str, level: int, expected: list[tuple[int, str]]) -> None:
    assert [(r.index, r.old) for r in requests(said, type_, level)] == expected  # type: ignore[arg-type]


def test_a_replaced_word() -> None:
    (name,) = requests(TWO_HOP, "replace_object", 1)
    assert name.replaced("bus").nodes == (Node("bus", ("red",)), *TWO_HOP.nodes[1:])
    _, color = requests(TWO_HOP, "replace_attribute", 2)
    assert color.replaced("red").nodes[1] == Node("table", ("wooden", "red"))
    (relation,) = requests(TWO_HOP, "replace_relation", 2)
    assert relation.replaced("on").edges == (Edge("on", 0, 1), Edge("on", 1, 2))


@pytest.mark.parametrize(
    ("said", "type_", "level", "expected"),
    [
        (TWO_HOP, "swap_object", 1, [["table", "cup", "plate"], ["plate", "table", "cup"]]),
        (TWO_HOP, "swap_object", 2, [["cup", "plate", "table"]]),
        # "man" and "guy" are one word for this.
        (AND, "swap_object", 1, [["hat", "man", "guy"]]),
        (TWO_HOP, "replace_object", 1, []),
    ],
)
def test_swapped_names(said: Description, type_: str, level: int, expected: list[list[str]]) -> None:
    found = swaps(said, type_, level, small_lexicon())  # type: ignore[arg-type]
    assert [[node.name for node in swap.said.nodes] for swap in found] == expected


def test_swapped_attributes_are_of_one_kind_and_not_near() -> None:
    (swap,) = swaps(TWO_HOP, "swap_attribute", 1, small_lexicon())
    assert [node.attributes for node in swap.said.nodes] == [("blue",), ("wooden", "red"), ()]
    assert swap.changed == (0, 1)
    # Tan and beige are said of the same things.
    assert [s.changed for s in swaps(AND, "swap_attribute", 1, small_lexicon())] == [(0, 2)]
    assert [s.changed for s in swaps(AND, "swap_attribute", 2, small_lexicon())] == [(1, 2)]


def test_the_columns_are_those_of_table_iv() -> None:
    assert len(COLUMNS) == 10
    assert COLUMNS[:2] == (("replace_object", 1), ("replace_object", 2))
