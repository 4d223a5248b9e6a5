"""Which objects stand in a relation, by what the graph says and by what it leaves open.

Sets of objects are bit masks (`finecops.construction.truth.masks`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from finecops.construction.description import SAME
from finecops.construction.graph import SceneGraph, SceneObject
from finecops.construction.lexicon import Lexicon, RelationWord
from finecops.construction.truth.boxes import INSIDE, TOUCHING, Beside, apart, inside
from finecops.construction.truth.masks import bits
from finecops.construction.truth.words import words_of

UNSURE: Final = "perhaps "
"""Before a relation in a graph that says everything: it may hold or not, so it is neither said nor denied."""


class Relations:
    """The relations of a graph. `holds(r, h)` and `possible(r, h)` are the tails to which object h stands r.

    Attributes:
        entailed: relation → head → tails, from either end: where one is "left of" the other, that is "right of" it;
            where one is "parked behind" the other, that is "in front of" it, and not the other way round. What the
            boxes say is not asked. No object is related to itself.
        groups: the objects that are plurals, or without a border.
    """

    def __init__(self, graph: SceneGraph, lexicon: Lexicon, objects: tuple[SceneObject, ...]) -> None:
        self._graph, self._lexicon, self._objects = graph, lexicon, objects
        self._all = (1 << len(objects)) - 1
        is_group = words_of(lexicon).is_group
        self.groups = sum([1 << i for i, obj in enumerate(objects) if is_group(obj.name)])
        self._stated: dict[str, dict[int, int]] = {}
        index = {obj.id: i for i, obj in enumerate(objects)}
        for i, obj in enumerate(objects):
            for relation in obj.relations:
                tail = index[relation.object_id]
                if tail != i:
                    tails = self._stated.setdefault(relation.name, {})
                    tails[i] = tails.get(i, 0) | 1 << tail
        self.entailed: dict[str, dict[int, int]] = {name: dict(edges) for name, edges in self._stated.items()}
        for name, edges in self._stated.items():
            word = lexicon.relations.get(name)
            if word is not None and word.inverse is not None:
                _merge(self.entailed.setdefault(word.inverse, {}), _turned(edges))
        self._back: dict[str, dict[int, int]] = {}
        self._holding: dict[tuple[str, int], int] = {}
        self._possible: dict[tuple[str, int], int] = {}
        self._values: dict[str, list[frozenset[str]]] = {}
        self._axes: dict[int, Beside] = {}

    def holds(self, relation: str, head: int) -> int:
        """The tails for which the graph says it."""
        key = relation, head
        found = self._holding.get(key)
        if found is None:
            found = self._holding[key] = self._says(relation, head)
        return found

    def possible(self, relation: str, head: int) -> int:
        """The tails for which the graph does not exclude it.

        Raises:
            TooMuchWorkError: the graph has too many objects for all that was asked about it.
        """
        key = relation, head
        found = self._possible.get(key)
        if found is None:
            self._graph.work.add(len(self._objects))
            found = self._possible[key] = self._leaves_open(relation, head)
        return found

    def _says(self, relation: str, head: int) -> int:
        if relation.startswith(SAME):
            return self._same(relation.removeprefix(SAME), head, possible=False)
        entailed = self.entailed.get(relation, _NONE).get(head, 0)
        word = self._lexicon.relations.get(relation)
        if not entailed or word is None or word.boxes is None or self._lexicon.complete:
            return entailed
        return self._axis(word.boxes).clearly(head, entailed, word.boxes in _BEFORE)

    def _leaves_open(self, relation: str, head: int) -> int:
        if relation.startswith(SAME):
            return self._same(relation.removeprefix(SAME), head, possible=True)
        others = self._all & ~(1 << head)
        word = self._lexicon.relations.get(relation)
        if word is not None and word.boxes is not None:
            # Read from the boxes alone, however much the graph says: excluded where the tail is clearly on the other
            # side. GQA's graphs have left and right for some pairs only.
            return self.holds(relation, head) | others & ~self._axis(word.boxes).excluded(head, word.boxes in _BEFORE)
        if self._lexicon.complete:
            return self.holds(relation, head) | self._stated.get(UNSURE + relation, _NONE).get(head, 0)
        if word is None:
            return others
        return self.holds(relation, head) | others & ~self._excluded(word, head)

    def _axis(self, side: str) -> Beside:
        axis = 0 if side in ("left", "right") else 1
        if axis not in self._axes:
            size = self._graph.height if axis else self._graph.width
            self._axes[axis] = Beside([obj.xywh for obj in self._objects], self.groups, axis, size)
        return self._axes[axis]

    # Relations that are not read from the boxes

    def _heads(self, relation: str) -> dict[int, int]:
        """Tail → heads of the graph's own edges."""
        if relation not in self._back:
            self._back[relation] = _turned(self._stated.get(relation, _NONE))
        return self._back[relation]

    def _excluded(self, word: RelationWord, head: int) -> int:
        """The tails to which the head cannot stand so.

        What a word excludes is said of whole things and of heads that it allows: a wheel is on the bus and under it
        (`finecops.construction.words.relations`).
        """
        out = 0
        if word.contact:
            if word.one_head or word.one_tail:
                # What I wear does not wear me.
                out |= self._heads(word.name).get(head, 0)
            out |= self._too_far(head)
        noun = self._lexicon.nouns.get(self._objects[head].name)
        # Of several heads in one box, each may stand somewhere else.
        if noun is None or not noun.target or self.groups >> head & 1:
            return out
        if not word.heads or noun.being in word.heads:
            for name in word.contradictions:
                other = self._lexicon.relations.get(name)
                if other is None or not other.heads or noun.being in other.heads:
                    out |= self.entailed.get(name, _NONE).get(head, 0)
        if word.one_head:
            out |= self._taken(word.name, head)
        if word.one_tail:
            out |= self._elsewhere(word.name, head)
        return out

    def _too_far(self, head: int) -> int:
        limit = TOUCHING * max(self._graph.width, self._graph.height)
        own = self._objects[head].xywh
        return sum([1 << i for i, obj in enumerate(self._objects) if apart(own, obj.xywh) > limit])

    def _taken(self, relation: str, head: int) -> int:
        """The tails that have another head: nobody else wears this hat."""
        out = 0
        for tail, heads in self._heads(relation).items():
            others = bits(heads & ~(1 << head) & ~self.groups)
            self._graph.work.add(len(others))
            if any(not self._one_or_part(head, other) for other in others):
                out |= 1 << tail
        # Several hats in one box are worn by several people.
        return out & ~self.groups

    def _elsewhere(self, relation: str, head: int) -> int:
        """The tails of a name of which the head has another one: a cup on this table is not on another table."""
        mine = self._stated.get(relation, _NONE).get(head, 0)
        out = 0
        for tail in bits(mine):
            name = self._objects[tail].name
            self._graph.work.add(len(self._objects))
            for i, obj in enumerate(self._objects):
                if obj.name == name and not self._one_or_part(i, tail):
                    out |= 1 << i
        return out & ~mine & ~self.groups

    def _one_or_part(self, a: int, b: int) -> bool:
        """Whether two objects may be one thing, or one of them a part of the other, whatever they are called.

        A hat that the graph gives to a "head" is worn by the man whose head it is, and a book on a "shelf" is also on
        the larger "shelf" around it. GQA has many parts as objects of their own, and does not say whose they are.
        """
        return inside(self._objects[a].xywh, self._objects[b].xywh) >= INSIDE

    # The same color, material, …

    def values(self, kind: str) -> list[frozenset[str]]:
        """For each object: its attributes of a kind."""
        if kind not in self._values:
            words = self._lexicon.attributes
            self._values[kind] = [
                frozenset([a for a in obj.attributes if a in words and words[a].kind == kind]) for obj in self._objects
            ]
        return self._values[kind]

    def _same(self, kind: str, head: int, possible: bool) -> int:
        """The tails that have (may have) a value of a kind in common with the head."""
        values = self.values(kind)
        out = sum([1 << i for i, others in enumerate(values) if values[head] & others])
        if possible:
            for i in self._may_share(kind, head):
                out |= 1 << i
        return out & ~(1 << head)

    def _may_share(self, kind: str, head: int) -> Iterator[int]:
        words, values = self._lexicon.attributes, self.values(kind)
        own = values[head]
        several = kind not in self._lexicon.exclusive or self._more(kind, head)
        near = frozenset[str]().union(*(words[a].near for a in own))
        for i, others in enumerate(values):
            if several or near & others or self._more(kind, i):
                yield i

    def _more(self, kind: str, i: int) -> bool:
        """Whether an object may have other values of an exclusive kind than the graph says."""
        if self.groups >> i & 1 or len(self.values(kind)[i]) != 1:
            return True
        words = self._lexicon.attributes
        return any(kind in words[a].several for a in self._objects[i].attributes if a in words)


_NONE: Mapping[int, int] = {}
_BEFORE = ("left", "above")


def _turned(edges: Mapping[int, int]) -> dict[int, int]:
    """Tail → heads, of head → tails."""
    found: dict[int, int] = {}
    for head, tails in edges.items():
        for tail in bits(tails):
            found[tail] = found.get(tail, 0) | 1 << head
    return found


def _merge(into: dict[int, int], edges: Mapping[int, int]) -> None:
    for head, tails in edges.items():
        into[head] = into.get(head, 0) | tails
