"""Which objects stand in a relation, by what the graph says and by what it leaves open.

Sets of objects are bit masks (`finecops.construction.truth.masks`).
"""

from __future__ import annotations

from collections.abc import Iterator

from finecops.construction.description import SAME
from finecops.construction.graph import SceneGraph, SceneObject
from finecops.construction.lexicon import Lexicon, RelationWord
from finecops.construction.truth.boxes import INSIDE, MARGIN, SAME_THING, TOUCHING, apart, inside, iou
from finecops.construction.truth.masks import bits


class Relations:
    """The relations of a graph. `holds(r, h)` and `possible(r, h)` are the tails to which object h stands r.

    Attributes:
        stated: relation → head → tails, the edges of the graph as they are; of no object to itself.
        back: relation → tail → heads, the same edges.
    """

    def __init__(self, graph: SceneGraph, lexicon: Lexicon, objects: tuple[SceneObject, ...]) -> None:
        self._graph, self._lexicon, self._objects = graph, lexicon, objects
        self._all = (1 << len(objects)) - 1
        index = {obj.id: i for i, obj in enumerate(objects)}
        self.stated: dict[str, dict[int, int]] = {}
        self.back: dict[str, dict[int, int]] = {}
        for i, obj in enumerate(objects):
            for relation in obj.relations:
                tail = index[relation.object_id]
                if tail == i:
                    continue
                tails = self.stated.setdefault(relation.name, {})
                tails[i] = tails.get(i, 0) | 1 << tail
                heads = self.back.setdefault(relation.name, {})
                heads[tail] = heads.get(tail, 0) | 1 << i
        self._holding: dict[tuple[str, int], int] = {}
        self._possible: dict[tuple[str, int], int] = {}
        self._values: dict[str, list[frozenset[str]]] = {}
        self._groups = sum(1 << i for i, obj in enumerate(objects) if lexicon.is_group(obj.name))

    def holds(self, relation: str, head: int) -> int:
        """The tails for which the graph says it, from either end ("left of" one is "right of" the other)."""
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

    def told(self, relation: str, head: int) -> int:
        """The tails for which the graph has the edge, or the inverse edge back, whatever the boxes are."""
        found = self.stated.get(relation, {}).get(head, 0)
        word = self._lexicon.relations.get(relation)
        if word is not None and word.inverse is not None:
            found |= self.back.get(word.inverse, {}).get(head, 0)
        return found

    def said(self, relation: str) -> bool:
        """Whether the graph has an edge of this relation, or of its inverse."""
        word = self._lexicon.relations.get(relation)
        return relation in self.stated or (word is not None and word.inverse in self.stated)

    def _says(self, relation: str, head: int) -> int:
        if relation.startswith(SAME):
            return self._same(relation.removeprefix(SAME), head, possible=False)
        told = self.told(relation, head)
        word = self._lexicon.relations.get(relation)
        if word is None or word.boxes is None or self._lexicon.complete:
            return told
        return sum(1 << i for i in bits(told) if self._ahead(word.boxes, head, i))

    def _leaves_open(self, relation: str, head: int) -> int:
        if self._lexicon.complete:
            return self.holds(relation, head)
        if relation.startswith(SAME):
            return self._same(relation.removeprefix(SAME), head, possible=True)
        others = self._all & ~(1 << head)
        word = self._lexicon.relations.get(relation)
        if word is None:
            return others
        told = self.holds(relation, head)
        if word.boxes is not None:
            # Read from the boxes alone: excluded where the tail is clearly on the other side.
            return told | others & ~self._behind(word.boxes, head)
        return told | others & ~self._excluded(word, head)

    # Left, right, above, below

    def _ahead(self, side: str, head: int, tail: int) -> bool:
        """Whether the centre of the head is at least a margin on a side of the tail's."""
        low, high = self._reach(side, head)
        other_low, other_high = self._reach(side, tail)
        distance = (other_low + other_high - low - high) / 2
        return (distance if side in ("left", "above") else -distance) >= self._margin(side)

    def _behind(self, side: str, head: int) -> int:
        """The tails of which the head is at least a margin on the other side.

        Centres count. One of a group may be anywhere in the group's box, so of a group the nearest border counts: of
        the "trees" around a house one may be to the left of it.
        """
        margin, out = self._margin(side), 0
        first = side in ("left", "above")
        low, high = self._near(side, head)
        for i in range(len(self._objects)):
            other_low, other_high = self._near(side, i)
            gap = low - other_high if first else other_low - high
            out |= (gap >= margin) << i
        return out & ~(1 << head)

    def _near(self, side: str, i: int) -> tuple[float, float]:
        """Where an object may be along an axis: at its centre; of a group, anywhere in its box."""
        low, high = self._reach(side, i)
        if self._groups >> i & 1:
            return low, high
        return (low + high) / 2, (low + high) / 2

    def _reach(self, side: str, i: int) -> tuple[float, float]:
        axis = 0 if side in ("left", "right") else 1
        xywh = self._objects[i].xywh
        return xywh[axis], xywh[axis] + xywh[axis + 2]

    def _margin(self, side: str) -> float:
        return MARGIN * (self._graph.width if side in ("left", "right") else self._graph.height)

    # All other relations

    def _excluded(self, word: RelationWord, head: int) -> int:
        """The tails to which the head cannot stand so."""
        out = 0
        for other in word.contradictions:
            out |= self.told(other, head)
        if word.contact:
            if word.one_head or word.one_tail:
                # What I wear does not wear me.
                out |= self.back.get(word.name, {}).get(head, 0)
            out |= self._too_far(head)
        # Of several heads in one box, each may stand somewhere else.
        if not self._groups >> head & 1:
            if word.one_head:
                out |= self._taken(word.name, head)
            if word.one_tail:
                out |= self._elsewhere(word.name, head)
        return out

    def _too_far(self, head: int) -> int:
        limit = TOUCHING * max(self._graph.width, self._graph.height)
        own = self._objects[head].xywh
        return sum(1 << i for i, obj in enumerate(self._objects) if apart(own, obj.xywh) > limit)

    def _taken(self, relation: str, head: int) -> int:
        """The tails that have another head: nobody else wears this hat."""
        out = 0
        for tail, heads in self.back.get(relation, {}).items():
            others = bits(heads & ~(1 << head) & ~self._groups)
            if any(not self._one_or_part(head, other) for other in others):
                out |= 1 << tail
        # Several hats in one box are worn by several people.
        return out & ~self._groups

    def _elsewhere(self, relation: str, head: int) -> int:
        """The tails of a name of which the head has another one: a cup on this table is not on another table."""
        mine = self.stated.get(relation, {}).get(head, 0)
        out = 0
        for tail in bits(mine):
            name = self._objects[tail].name
            for i, obj in enumerate(self._objects):
                if obj.name == name and not self._one_or_part(i, tail):
                    out |= 1 << i
        return out & ~mine & ~self._groups

    def one_thing(self, a: int, b: int) -> bool:
        """Whether two objects may be the same thing, annotated twice."""
        first, second = self._objects[a], self._objects[b]
        return self._lexicon.may_be(first.name, second.name) and iou(first.xywh, second.xywh) >= SAME_THING

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
                frozenset(a for a in obj.attributes if a in words and words[a].kind == kind) for obj in self._objects
            ]
        return self._values[kind]

    def _same(self, kind: str, head: int, possible: bool) -> int:
        """The tails that have (may have) a value of a kind in common with the head."""
        values = self.values(kind)
        out = sum(1 << i for i, others in enumerate(values) if values[head] & others)
        if possible:
            out |= sum(1 << i for i in self._may_share(kind, head))
        return out & ~(1 << head)

    def _may_share(self, kind: str, head: int) -> Iterator[int]:
        words, values = self._lexicon.attributes, self.values(kind)
        several = kind not in self._lexicon.exclusive
        for i, others in enumerate(values):
            known = len(values[head]) == 1 and len(others) == 1 and not (self._groups >> head | self._groups >> i) & 1
            if several or not known or any(a in words[b].near for a in values[head] for b in others):
                yield i
