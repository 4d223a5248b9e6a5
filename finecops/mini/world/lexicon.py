"""The words of the world, as the construction needs them (`finecops.construction.lexicon`)."""

from __future__ import annotations

from typing import Final, Literal

from finecops.construction.lexicon import Attribute, Lexicon, Noun, RelationWord
from finecops.mini.world.catalogue import ASPECTS, COLOURS, SIZES, STATES, STRIPED

_PAIRS: Final = frozenset({"boots"})
"""Categories of which one object is a pair."""
_ANIMALS: Final = frozenset({"fish", "bird"})
_SIDES: Final[dict[str, tuple[tuple[str, ...], str, Literal["left", "right", "above", "below"]]]] = {
    "to the left of": (("to the left of", "left of", "on the left of"), "to the right of", "left"),
    "to the right of": (("to the right of", "right of", "on the right of"), "to the left of", "right"),
    "above": (("above", "over"), "below", "above"),
    "below": (("below", "under"), "above", "below"),
}
"""Relation → wordings, inverse, side."""


def _attributes() -> dict[str, Attribute]:
    found = {name: Attribute(name, "size", order=0) for name in SIZES}
    for one, other in dict.fromkeys(STATES.values()):
        kind = f"{one} or {other}"
        found[one] = Attribute(one, kind, opposites=frozenset({other}), order=1)
        found[other] = Attribute(other, kind, opposites=frozenset({one}), order=1)
    found |= {name: Attribute(name, "color", order=2) for name in COLOURS}
    return found | {STRIPED: Attribute(STRIPED, "pattern", order=3)}


def _relations() -> dict[str, RelationWord]:
    found = {}
    for name, (phrases, inverse, side) in _SIDES.items():
        mirror = inverse if side in ("left", "right") else None
        found[name] = RelationWord(
            name, phrases, inverse=inverse, contradictions=frozenset({inverse}), mirror=mirror, boxes=side
        )
    for name, inverse in (("in front of", "behind"), ("behind", "in front of")):
        found[name] = RelationWord(name, (name,), inverse=inverse, contradictions=frozenset({inverse}))
    found["near"] = RelationWord("near", ("near", "close to", "next to"), inverse="near")
    found["on"] = RelationWord("on", ("on", "on top of"), contact=True)
    found["in"] = RelationWord("in", ("in", "inside"), contact=True)
    return found


def _noun(name: str) -> Noun:
    return Noun(
        name,
        number="pair" if name in _PAIRS else "singular",
        being="animal" if name in _ANIMALS else "thing",
        kinds=frozenset({"animal"}) if name in _ANIMALS else frozenset(),
    )


LEXICON: Final = Lexicon(
    nouns={name: _noun(name) for name in ASPECTS} | {"animal": Noun("animal", being="animal")},
    attributes=_attributes(),
    exclusive=frozenset({"size", "color", *(f"{one} or {other}" for one, other in STATES.values())}),
    relations=_relations(),
    complete=True,
    compared=frozenset({"color"}),
    min_side=9.0,
    min_side_share=0.02,
)
"""All of them. The graphs say everything that is true (`finecops.mini.world.relations`)."""
