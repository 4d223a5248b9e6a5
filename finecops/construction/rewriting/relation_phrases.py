"""The grammar of rewrites, second part: relations with their other ends, in all the ways to say them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from finecops.construction.rewriting.noun_phrases import SINGULAR, NounPhrases, State
from finecops.construction.rewriting.phrases import SIDES, is_same

Tail = Literal["none", "noun", "modified"]
"""What the words so far end with: nothing that could be modified; another noun; another noun with a modifier."""
PLACED: Final = ("located", "positioned", "situated", "placed", "found", "seen")
_AND: Final = ("and", ", and", "as well as", "and also")
_COMMA: Final = (", and", ",")
# Of a thing, a posture says no more than where it is: a vase stands and sits at once.
_STANDING: Final = ("sitting", "standing", "resting")
_STANDS: Final = (("sits", "stands", "rests"), ("sit", "stand", "rest"))
_PRONOUNS: Final = ("it", "him", "her", "them")
_OWNERS: Final = ("its", "his", "her", "their")


class Part(NamedTuple):
    """A way to go on: the place behind it, what is left to be said, and what it ends with."""

    place: int
    state: State
    tail: Tail = "none"


class RelationPhrases(NounPhrases):
    """Relations of a node; see `NounPhrases`."""

    @abstractmethod
    def full(self, node: int, position: int, state: State) -> Iterator[Part]:
        """An object with everything that is said of it in its phrase."""

    def relations(self, node: int, position: int, state: State) -> Iterator[Part]:
        """A relation of a node with its other end, without a verb."""
        yield from self.places(node, position, state)
        for place in self.after(position, *PLACED, *self._postures(node, _STANDING)):
            yield from self.places(node, place, state, places_alone=True)
        yield from self.same_kind(node, position, state)

    def placed(self, node: int, position: int, state: State) -> Iterator[Part]:
        """Where a node is."""
        for place in [position, *self.after(position, *PLACED)]:
            yield from self.places(node, place, state, places_alone=True)

    def _postures(self, node: int, words: tuple[str, ...]) -> list[str]:
        """Those of some words for a posture that say nothing more of a node."""
        return [
            word for i, word in enumerate(words) if self.phrases.is_no_posture(self.said.nodes[node].name, _STANDING[i])
        ]

    def places(self, node: int, position: int, state: State, places_alone: bool = False) -> Iterator[Part]:
        """A relation in its own phrase; `places_alone`: not of an action."""
        for index in self._edges_of(node, state):
            relation = self.said.edges[index].relation
            if places_alone and not self.phrases.is_place(relation):
                continue
            for place in self.behind(position, self.phrases.relation(relation)):
                yield from self.other_end(index, place, state)
            yield from self._beside_owner(index, position, state)

    def _edges_of(self, node: int, state: State, same: bool = False) -> Iterator[int]:
        """Edges of a node that are still to be said: comparisons, or all others."""
        for index in sorted(state.edges):
            edge = self.said.edges[index]
            if edge.head == node and is_same(edge.relation) == same:
                yield index

    def verbs(self, node: int, position: int, state: State) -> Iterator[Part]:
        """A relation as the verb of a clause: "wears a hat", "has a plate to its right", "shares its color with"."""
        number = state.noun(node).number
        for index in self._edges_of(node, state):
            for place in self.behind(position, self.phrases.verbs(self.said.edges[index].relation, number)):
                yield from self.other_end(index, place, state)
        plural = number not in SINGULAR
        for place in self.after(position, *self._postures(node, _STANDS[plural])):
            yield from self.places(node, place, state, places_alone=True)
        for place in self.after(position, "have" if plural else "has"):
            yield from self.with_place(node, place, state)
        yield from self._same_as_verb(node, position, state, plural)

    def other_end(self, index: int, position: int, state: State) -> Iterator[Part]:
        """The other end of an edge; and a second one of the same relation: "next to the cup and the plate"."""
        edge = self.said.edges[index]
        for part in self.full(edge.tail, position, state._replace(edges=state.edges - {index})):
            tail: Tail = "noun" if self._is_bare(edge.tail, part) else "modified"
            yield part._replace(tail=tail)
            # The second noun needs no word of its own: "next to the cup and the plate".
            for other in sorted(part.state.edges):
                if (self.said.edges[other].head, self.said.edges[other].relation) == (edge.head, edge.relation):
                    for place in self.after(part.place, *joins(edge.head, tail)):
                        yield from self.other_end(other, place, part.state)

    def _is_bare(self, node: int, part: Part) -> bool:
        """Whether a phrase ends with the node's own noun."""
        return dict(part.state.spans)[node][1] == self.tokens[part.place - 1].end

    def _owner(self, index: int, position: int, state: State, *owned: str) -> Iterator[Part]:
        """The other end as an owner: "the plate's" and what it owns."""
        left = state._replace(edges=state.edges - {index})
        for place, after in self.noun_phrase(self.said.edges[index].tail, position, left):
            yield from (Part(end, after) for end in self.after(place, *(f"'s {what}".strip() for what in owned)))

    def _beside_owner(self, index: int, position: int, state: State) -> Iterator[Part]:
        """ "To the plate's left"."""
        side = SIDES.get(str(self.phrases.relation_word(self.said.edges[index].relation).boxes))
        for start in self.after(position, "to", "on", "at") if side is not None else ():
            yield from self._owner(index, start, state, str(side), f"{side} side", f"{side} hand side")

    def _kinds(self, node: int, state: State) -> Iterator[tuple[int, str]]:
        """Comparisons of a node that are still to be said, with the word for what is compared."""
        for index in self._edges_of(node, state, same=True):
            for kind in self.phrases.kinds(self.said.edges[index].relation):
                yield index, " ".join(kind)

    def same_kind(self, node: int, position: int, state: State) -> Iterator[Part]:
        """A comparison behind a noun or "is": "of the same color as", "matching the plate in color"."""
        for index, kind in self._kinds(node, state):
            phrases = (
                *(f"{word} the same {kind} as" for word in ("of", "with", "having", "in", "sharing", "made of")),
                *(f"sharing {phrase} {kind} with" for phrase in ("the same", "its", "their", "a")),
                f"the same {kind} as",
                f"the same in {kind} as",
                f"identical in {kind} to",
                f"matching in {kind} with",
            )
            for place in self.after(position, *phrases):
                yield from self.other_end(index, place, state)
            for place in self.after(position, "matching", "sharing"):
                yield from self._owner(index, place, state, kind)
            for place in self.after(position, "matching"):
                yield from self._matches(index, place, state, kind)

    def _same_as_verb(self, node: int, position: int, state: State, plural: bool) -> Iterator[Part]:
        has, shares, matches = ("have", "share", "match") if plural else ("has", "shares", "matches")
        for index, kind in self._kinds(node, state):
            phrases = (
                f"{has} the same {kind} as",
                *(f"{shares} {phrase} {kind} with" for phrase in ("the same", "its", "their", "a")),
            )
            for place in self.after(position, *phrases):
                yield from self.other_end(index, place, state)
            for place in self.after(position, shares, matches):
                yield from self._owner(index, place, state, kind)
            for place in self.after(position, matches):
                yield from self._matches(index, place, state, kind)

    def _matches(self, index: int, position: int, state: State, kind: str) -> Iterator[Part]:
        """ "The plate in color", behind "matches"."""
        left = state._replace(edges=state.edges - {index})
        for place, after in self.noun_phrase(self.said.edges[index].tail, position, left):
            yield from (Part(end, after) for end in self.after(place, f"in {kind}"))

    def whose(self, node: int, position: int, state: State) -> Iterator[Part]:
        """ "Whose color is the same as that of the plate"."""
        for index, kind in self._kinds(node, state):
            for start in self.after(position, f"whose {kind} is the same as", f"whose {kind} matches"):
                for place in self.after(start, "that of"):
                    yield from self.other_end(index, place, state)
                yield from self._owner(index, start, state, "", kind)

    def with_place(self, node: int, position: int, state: State) -> Iterator[Part]:
        """The other end, and what it stands to the node: "a plate to its right", behind "with" or "has"."""
        for index in self._edges_of(node, state):
            inverse = self.phrases.exact_inverse(self.said.edges[index].relation)
            if inverse is None:
                continue
            left = state._replace(edges=state.edges - {index})
            for place, after in self.noun_phrase(self.said.edges[index].tail, position, left):
                for start in [place, *self.after(place, *PLACED)]:
                    yield from (Part(end, after) for end in self._of_it(inverse, start))

    def _of_it(self, relation: str, position: int) -> Iterator[int]:
        """Places behind a relation to a pronoun: "behind it", "to its left"."""
        side = SIDES.get(str(self.phrases.relation_word(relation).boxes))
        if side is not None:
            owned = [f"{to} {whose} {side}" for to in ("to", "on", "at") for whose in _OWNERS]
            yield from self.after(position, *owned, *(f"{phrase} side" for phrase in owned))
        for place in self.behind(position, self.phrases.relation(relation)):
            yield from self.after(place, *_PRONOUNS)


def joins(node: int, tail: Tail) -> tuple[str, ...]:
    """The words that join another modifier of a node to the words so far.

    Behind a clause about another noun, only a comma shows that the target goes on: "the cup on the table that is red,
    and next to the plate". So does a comma alone: "the cup on the table, next to the plate".
    """
    if tail == "modified":
        return _COMMA[:1] if node == 0 else ()
    if node != 0:
        return tuple(phrase for phrase in _AND if phrase not in _COMMA)
    return (*_AND, ",") if tail == "noun" else _AND
