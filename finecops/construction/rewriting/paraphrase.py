"""Other wordings of a description by rules: synonyms, phrases of relations, the order and the kind of clauses.

It is no language model: what it writes is varied, and no more natural than its rules. Every draft goes through the
checker, as a model's sentence does.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from finecops.construction.description import SAME, Description, Edge, Node
from finecops.construction.english.forms import PICKS, NounPhrase, Phrasing, kind_word, noun_phrase, phrasing
from finecops.construction.rewriting.phrases import SIDES, Phrases, is_same

_SAID_ALONE = frozenset("color size age height length width shape pattern moisture cleanliness".split())
"""Kinds of attributes that may stand alone behind "is"."""


@dataclass
class Draft:
    """One wording of a description, by free choices of a random generator.

    Attributes:
        said: the description.
        definite: for each node, whether it has "the"; the target's article is the sentence's.
        phrases: how its words may be said.
        rng: the choices.
    """

    said: Description
    definite: Sequence[bool]
    phrases: Phrases
    rng: random.Random

    def sentence(self) -> str:
        """A sentence or phrase."""
        edges = self._edges(0)
        ways = [self._phrase, self._phrase, self._there, self._shown]
        if edges:
            ways += [self._statement, self._statement]
        if edges and self._phrasing(edges[0]).sort == "place":
            ways += [self._inverted, self._inverted, self._inverted]
        return self.rng.choice(ways)()

    def _phrase(self) -> str:
        return self._full(0, the=True)

    def _there(self) -> str:
        noun = self._noun(0, the=False)
        return f"there {_be(noun)} {self._with_modifiers(0, noun)}"

    def _shown(self) -> str:
        start, the = self.rng.choice((("you can see", False), ("look for", True), ("here", True), ("this", True)))
        noun = self._noun(0, the)
        if start == "this":
            start = "these are" if noun.plural else "this is"
        elif start == "here":
            start = f"here {_be(noun)}"
        return f"{start} {self._with_modifiers(0, noun)}"

    def _statement(self) -> str:
        """The last relation is the sentence's verb: "the cup on the table is next to the plate"."""
        # Either relation may be the verb: `_edges` gives them in any order.
        *first, last = self._edges(0)
        noun = self._noun(0, the=True)
        return f"{self._with_modifiers(0, noun, first, last=False)} {self._verb(last, noun)}"

    def _inverted(self) -> str:
        """The place first."""
        first, *rest = self._edges(0)
        # "To the right of the car with a dog to its left" is heavy in front.
        front = self._behind(first, plain=True)
        the = self.rng.random() < 0.5
        noun = self._noun(0, the)
        middle = _be(noun) if the else self.rng.choice((f"there {_be(noun)}", f", there {_be(noun)}", "you can see"))
        target = self._with_modifiers(0, noun, rest)
        return f"{front}{'' if middle[0] == ',' else ' '}{middle} {target}"

    def _full(self, node: int, the: bool) -> str:
        return self._with_modifiers(node, self._noun(node, the))

    def _noun(self, node: int, the: bool, before: Edge | None = None) -> NounPhrase:
        """An object by its own name or a synonym; maybe one attribute is left for a clause."""
        lexicon = self.phrases.lexicon
        shown = self.said.nodes[node]
        own = lexicon.nouns[shown.name]
        others = [
            said.name
            for said in self.phrases.nouns(shown.name)
            if said.name in self.phrases.common
            and said.name != shown.name
            and lexicon.nouns[said.name].number == own.number
        ]
        if others and self.rng.random() < 0.4:
            shown = replace(shown, name=self.rng.choice(others))
        # "That is red"; but not "that is tennis".
        movable = [name for name in shown.attributes if lexicon.attributes[name].kind in _SAID_ALONE]
        moved: tuple[str, ...] = (self.rng.choice(movable),) if movable and self.rng.random() < 0.25 else ()
        kept = tuple(name for name in shown.attributes if name not in moved)
        bare = "never" if before is None else self._phrasing(before).bare
        picks = [self.rng.randrange(PICKS), self.rng.randrange(PICKS)]
        again = node > 0 and self.said.nodes[node].name == self.said.nodes[0].name
        noun = noun_phrase(Node(shown.name, kept), lexicon, the, bare, again, picks)
        return replace(noun, after=(*moved, *noun.after))

    def _with_modifiers(self, node: int, noun: NounPhrase, edges: list[Edge] | None = None, last: bool = True) -> str:
        """An object with some of its relations; None: all. `last`: the sentence ends with the target's."""
        edges = self._edges(node) if edges is None else edges
        clauses = [f"{_be(noun)} {' and '.join(noun.after)}"] if noun.after else []
        if noun.after or (len(edges) == 2 and self.rng.random() < 0.5):
            return f"{noun.head} {noun.who} {' and '.join([*clauses, *(self._verb(edge, noun) for edge in edges)])}"
        if len(edges) == 1 and self.rng.random() < 0.5:
            # "The horse by a fence, which the boy rides": either is meant. In mid-sentence a second comma would be due.
            comma = "," if self.rng.random() < 0.2 and node == 0 and last else ""
            pronoun = noun.who if not comma or noun.who == "who" else "which"
            return f"{noun.head}{comma} {pronoun} {self._verb(edges[0], noun)}"
        behind = " and ".join(self._behind(edge) for edge in edges)
        return f"{noun.head} {behind}" if behind else noun.head

    def _edges(self, node: int) -> list[Edge]:
        found = [edge for edge in self.said.edges if edge.head == node]
        if len(found) == 2 and self.rng.random() < 0.5:
            found.reverse()
        return found

    def _phrasing(self, edge: Edge) -> Phrasing:
        return phrasing(edge.relation, self.phrases.lexicon)

    def _other_end(self, edge: Edge, leaf: bool = False) -> str:
        noun = self._noun(edge.tail, self.definite[edge.tail], edge)
        return noun.head if leaf else self._with_modifiers(edge.tail, noun)

    def _behind(self, edge: Edge, plain: bool = False) -> str:
        """The relation and its other end behind the noun that has it."""
        words = self.rng.choice(self._phrasing(edge).phrases if plain else self._ways(edge))
        if not plain and not self._edges(edge.tail) and (special := self._special(edge)) and self.rng.random() < 0.3:
            return special
        return f"{words} {self._other_end(edge)}"

    def _ways(self, edge: Edge) -> list[str]:
        said = self._phrasing(edge)
        if is_same(edge.relation):
            kind = kind_word(edge.relation)
            more = [f"identical in {kind} to", f"sharing the same {kind} as", f"having the same {kind} as"]
            return [*said.phrases, *([] if kind == "material" else more)]
        ways = [*said.phrases]
        side = self.phrases.relation_word(edge.relation).boxes
        if side in SIDES:
            ways += [f"on the {side} side of"]
        # "The cup located on the table" sounds like an address.
        if said.sort == "place" and not self.phrases.relation_word(edge.relation).contact:
            ways += [f"{word} {way}" for way in ways for word in ("located", "positioned")]
        return ways

    def _special(self, edge: Edge) -> str:
        """ "With a plate to its right", "to the plate's left"; empty where there is none."""
        word, inverse = self.phrases.relation_word(edge.relation), self.phrases.exact_inverse(edge.relation)
        if inverse is None or self._phrasing(edge).sort != "place":
            return ""
        noun = self._noun(edge.tail, self.definite[edge.tail], edge)
        if noun.after:
            return ""
        side = SIDES.get(str(word.boxes))
        if side is not None and noun.article == "the" and not noun.plural and self.rng.random() < 0.4:
            return f"to {noun.head}'s {side}"
        pronoun, whose = ("them", "their") if self._is_plural(edge.head) else ("it", "its")
        if self._is_being(edge.head):
            # Of beings it would be "his" or "her".
            return ""
        other = self.phrases.relation_word(inverse)
        if other.boxes in SIDES:
            return f"with {noun.head} to {whose} {other.boxes}"
        return f"with {noun.head} {other.phrases[0]} {pronoun}"

    def _is_plural(self, node: int) -> bool:
        return self.phrases.number(self.said.nodes[node].name) in ("plural", "pair")

    def _is_being(self, node: int) -> bool:
        return self.phrases.lexicon.nouns[self.said.nodes[node].name].being != "thing"

    def _verb(self, edge: Edge, head: NounPhrase) -> str:
        """The relation as a verb of its head, with its other end."""
        said = self._phrasing(edge)
        verbs = [pair[head.plural] for pair in said.verbs]
        if said.sort == "place" and not is_same(edge.relation):
            verbs += [f"{_be(head)} {way}" for way in self._ways(edge)] + [f"can be found {said.phrases[0]}"]
        if edge.relation.startswith(SAME) and not said.phrases[0].startswith("made"):
            verbs += [f"{'share' if head.plural else 'shares'} the same {kind_word(edge.relation)} with"]
        return f"{self.rng.choice(verbs)} {self._other_end(edge)}"


def _be(noun: NounPhrase) -> str:
    return "are" if noun.plural else "is"
