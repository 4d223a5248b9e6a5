"""The grammar of rewrites, last part: whole sentences, and where they begin and end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from finecops.construction.rewriting.modifiers import Modifiers
from finecops.construction.rewriting.noun_phrases import SINGULAR, State
from finecops.construction.rewriting.relation_phrases import PLACED, Part, joins

_PICTURES: Final = ("image", "picture", "photo", "photograph", "scene")
IN_PICTURE: Final = tuple(f"in {article} {name}" for article in ("the", "this") for name in _PICTURES)
_OPENINGS: Final = (
    "find",
    "locate",
    "spot",
    "look for",
    "point to",
    "please find",
    "please locate",
    "please point to",
    "this is",
    "here is",
    "it is",
    "it 's",
    "these are",
    "here are",
    "you can see",
    "we can see",
    "you see",
    "we see",
    "one can see",
    "you can find",
    "you will find",
    "i see",
)
_SHOWN: Final = (
    "here",
    "can be seen",
    "can be seen here",
    "can be found here",
    "can be found",
    "is visible",
    "is shown",
    "is shown here",
    "is here",
    "are visible",
    "are shown",
    "are here",
    "appears here",
    *IN_PICTURE,
    *(f"{verb} {where}" for verb in ("is", "are", "can be seen", "can be found", "is visible") for where in IN_PICTURE),
)


class Sentences(Modifiers):
    """Whole sentences; see `NounPhrases`."""

    def readings(self) -> Iterator[State]:
        """All ways to read the sentence as the description, whole."""
        for part in self._sentence(0, self.start()):
            place = part.place + (self.at(part.place) == ".")
            state = part.state
            if place == len(self.words) and not state.attributes and not state.edges:
                # Without an edge to it, a node of a broken description is never said.
                yield from [state] if len(state.spans) == len(self.said.nodes) else []

    def _sentence(self, position: int, state: State) -> Iterator[Part]:
        for start in self._starts(position):
            yield from self._direct(start, state)
            yield from self._inverted(start, state)
            yield from self._posture_first(start, state)

    def _starts(self, position: int) -> Iterator[int]:
        """Places where the sentence proper may begin."""
        yield position
        for place in self.after(position, *IN_PICTURE):
            yield from [place, *self.after(place, ",")]

    def _direct(self, position: int, state: State) -> Iterator[Part]:
        """The target first: "the cup on the table", "there is a cup on the table", "the cup is on the table"."""
        openings = [position, *self.after(position, *_OPENINGS), *self.after(position, "there")]
        for start in openings:
            for place in self._after_there(position, start):
                for part in self._target(place, state):
                    if self._agrees_with_there(position, start, place, part):
                        yield from self._ended(part)
                        if place == position:
                            yield from self._main_clause(part)

    def _after_there(self, position: int, start: int) -> Iterator[int]:
        """Behind "there" comes "is" or "are"."""
        if start == position + 1 and self.at(position) == "there":
            yield from self.after(start, "is", "are", "'s")
        else:
            yield start

    def _agrees_with_there(self, position: int, start: int, place: int, part: Part) -> bool:
        if place in (start, position):
            return True
        return self._number_fits(self.at(place - 1), part.state)

    def _number_fits(self, verb: str, state: State) -> bool:
        number = state.noun(0).number
        # "There's some cups" is said, and written.
        return number == "pair" or verb == "'s" or (verb == "are") == (number not in SINGULAR)

    def _target(self, position: int, state: State) -> Iterator[Part]:
        """The target with its modifiers; "in the picture" may stand behind its noun."""
        for place, after in self.noun_phrase(0, position, state):
            for start in [place, *self.after(place, *IN_PICTURE)]:
                yield from self.modified(0, Part(start, after), first=True)

    def _main_clause(self, part: Part) -> Iterator[Part]:
        """The sentence's own verb: it is said of the target, whatever stands before it."""
        for start in [part.place, *self.after(part.place, ",")]:
            for clause in self.clause(0, start, part.state):
                yield from self._ended(clause)

    def _ended(self, part: Part) -> Iterator[Part]:
        """As it is, or with "in the picture" or "can be seen" at its end."""
        yield part
        for start in [part.place, *self.after(part.place, ",")]:
            for place in self.after(start, *_SHOWN):
                # The verb agrees with the target.
                verb = next((w for w in self.words[start:place] if w in ("is", "are")), None)
                if verb is None or self._number_fits(verb, part.state):
                    yield Part(place, part.state)

    def _inverted(self, position: int, state: State) -> Iterator[Part]:
        """The place first: "on the table is a cup", "next to the plate, there is a cup"."""
        for front in self._front(position, state):
            for start in [front.place, *self.after(front.place, ",")]:
                for place, verb in self._verbs(start):
                    # Without a verb, a comma parts the place from the target.
                    if verb == "" and start == front.place:
                        continue
                    for part in self._target(place, front.state):
                        if verb in ("is", "are", "'s") and not self._number_fits(verb, part.state):
                            continue
                        yield from self._ended(part)
                        if verb == "":
                            yield from self._main_clause(part)

    def _posture_first(self, position: int, state: State) -> Iterator[Part]:
        """ "On the bench sits a man"."""
        # The verb stands before the target, so its number is tried before it is known.
        for index in sorted(state.edges):
            edge = self.said.edges[index]
            for number in ("singular", "plural"):
                posture = self.phrases.posture(edge.relation, number) if edge.head == 0 else None
                if posture is None:
                    continue
                for start in self.behind(position, [posture[0]]):
                    for front in self.other_end(index, start, state):
                        for place in self.behind(front.place, [posture[1]]):
                            for part in self._target(place, front.state):
                                if self._number_fits("are" if number == "plural" else "is", part.state):
                                    yield from self._ended(part)

    def _verbs(self, position: int) -> Iterator[tuple[int, str]]:
        """Places where the target may begin behind a front, and the verb "is" or "are" before it, if there is one."""
        yield position, ""
        for start in [position, *self.after(position, "there")]:
            for place in self.after(start, "is", "are", *(["'s"] if start != position else [])):
                yield place, self.at(place - 1)
                yield from ((end, self.at(place - 1)) for end in self.after(place, *PLACED))
        for place in self.after(position, "you can see", "we can see", "one can see", "you will find", "you can find"):
            yield place, "see"

    def _front(self, position: int, state: State) -> Iterator[Part]:
        """One or two relations of the target in front of it."""
        for start in [position, *self.after(position, *PLACED)]:
            for part in self.relations(0, start, state):
                yield part
                for place in self.after(part.place, *joins(0, part.tail)):
                    yield from self.relations(0, place, part.state)
