"""What an expression may say about an object: the part of what the graph says that reads as it is meant.

All that is given here holds (`Facts`). What holds but could mislead is left out:

- one color of a two-coloured thing, one of two values that exclude each other, or a word that is not said of such a
  thing (`Lexicon.fits`);
- "to the left of" something so wide that it is also above or below the object: the centres are apart, and still
  nobody would say so of a man in front of a long wall;
- a vague relation, one that the head cannot do (only a being "wears"), or one to a thing of no known name;
- "the same color" where one of the two has several.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

from finecops.construction.description import SAME, Node
from finecops.construction.lexicon import Lexicon, RelationWord
from finecops.construction.truth.facts import Facts
from finecops.construction.truth.masks import bits


class Step(NamedTuple):
    """A relation to another object: its name, the object's number, whether it is read from the boxes alone."""

    relation: str
    tail: int
    side: bool = False


class Statements:
    """The attributes and relations of the objects of a graph that may be said, each made once."""

    def __init__(self, facts: Facts) -> None:
        self.facts, self.lexicon = facts, facts.lexicon
        words = facts.lexicon.relations
        self._relations = [
            (words[name], edges)
            for name, edges in facts.relations.entailed.items()
            if name in words and words[name].question
        ]
        self._nodes: dict[int, Node] = {}
        self._attributes: dict[int, tuple[str, ...]] = {}
        self._steps: dict[int, list[Step]] = {}
        self._kinds: dict[str, dict[str, int]] = {}

    def attributes(self, i: int) -> tuple[str, ...]:
        """Attributes of an object, in the graph's order."""
        if i not in self._attributes:
            obj = self.facts.objects[i]
            said = _sayable(obj.attributes, self.lexicon) if obj.attributes else ()
            self._attributes[i] = tuple([a for a in said if self.facts.words.fits(obj.name, a)])
        return self._attributes[i]

    def steps(self, i: int) -> list[Step]:
        """Relations of an object to others, in the graph's order of relations; no comparisons."""
        if i not in self._steps:
            self._steps[i] = list(self._find_steps(i))
        return self._steps[i]

    def comparisons(self, i: int) -> list[Step]:
        """Objects of another name with the same value of an exclusive kind, where both have one: "same color"."""
        found = []
        for attribute in self.attributes(i):
            kind = self.lexicon.attributes[attribute].kind
            # Of a kind that is not exclusive a thing may have several values.
            if kind in self.lexicon.compared and kind in self.lexicon.exclusive:
                sharing = self.facts.having(attribute) & ~(1 << i)
                found += [Step(SAME + kind, other) for other in bits(sharing) if attribute in self.attributes(other)]
        return [step for step in found if self.apart((i, step.tail))]

    def node(self, i: int, attributes: Collection[str] = ()) -> Node:
        """An object's name with some of its attributes, in the graph's order."""
        if not attributes:
            found = self._nodes.get(i)
            if found is None:
                found = self._nodes[i] = Node(self.facts.objects[i].name)
            return found
        # Not in the order in which they were chosen: the same attributes make the same node.
        return Node(self.facts.objects[i].name, tuple(a for a in self.attributes(i) if a in attributes))

    def apart(self, objects: tuple[int, ...]) -> bool:
        """Whether the names of some objects cannot be taken for each other: "the man beside the man" reads badly."""
        names = [self.facts.objects[i].name for i in objects]
        return not any(self.facts.words.may_be(a, b) for n, a in enumerate(names) for b in names[:n])

    def _find_steps(self, i: int) -> Iterator[Step]:
        facts, nouns = self.facts, self.lexicon.nouns
        noun = nouns.get(facts.objects[i].name)
        if noun is None:
            return
        for word, edges in self._relations:
            if i not in edges or (word.heads and noun.being not in word.heads):
                continue
            for tail in bits(facts.tails(word.name, i)):
                name = facts.objects[tail].name
                if name in nouns and not facts.words.may_be(noun.name, name) and self._reads_well(word, i, tail):
                    yield Step(word.name, tail, word.boxes is not None)

    def _reads_well(self, word: RelationWord, head: int, tail: int) -> bool:
        if word.boxes is None or self.lexicon.complete:
            return True
        axis = 0 if word.boxes in ("left", "right") else 1
        a, b = self.facts.objects[head].xywh, self.facts.objects[tail].xywh
        return _centre_outside(a, b, axis) and _centre_outside(b, a, axis)


def _centre_outside(a: tuple[float, ...], b: tuple[float, ...], axis: int) -> bool:
    """Whether the centre of a box is beside another one."""
    centre = a[axis] + a[axis + 2] / 2
    return not b[axis] <= centre <= b[axis] + b[axis + 2]


def _sayable(values: tuple[str, ...], lexicon: Lexicon) -> tuple[str, ...]:
    known = [lexicon.attributes[a] for a in dict.fromkeys(values) if a in lexicon.attributes]
    return tuple(
        word.name
        for word in known
        if not any(
            other is not word
            and (other.name in word.opposites or (other.kind == word.kind and word.kind in lexicon.exclusive))
            for other in known
        )
    )
