"""Which templates fit a description."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Final

from finecops.construction.description import Description
from finecops.construction.english.forms import Phrasing, phrasing
from finecops.construction.english.templates import TEMPLATES
from finecops.construction.lexicon import Lexicon

_PIECE = re.compile(r"\{([A-Za-z]+)(\d?)\}|([^{}]+)")
RELATION_SLOTS: Final = frozenset({"r", "is", "q", "b", "i", "c", "f", "p"})
_BESIDES = ({"place", "posture", "state"}, {"action", "posture"}, {"having"})
"""Sorts of relations that "and" may join behind a noun."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a template: a slot with its number (-1: none), or a text."""

    slot: str
    number: int
    text: str = ""


@cache
def pieces(template: str) -> tuple[Piece, ...]:
    """The parts of a template."""
    found = _PIECE.findall(template)
    return tuple(Piece(slot, int(number) if number else -1, text) for slot, number, text in found)


def relation_of(piece: Piece) -> int | None:
    """The edge that a slot says, counted from 0."""
    return piece.number - 1 if piece.slot in RELATION_SLOTS and piece.number > 0 else None


def fits(template: str, description: Description, lexicon: Lexicon) -> bool:
    """Whether a template can say a description without a fault."""
    said = [phrasing(edge.relation, lexicon) for edge in description.edges]
    parts = pieces(template)
    return (
        all(_fits(piece, said, description, lexicon) for piece in parts)
        and _joins_fit(parts, said, description)
        and _after_fits(parts, said, description, lexicon)
    )


def fitting(description: Description, lexicon: Lexicon) -> list[tuple[int, str]]:
    """The templates that fit, with their weights; the first of the type always does."""
    known = TEMPLATES.get(description.tuple_type)
    if known is None:
        raise ValueError(f"no templates for {description.tuple_type!r}; they are there for {', '.join(TEMPLATES)}")
    return [known[0], *(item for item in known[1:] if fits(item[1], description, lexicon))]


def _fits(piece: Piece, said: list[Phrasing], description: Description, lexicon: Lexicon) -> bool:
    if piece.slot == "W":
        beings = [lexicon.nouns[node.name].being for node in description.nodes[:2]]
        return beings[0] == "person" and beings[1] != "person"
    edge = relation_of(piece)
    if edge is None:
        return True
    phrase = said[edge]
    match piece.slot:
        case "q":
            return phrase.sort != "place"
        case "f":
            return phrase.sort in ("place", "posture")
        case "p":
            return phrase.posture is not None
        case "i" | "c":
            return phrase.sort != "having"
    return True


def _joins_fit(parts: tuple[Piece, ...], said: list[Phrasing], description: Description) -> bool:
    joined = [said[piece.number - 1].sort for piece in parts if piece.slot == "b"]
    if joined and not any(set(joined) <= besides for besides in _BESIDES):
        return False
    # "Next to the bus is the man next to the car": one relation twice is said once, behind "and".
    twice = description.tuple_type == "and" and len({edge.relation for edge in description.edges}) == 1
    return not twice or any(" and " in piece.text for piece in parts)


def _after_fits(parts: tuple[Piece, ...], said: list[Phrasing], description: Description, lexicon: Lexicon) -> bool:
    """Whether attributes that stand behind a noun have a place."""
    for i, piece in enumerate(parts):
        node = 0 if piece.slot in ("T", "aT") else piece.number
        if piece.slot not in ("T", "aT", "O") or not any(
            lexicon.attributes[name].after for name in description.nodes[node].attributes
        ):
            continue
        rest = [other for other in parts[i + 1 :] if other.text != " "]
        if rest and not rest[0].slot and not rest[0].text.startswith((" and ", ", ")):
            return False
        if rest and rest[0].slot in ("q", "b") and said[rest[0].number - 1].sort != "place":
            return False
        if len(rest) > 1 and rest[0].slot in ("who", "W") and rest[1].slot == "is" and rest[1].number < 0:
            return False
    return True
