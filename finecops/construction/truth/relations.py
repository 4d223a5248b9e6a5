"""Which objects stand in a relation, by what the graph says and by what it leaves open.

Sets of objects are bit masks: bit i is object i of the graph.
"""

from __future__ import annotations

from finecops.construction.description import SAME
from finecops.construction.graph import SceneGraph, SceneObject
from finecops.construction.lexicon import Lexicon, RelationWord
from finecops.construction.truth.boxes import MARGIN, SAME_THING, TOUCHING, apart, centres, iou


class Relations:
    """The relations of a graph. `holds(r, h)` and `possible(r, h)` are the tails to which object h stands r."""

    def __init__(self, graph: SceneGraph, lexicon: Lexicon, objects: tuple[SceneObject, ...]) -> None:
        self._graph, self._lexicon, self._objects = graph, lexicon, objects
        self._all = (1 << len(objects)) - 1
        index = {obj.id: i for i, obj in enumerate(objects)}
        self._stated: dict[str, dict[int, int]] = {}
        self._back: dict[str, dict[int, int]] = {}
        for i, obj in enumerate(objects):
            for relation in obj.relations:
                tail = index[relation.object_id]
                if tail == i:
                    continue
                tails = self._stated.setdefault(relation.name, {})
                tails[i] = tails.get(i, 0) | 1 << tail
                heads = self._back.setdefault(relation.name, {})
                heads[tail] = heads.get(tail, 0) | 1 << i
        self._holding: dict[tuple[str, int], int] = {}
        self._possible: dict[tuple[str, int], int] = {}
        self._of_kind: dict[str, list[set[str]]] = {}
        self._centres = centres([obj.xywh for obj in objects])
        self._groups = sum(1 << i for i, obj in enumerate(objects) if lexicon.is_group(obj.name))

    def holds(self, relation: str, head: int) -> int:
        """The tails for which the graph says it, from either end ("left of" one is "right of" the other)."""
        key = relation, head
        if key not in self._holding:
            self._holding[key] = self._says(relation, head)
        return self._holding[key]

    def possible(self, relation: str, head: int) -> int:
        """The tails for which the graph does not exclude it."""
        key = relation, head
        if key not in self._possible:
            self._graph.work.add(len(self._objects))
            self._possible[key] = self._leaves_open(relation, head)
        return self._possible[key]

    def stated(self, relation: str, head: int) -> int:
        """The tails for which the graph has the edge itself."""
        return self._stated.get(relation, {}).get(head, 0)

    def _told(self, relation: str, head: int) -> int:
        """The tails for which the graph has the edge, or the inverse edge back."""
        told = self.stated(relation, head)
        word = self._lexicon.relations.get(relation)
        if word is not None and word.inverse is not None:
            told |= self._back.get(word.inverse, {}).get(head, 0)
        return told

    def _says(self, relation: str, head: int) -> int:
        if relation.startswith(SAME):
            return self._same(relation.removeprefix(SAME), head, possible=False)
        told = self._told(relation, head)
        word = self._lexicon.relations.get(relation)
        if word is None or word.boxes is None or self._lexicon.complete:
            return told
        return told & self._beside(word.boxes, head, 1)

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
            return told | others & ~self._beside(word.boxes, head, -1)
        return told | others & ~self._excluded(word, head)

    def _beside(self, side: str, head: int, sign: int) -> int:
        """The tails whose centres are at least a margin apart, with the head on the named side (-1: on the other)."""
        axis = 0 if side in ("left", "right") else 1
        margin = MARGIN * (self._graph.width if axis == 0 else self._graph.height)
        # The head is left of or above a tail whose coordinate is larger.
        sign = sign if side in ("left", "above") else -sign
        own = self._centres[head][axis]
        return sum(1 << i for i, centre in enumerate(self._centres) if sign * (centre[axis] - own) >= margin)

    def _excluded(self, word: RelationWord, head: int) -> int:
        """The tails to which the head cannot stand so."""
        out = 0
        for other in word.contradictions:
            out |= self._told(other, head)
        fixed = word.one_head or word.one_tail
        if word.contact and fixed:
            # What I wear does not wear me.
            out |= self._back.get(word.name, {}).get(head, 0)
        if word.contact:
            out |= self._too_far(head)
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
        if self._groups >> head & 1:
            return 0
        out = 0
        for tail, heads in self._back.get(relation, {}).items():
            others = heads & ~(1 << head) & ~self._groups
            if any(not self.one_thing(head, other) for other in bits(others)):
                out |= 1 << tail
        # Several hats in one box are worn by several people.
        return out & ~self._groups

    def _elsewhere(self, relation: str, head: int) -> int:
        """The tails of a name of which the head has another one: a cup on this table is not on another table."""
        if self._groups >> head & 1:
            return 0
        mine = list(bits(self.stated(relation, head)))
        out = 0
        for i, obj in enumerate(self._objects):
            out |= (
                any(i != tail and self._objects[tail].name == obj.name and not self.one_thing(i, tail) for tail in mine)
                << i
            )
        return out & ~self.stated(relation, head) & ~self._groups

    def one_thing(self, a: int, b: int) -> bool:
        """Whether two objects may be the same thing, annotated twice."""
        first, second = self._objects[a], self._objects[b]
        return self._lexicon.may_be(first.name, second.name) and iou(first.xywh, second.xywh) >= SAME_THING

    def _values(self, kind: str) -> list[set[str]]:
        """For each object, its attributes of a kind."""
        if kind not in self._of_kind:
            known = self._lexicon.attributes
            self._of_kind[kind] = [
                {a for a in obj.attributes if a in known and known[a].kind == kind} for obj in self._objects
            ]
        return self._of_kind[kind]

    def _same(self, kind: str, head: int, possible: bool) -> int:
        """The tails that have (may have) a value of a kind in common with the head."""
        lexicon, values = self._lexicon, self._values(kind)
        own = values[head]
        open_ = possible and not lexicon.complete
        out = 0
        for i, others in enumerate(values):
            shared = bool(own & others)
            if open_ and not shared:
                several = (
                    len(own) != 1 or len(others) != 1 or bool(self._groups >> i & 1) or bool(self._groups >> head & 1)
                )
                shared = several or any(a in lexicon.attributes[b].near for a in own for b in others)
            out |= shared << i
        return out & ~(1 << head)


def bits(mask: int) -> list[int]:
    """The numbers of the bits of a mask, in ascending order.

    >>> bits(0b1011)
    [0, 1, 3]
    """
    found = []
    while mask:
        low = mask & -mask
        found.append(low.bit_length() - 1)
        mask ^= low
    return found
