"""Which templates fit a description."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Final

from finecops.construction.description import Description
from finecops.construction.english.forms import Phrasing, after_words, goes_before, phrasing, stands_alone
from finecops.construction.english.templates import TEMPLATES
from finecops.construction.lexicon import Lexicon

# Letters and a digit in braces, or the text up to the next brace.
_PIECE = re.compile(r"\{([A-Za-z]+)(\d?)\}|([^{}]+)")
RELATION_SLOTS: Final = frozenset({"r", "is", "q", "b", "i", "c", "f", "p"})
_JOINING: Final = frozenset({"b", "i", "c", "f"})
"""Slots that a template joins by "and", so that they must be built alike."""


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
    """Whether a template can say a description without a fault.

    The first template of a type fits all descriptions of it.
    """
    if template == TEMPLATES[description.tuple_type][0][1]:
        return True
    return _fits_all(pieces(template), _Needs.of(description, lexicon))


def fitting(description: Description, lexicon: Lexicon) -> list[tuple[int, str]]:
    """The templates that fit, with their weights; the first of the type always does."""
    known = TEMPLATES.get(description.tuple_type)
    if known is None:
        raise ValueError(f"no templates for {description.tuple_type!r}; they are there for {', '.join(TEMPLATES)}")
    needs = _Needs.of(description, lexicon)
    return [known[0], *(item for item in known[1:] if _fits_all(pieces(item[1]), needs))]


@dataclass(frozen=True, slots=True)
class _Needs:
    """What a description asks of a template.

    Attributes:
        said: its relations.
        after: for each node, the attributes that stand behind the noun.
        who: "who" can only be the target, a person: no other being is named before the second relation.
        twice: "and" joins a relation with itself.
    """

    said: list[Phrasing]
    after: list[tuple[str, ...]]
    who: bool
    twice: bool

    @classmethod
    def of(cls, description: Description, lexicon: Lexicon) -> _Needs:
        beings = [lexicon.nouns[node.name].being for node in description.nodes]
        return cls(
            [phrasing(edge.relation, lexicon) for edge in description.edges],
            [after_words(node, lexicon) for node in description.nodes],
            # beings[1:2], not beings[1]: a description without relations has one node.
            who=beings[0] == "person" and beings[1:2] == ["thing"],
            twice=description.tuple_type == "and" and len({edge.relation for edge in description.edges}) == 1,
        )


def _fits_all(parts: tuple[Piece, ...], needs: _Needs) -> bool:
    # Two ways of building joined by "and" would limp, so there must be one at most.
    joined = {_build(needs.said[piece.number - 1]) for piece in parts if piece.slot in _JOINING}
    return (
        all(_fits(piece, needs) for piece in parts)
        and len(joined) < 2
        and (not needs.twice or _says_once(parts))
        and all(_after_fits(i, parts, needs) for i in range(len(parts)))
    )


def _says_once(parts: tuple[Piece, ...]) -> bool:
    """Whether one relation to two objects is said once: "next to the bus and the car".

    Not "next to the bus is the man next to the car", nor "both next to the bus and the car".
    """
    texts = {piece.text for piece in parts}
    return " and " in texts and " both " not in texts


def _build(phrase: Phrasing) -> str:
    """How a phrase is built: "on the table and parked in the street" is good, "wearing a hat and on the table" not."""
    if phrase.sort == "having":
        return "with"
    return "-ing" if phrase.phrases[0].split()[0].endswith("ing") else "place"


def _fits(piece: Piece, needs: _Needs) -> bool:
    """Whether a slot can be filled."""
    if piece.slot == "W":
        return needs.who
    edge = relation_of(piece)
    if edge is None:
        return True
    phrase = needs.said[edge]
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


def _after_fits(i: int, parts: tuple[Piece, ...], needs: _Needs) -> bool:
    """Whether the attributes that stand behind a noun have a place behind it."""
    piece = parts[i]
    if piece.slot not in ("T", "aT", "O"):
        return True
    node = max(piece.number, 0)
    after = needs.after[node]
    # A blank between two slots says nothing about what follows.
    rest = [other for other in parts[i + 1 :] if other.text != " "]
    if not after or not rest:
        return True
    following = rest[0]
    if not following.slot:
        # "Near the man looking down and …"; "near the man who is standing and …" would go on about him.
        return following.text.startswith(", ") or (following.text == " and " and stands_alone(after))
    if following.slot in ("is", "there", "v") and relation_of(following) != node:
        # "Next to the lamp that is on is …".
        return stands_alone(after)
    # "The man who is standing next to the bus who …": two clauses in a row.
    if following.slot == "W":
        return False
    clause = rest[1] if following.slot == "who" else following
    if clause.slot == "is" and clause.number < 0:
        return False
    # "Is waiting next to the bus and in front of the car"; "is waiting, is wearing a hat and in front of" is no list.
    alike = clause.slot in ("q", "b", "i") or any(other.slot == "W" for other in rest)
    return not alike or goes_before(after, needs.said[clause.number - 1])
