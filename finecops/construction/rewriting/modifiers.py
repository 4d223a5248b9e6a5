"""The grammar of rewrites, third part: what stands behind a noun, and which noun it belongs to.

A modifier belongs to the noun just before it. It belongs to an earlier one only where nothing else can be meant: behind
"and" or a comma ("the cup on the table and next to the plate"), behind a verb of the sentence ("the cup on the table is
next to the plate"), behind "who" where only the earlier one is a person. What could be read in two ways is not
accepted.
"""

from __future__ import annotations

from collections.abc import Iterator

from finecops.construction.rewriting.noun_phrases import SINGULAR, State
from finecops.construction.rewriting.relation_phrases import Part, RelationPhrases, joins


class Modifiers(RelationPhrases):
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
            # "A horse by a fence, which the boy rides" neither.
            for start in [place, *comma] if node == 0 or self._only_person(node, state) else [place]:
                yield from self._relative(node, start, state)
        # Inside another phrase, "and" might belong to the noun around it.
        if not first and node == 0:
            for start in self.after(place, *joins(node, tail)):
                yield from self._bare(node, start, state)
                # ", which" is about the noun before it.
                yield from self._relative(node, start, state) if self.at(start - 1) != "," else ()
        if tail != "none" and self._only_person(node, state):
            for start in [place, *self.after(place, ",")]:
                if self.at(start) == "who":
                    yield from self._relative(node, start, state)
                yield from (part for part in self._bare(node, start, state) if self._only_beings(state, part))
        if tail == "noun" and node == 0 and self._is_worn(state.nouns[-1][0]):
            yield from self.placed(node, place, state)

    def _is_worn(self, node: int) -> bool:
        """Whether a place behind a noun is its head's: "the man wearing a hat next to the car"."""
        heads = [edge.relation for edge in self.said.edges if edge.tail == node]
        return any(self.phrases.is_worn(relation) for relation in heads)

    def _only_person(self, node: int, state: State) -> bool:
        """Whether, of the nodes that were named, this one is a person and all others are things."""
        nouns = self.phrases.lexicon.nouns
        beings = {said: noun.being for said, _ in state.nouns if (noun := nouns.get(self.said.nodes[said].name))}
        return beings.pop(node, "thing") == "person" and set(beings.values()) <= {"thing"}

    def _only_beings(self, before: State, part: Part) -> bool:
        """Whether what was said in a part can only be said of a person: "wearing a hat" behind a car."""
        # What is no longer left was said in this part.
        done = before.edges - part.state.edges
        words = [self.phrases.relation_word(self.said.edges[edge].relation) for edge in done]
        return bool(words) and all(word.heads and "thing" not in word.heads for word in words)

    def _bare(self, node: int, position: int, state: State) -> Iterator[Part]:
        """A modifier without "that is"."""
        for place, left in self.attribute(node, position, state.attributes):
            if any(self.phrases.is_said_after(name) for _, name in state.attributes - left):
                yield Part(place, state._replace(attributes=left))
        # "The table made of wood".
        yield from self._made_of(node, position, state)
        parts = self.relations(node, position, state)
        yield from parts if not self._is_worn(node) else (part for part in parts if not self._is_place(state, part))
        for place in self.after(position, "with", "having"):
            yield from self.with_place(node, place, state)

    def _is_place(self, before: State, part: Part) -> bool:
        # The edge nearest to the root is the node's own; others were said inside it.
        first = min(before.edges - part.state.edges, key=lambda edge: (self.said.edges[edge].head, edge))
        return self.phrases.is_place(self.said.edges[first].relation)

    def _relative(self, node: int, position: int, state: State) -> Iterator[Part]:
        """A relative clause."""
        pronouns = ["that", "which", "who"] if self.phrases.is_person(self.said.nodes[node].name) else ["that", "which"]
        noun = self.phrases.lexicon.nouns.get(self.said.nodes[node].name)
        if noun is not None and noun.being == "animal":
            pronouns.append("who")
        for place in self.after(position, *pronouns):
            yield from self.clause(node, place, state)
        yield from self.whose(node, position, state)

    def clause(self, node: int, position: int, state: State) -> Iterator[Part]:
        """One or more predicates of a node: "is red and wears a hat"."""
        for part in self._predicate(node, position, state):
            yield part
            # "Is small, is red and stands …": a comma alone only where nothing else could go on behind it.
            comma = [","] if part.tail == "none" and node == 0 else []
            for place in self.after(part.place, *joins(node, part.tail), *comma):
                yield from self.clause(node, place, part.state)

    def _predicate(self, node: int, position: int, state: State) -> Iterator[Part]:
        number = state.noun(node).number
        for place in self.forms_of_be(position, number in SINGULAR, number == "pair"):
            # "Is both on the table and next to the plate".
            for start in [place, *self.after(place, "both")]:
                yield from self._complements(node, start, state)
        for place in self.after(position, "can be found", "can be seen", "may be found", "may be seen"):
            yield from self.places(node, place, state)
        yield from self.verbs(node, position, state)

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
            if part.tail == "none":
                starts += [part.place, *(self.after(part.place, ",") if node == 0 else ())]
            for start in starts:
                yield from self._complements(node, start, part.state)

    def _complement(self, node: int, position: int, state: State) -> Iterator[Part]:
        for place, left in self.attribute(node, position, state.attributes):
            (_, name) = next(iter(state.attributes - left))
            kinds = [f"in {kind}" for kind in self.phrases.kind_words(name)]
            ends = [place, *self.after(place, *kinds)]
            yield from (Part(end, state._replace(attributes=left)) for end in ends)
        yield from self._made_of(node, position, state)
        yield from self.relations(node, position, state)

    def _made_of(self, node: int, position: int, state: State) -> Iterator[Part]:
        for place in self.after(position, "made of", "made out of", "made from"):
            for end, left in self.attribute(node, place, state.attributes):
                if all(self.phrases.is_material(name) for _, name in state.attributes - left):
                    yield Part(end, state._replace(attributes=left))
