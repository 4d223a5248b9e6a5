"""The change that is taken: the first one that the graph proves false."""

from __future__ import annotations

import random
from collections.abc import Sequence

from finecops.construction.description import Description, Edge, Node
from finecops.construction.negatives.make import NO_PART, NO_WORD, NOT_PROVED, negative, negatives
from finecops.construction.negatives.requests import Request
from tests.construction.small_lexicon import small_lexicon

LEXICON = small_lexicon()
SAID = Description("1_hop", (Node("cup", ("red",)), Node("table")), (Edge("on", 0, 1),))


class Graph:
    """False is what has a certain word in it."""

    def __init__(self, *false: str) -> None:
        self.false = set(false)

    def is_false(self, description: Description) -> bool:
        said = {n.name for n in description.nodes} | {a for n in description.nodes for a in n.attributes}
        return bool(self.false & (said | {e.relation for e in description.edges}))


def offer(request: Request, rng: random.Random) -> Sequence[str]:
    return {"cup": ["mug", "bus", "plate"], "table": ["shelf"], "red": ["blue"], "on": []}[request.old]


def make(type_: str, level: int, *false: str) -> tuple[str | None, str | None]:
    made = negative(SAID, Graph(*false), (type_, level), LEXICON, offer, random.Random(1))  # type: ignore[arg-type]
    assert (made.said is None) is (made.reason is not None)
    return made.new, made.reason


def test_the_first_proved_word_is_taken() -> None:
    assert make("replace_object", 1, "mug", "plate", "bus") == ("bus", None)
    assert make("replace_object", 1, "plate") == ("plate", None)


def test_the_reason_where_there_is_none() -> None:
    assert make("replace_object", 1) == (None, NOT_PROVED)
    assert make("replace_relation", 1) == (None, NO_WORD)
    assert make("replace_relation", 2) == (None, NO_PART)
    assert make("swap_attribute", 1) == (None, NO_PART)


def test_one_answer_a_column() -> None:
    made = list(negatives(SAID, Graph("bus", "shelf", "blue"), LEXICON, offer, "7"))
    kept = {(m.type, m.level): m for m in made if m.said is not None}
    assert set(kept) == {("replace_object", 1), ("replace_object", 2), ("replace_attribute", 1)}
    assert kept["replace_object", 2].changed == (1,)
    assert [m.chosen_by for m in kept.values()] == ["statistics"] * 3
    assert list(negatives(SAID, Graph("bus", "shelf", "blue"), LEXICON, offer, "7")) == made
    assert [m.type for m in negatives(SAID, Graph("cup"), LEXICON, offer, "7", [("swap_object", 1)])] == ["swap_object"]
