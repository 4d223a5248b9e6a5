"""The grammar of rewrites, second part: what stands behind a noun, and which noun it belongs to.

A modifier belongs to the noun just before it. It belongs to an earlier one only where nothing else can be meant: behind
"and" ("the cup on the table and next to the plate"), behind a verb of the sentence ("the cup on the table is next to
the plate"), behind "who" where only the earlier one is a person. What could be read in two ways is not accepted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from finecops.construction.rewriting.noun_phrases import SINGULAR, NounPhrases, State
from finecops.construction.rewriting.phrases import SIDES, is_same

Tail = Literal["none", "noun", "modified"]
"""What the words so far end with: nothing that could be modified; another noun; another noun with a modifier."""
_AND: Final = ("and", ", and", "as well as", "and also")
_COMMA_AND: Final = (", and",)
_PLACED: Final = ("located", "positioned", "situated", "placed", "found", "seen")
_PRONOUNS: Final = ("it", "him", "her", "them")
_OWNERS: Final = ("its", "his", "her", "their")


class Part(NamedTuple):
    """A way to go on: the place behind it, what is left to be said, and what it ends with."""

    place: int
    state: State
    tail: Tail = "none"


class Modifiers(NounPhrases):
    """Noun phrases with their modifiers; see `NounPhrases`."""

    def full(self, node: int, position: int, state: State) -> Iterator[Part]:
        """An object with everything that is said of it in its phrase."""
        for place, after in self.noun_phrase(node, position, state):
            yield from self.modified(node, Part(place, after), first=True)

    def modified(self, node: int, before: Part, first: bool) -> Iterator[Part]:
        """Any number of modifiers of a node."""
        yield before
        for part in self._next_modifier(node, before, first):
            yield from self.modified(node, part, first=False)

    def _next_modifier(self, node: int, before: Part, first: bool) -> Iterator[Part]:
        place, state, tail = before
        if tail == "none":
            comma = list(self.after(place, ","))
            # "A cup on a table, next to a plate" says of neither which is next to the plate.
            for start in [place, *comma] if node == 0 else [place]:
                yield from self._bare(node, start, state)
            for start in [place, *comma]:
                yield from self._relative(node, start, state)
        # Inside another phrase, "and" might belong to the noun around it.
        if not first and node == 0:
            for start in self.after(place, *joins(node, tail)):
                yield from self._bare(node, start, state)
                yield from self._relative(node, start, state)
        if tail != "none" and self._only_person(node, state):
            for start in [place, *self.after(place, ",")]:
                if self.at(start) == "who":
                    yield from self._relative(node, start, state)
                yield from (part for part in self._bare(node, start, state) if self._only_beings(state, part))

    def _only_person(self, node: int, state: State) -> bool:
        """Whether, of the nodes that were named, this one is a person and all others are things."""
        nouns = self.phrases.lexicon.nouns
        beings = {said: noun.being for said, _ in state.nouns if (noun := nouns.get(self.said.nodes[said].name))}
        return beings.pop(node, "thing") == "person" and set(beings.values()) <= {"thing"}

    def _only_beings(self, before: State, part: Part) -> bool:
        """Whether what was said in a part can only be said of a person: "wearing a hat" behind a car."""
        done = before.edges - part.state.edges
        words = [self.phrases.relation_word(self.said.edges[edge].relation) for edge in done]
        return bool(words) and all(word.heads and "thing" not in word.heads for word in words)

    def _bare(self, node: int, position: int, state: State) -> Iterator[Part]:
        """A modifier without "that is"."""
        for place, left in self.attribute(node, position, state.attributes):
            if any(self.phrases.is_said_after(name) for _, name in state.attributes - left):
                yield Part(place, state._replace(attributes=left))
        yield from self._made_of(node, position, state)
        yield from self.relations(node, position, state)
        yield from self._with_inverse(node, position, state)

    def _relative(self, node: int, position: int, state: State) -> Iterator[Part]:
        """A relative clause."""
        pronouns = ["that", "which", "who"] if self.phrases.is_person(self.said.nodes[node].name) else ["that", "which"]
        noun = self.phrases.lexicon.nouns.get(self.said.nodes[node].name)
        if noun is not None and noun.being == "animal":
            pronouns.append("who")
        for place in self.after(position, *pronouns):
            yield from self.clause(node, place, state)
        for index in sorted(state.edges):
            edge = self.said.edges[index]
            if edge.head == node and is_same(edge.relation):
                for kind in self.phrases.kinds(edge.relation):
                    said = " ".join(kind)
                    whose = (f"whose {said} is the same as that of", f"whose {said} matches that of")
                    for place in self.after(position, *whose):
                        yield from self.other_end(index, place, state)

    def clause(self, node: int, position: int, state: State) -> Iterator[Part]:
        """One or more predicates of a node: "is red and wears a hat"."""
        for part in self._predicate(node, position, state):
            yield part
            # "Is small, is red and stands …": a comma alone only where no other noun stands before it.
            for place in self.after(part.place, *joins(node, part.tail), *([","] if part.tail == "none" else [])):
                yield from self.clause(node, place, part.state)

    def _predicate(self, node: int, position: int, state: State) -> Iterator[Part]:
        number = state.noun(node).number
        for place in self.forms_of_be(position, number in SINGULAR, number == "pair"):
            for start in [place, *self.after(place, "both")]:
                yield from self._complements(node, start, state)
        for place in self.after(position, "can be found", "can be seen", "may be found", "may be seen"):
            yield from self._placed_relations(node, place, state)
        for edge in sorted(state.edges):
            if self.said.edges[edge].head == node:
                verbs = self.phrases.verbs(self.said.edges[edge].relation, number)
                for place in self.behind(position, verbs):
                    yield from self.other_end(edge, place, state)
        has = ("has", "shares") if number in SINGULAR else ("have", "share")
        for place in self.after(position, *has):
            yield from self._same_kind(node, place, state, needs_as=True)
            yield from self._with_place(node, place, state)

    def forms_of_be(self, position: int, singular: bool, either: bool = False) -> Iterator[int]:
        """Places behind "is" or "are"."""
        if singular or either:
            yield from self.after(position, "is", "'s")
        if not singular or either:
            yield from self.after(position, "are")

    def _complements(self, node: int, position: int, state: State) -> Iterator[Part]:
        """What follows "is": attributes and relations, joined by commas or "and"."""
        for part in self._complement(node, position, state):
            yield part
            starts = list(self.after(part.place, *joins(node, part.tail)))
            # "Small, red"; "parked on the street": a participle, and where.
            starts += [part.place, *self.after(part.place, ",")] if part.tail == "none" else []
            for start in starts:
                yield from self._complements(node, start, part.state)

    def _complement(self, node: int, position: int, state: State) -> Iterator[Part]:
        for place, left in self.attribute(node, position, state.attributes):
            (_, name) = next(iter(state.attributes - left))
            ends = [place, *self.after(place, "in color", "in colour")] if self.phrases.is_colour(name) else [place]
            yield from (Part(end, state._replace(attributes=left)) for end in ends)
        yield from self._made_of(node, position, state)
        yield from self.relations(node, position, state)

    def _made_of(self, node: int, position: int, state: State) -> Iterator[Part]:
        for place in self.after(position, "made of", "made out of", "made from"):
            for end, left in self.attribute(node, place, state.attributes):
                if all(self.phrases.is_material(name) for _, name in state.attributes - left):
                    yield Part(end, state._replace(attributes=left))

    def relations(self, node: int, position: int, state: State) -> Iterator[Part]:
        """A relation of a node with its other end, without a verb."""
        yield from self._placed_relations(node, position, state)
        for place in self.after(position, *_PLACED):
            yield from self._placed_relations(node, place, state, positions_alone=True)
        yield from self._same_kind(node, position, state, needs_as=False)

    def _placed_relations(
        self, node: int, position: int, state: State, positions_alone: bool = False
    ) -> Iterator[Part]:
        for index in sorted(state.edges):
            edge = self.said.edges[index]
            if edge.head != node or is_same(edge.relation):
                continue
            if positions_alone and not self.phrases.is_place(edge.relation):
                continue
            for place in self.behind(position, self.phrases.relation(edge.relation)):
                yield from self.other_end(index, place, state)
            yield from self._beside_owner(index, position, state)

    def other_end(self, index: int, position: int, state: State) -> Iterator[Part]:
        """The other end of an edge; and a second one of the same relation: "next to the cup and the plate"."""
        edge = self.said.edges[index]
        for part in self.full(edge.tail, position, state._replace(edges=state.edges - {index})):
            tail: Tail = "noun" if self._is_bare(edge.tail, part) else "modified"
            yield part._replace(tail=tail)
            for other in sorted(part.state.edges):
                if (self.said.edges[other].head, self.said.edges[other].relation) == (edge.head, edge.relation):
                    for place in self.after(part.place, *joins(edge.head, tail)):
                        yield from self.other_end(other, place, part.state)

    def _is_bare(self, node: int, part: Part) -> bool:
        """Whether a phrase ends with the node's own noun."""
        return dict(part.state.spans)[node][1] == self.tokens[part.place - 1].end

    def _beside_owner(self, index: int, position: int, state: State) -> Iterator[Part]:
        """ "To the plate's left"."""
        edge = self.said.edges[index]
        side = SIDES.get(str(self.phrases.relation_word(edge.relation).boxes))
        if side is None:
            return
        for start in self.after(position, "to", "on", "at"):
            for place, after in self.noun_phrase(edge.tail, start, state._replace(edges=state.edges - {index})):
                yield from (Part(end, after) for end in self.after(place, f"'s {side}", f"'s {side} side"))

    def _same_kind(self, node: int, position: int, state: State, needs_as: bool) -> Iterator[Part]:
        """ "The same color as": behind "has", or with a word of its own before it."""
        for index in sorted(state.edges):
            edge = self.said.edges[index]
            if edge.head != node or not is_same(edge.relation):
                continue
            for kind in self.phrases.kinds(edge.relation):
                said = " ".join(kind)
                plain = (f"the same {said} as", f"the same {said} with", f"its {said} with", f"a {said} with")
                longer = (
                    *(f"{word} the same {said} as" for word in ("of", "with", "having", "in", "sharing")),
                    *(f"sharing {phrase}" for phrase in plain[1:]),
                    f"the same {said} as",
                    f"the same in {said} as",
                    f"identical in {said} to",
                    f"made of the same {said} as",
                    f"matching in {said} with",
                )
                for place in self.after(position, *(plain if needs_as else longer)):
                    yield from self.other_end(index, place, state)

    def _with_inverse(self, node: int, position: int, state: State) -> Iterator[Part]:
        """ "With a plate to its right": the other end, and what it stands to the node."""
        for place in self.after(position, "with", "having"):
            yield from self._with_place(node, place, state)

    def _with_place(self, node: int, position: int, state: State) -> Iterator[Part]:
        for index in sorted(state.edges):
            edge = self.said.edges[index]
            word = self.phrases.relation_word(edge.relation)
            if edge.head != node or word.inverse is None:
                continue
            for place, after in self.noun_phrase(edge.tail, position, state._replace(edges=state.edges - {index})):
                for start in [place, *self.after(place, *_PLACED)]:
                    yield from (Part(end, after) for end in self._of_it(word.inverse, start))

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
    and next to the plate".
    """
    if tail == "modified":
        return _COMMA_AND if node == 0 else ()
    return _AND if node == 0 else tuple(phrase for phrase in _AND if phrase not in _COMMA_AND)
