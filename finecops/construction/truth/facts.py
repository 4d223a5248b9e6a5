"""A scene graph as facts: which objects a description fits, possibly fits, and what its level is.

A statement *holds* if the graph says it. It is *possible* if the graph does not exclude it. GQA's graphs have (nearly)
all objects of an image, but only some of their attributes and relations: so a description identifies an object only if
it is possible for no other one, and it is false only if it is possible for none. In a world whose graphs say everything
(`Lexicon.complete`), possible is what holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final, Literal

from finecops.construction.description import SAME, Description, Edge, Node
from finecops.construction.graph import SceneGraph, SceneObject
from finecops.construction.lexicon import Lexicon
from finecops.construction.truth.attributes import Attributes
from finecops.construction.truth.masks import bits, union
from finecops.construction.truth.relations import Relations
from finecops.construction.truth.words import words_of

Level = Literal[1, 2, 3]
_NODES: Final = {(): 1, ((0, 1),): 2, ((0, 1), (1, 2)): 3, ((0, 1), (0, 2)): 3}
"""Edges of the tuple types (head and tail) → nodes."""
_Key = tuple[str, tuple[str, ...]]
_FEW: Final = 8
"""So many objects are looked through without being counted as work."""


class Facts:
    """A graph that can be asked. Sets of objects are bit masks: bit i is object i of the graph.

    Raises:
        TooMuchWorkError: from any question, where the graph has too many objects of a kind.
    """

    def __init__(self, graph: SceneGraph, lexicon: Lexicon) -> None:
        self.graph, self.lexicon = graph, lexicon
        self.objects = tuple(graph.objects.values())
        self.index = {obj.id: i for i, obj in enumerate(self.objects)}
        self.words = words_of(lexicon)
        self.relations = Relations(graph, lexicon, self.objects)
        self._names: dict[str, int] = {}
        for i, obj in enumerate(self.objects):
            self._names[obj.name] = self._names.get(obj.name, 0) | 1 << i
        self._is: dict[str, int] = {}
        self._may: dict[str, int] = {}
        self._nodes: tuple[dict[_Key, int], dict[_Key, int]] = {}, {}
        self.attributes = Attributes(lexicon, self.objects, self.relations.groups)

    def replace_objects(self, objects: Iterable[SceneObject]) -> Facts:
        """The facts of an edited graph: these objects instead of those with their ids."""
        changed = {**self.graph.objects, **{obj.id: obj for obj in objects}}
        return Facts(replace(self.graph, objects=changed), self.lexicon)

    # Names and attributes

    def named(self, name: str, possible: bool = False) -> int:
        """The objects that are (may be) of a name."""
        cache = self._may if possible else self._is
        if name not in cache:
            fits = self.words.may_be if possible else self.words.is_a
            cache[name] = union(mask for own, mask in self._names.items() if fits(own, name))
        return cache[name]

    def having(self, attribute: str, possible: bool = False) -> int:
        """The objects that have (may have) an attribute."""
        return self.attributes.possible(attribute) if possible else self.attributes.holds(attribute)

    def node(self, node: Node, possible: bool = False) -> int:
        """The objects that fit (may fit) a node: its name and all of its attributes."""
        cache = self._nodes[possible]
        # A tuple is hashed many times faster than the node itself.
        key = node.name, node.attributes
        mask = cache.get(key)
        if mask is None:
            mask = self.named(node.name, possible)
            for attribute in node.attributes:
                if not mask:
                    break
                mask &= self.having(attribute, possible)
            cache[key] = mask
        return mask

    def tails(self, relation: str, head: int, possible: bool = False) -> int:
        """The objects to which a head stands (may stand) in a relation."""
        return self.relations.possible(relation, head) if possible else self.relations.holds(relation, head)

    # Descriptions

    def matching(self, said: Description, possible: bool = False, among: int | None = None) -> int:
        """The objects that can be node 0, with different objects for the other nodes.

        Args:
            said: the description.
            possible: what may be counts too.
            among: only these are asked about.

        Raises:
            ValueError: it has a shape that no tuple type has.
            TooMuchWorkError: there is too much to compare.
        """
        return union(1 << i for i in self._matching(said, possible, among))

    def _matching(self, said: Description, possible: bool, among: int | None = None) -> Iterator[int]:
        """The numbers of the objects that `matching` asks for, one after the other."""
        shape = tuple([(edge.head, edge.tail) for edge in said.edges])
        if _NODES.get(shape) != len(said.nodes):
            raise ValueError(f"no tuple type has {len(said.nodes)} nodes and the edges {shape}")
        first = self.node(said.nodes[0], possible)
        targets = first if among is None else first & among
        if not targets:
            return
        nodes = [self.node(node, possible) for node in said.nodes]
        if not all(nodes):
            return
        for target in bits(targets):
            if self._fits(said.edges, nodes, target, possible):
                yield target

    def _fits(self, edges: tuple[Edge, ...], nodes: list[int], target: int, possible: bool) -> bool:
        if not edges:
            return True
        own, first = 1 << target, edges[0]
        firsts = self.tails(first.relation, target, possible) & nodes[1] & ~own
        if not firsts or len(edges) == 1:
            return bool(firsts)
        second = edges[1]
        if second.head == 0:
            seconds = self.tails(second.relation, target, possible) & nodes[2] & ~own
            # Two different objects: not the same single one for both.
            return bool(seconds) and (firsts | seconds).bit_count() > 1
        middles = bits(firsts)
        if len(middles) > _FEW:
            self.graph.work.add(len(middles))
        return any(
            self.tails(second.relation, middle, possible) & nodes[2] & ~own & ~(1 << middle) for middle in middles
        )

    def holds(self, said: Description) -> list[str]:
        """Ids of the objects that a description fits, by what the graph says, in the graph's order."""
        return [self.objects[i].id for i in bits(self.matching(said))]

    def possible(self, said: Description) -> list[str]:
        """Ids of the objects that a description may fit, in the graph's order."""
        return [self.objects[i].id for i in bits(self.matching(said, possible=True))]

    def is_unique(self, said: Description, target_id: str) -> bool:
        """Whether a description fits an object, and provably no other."""
        own = 1 << self.index[target_id]
        return self.matching(said, among=own) == own and next(self._matching(said, True, ~own), None) is None

    def is_false(self, said: Description) -> bool:
        """Whether a description provably fits no object of the image."""
        return next(self._matching(said, True), None) is None

    def assignment(self, said: Description, target_id: str) -> tuple[str, ...]:
        """Ids of the objects that a description names, the target first: the first ones that fit.

        Raises:
            ValueError: it does not fit the target.
        """
        target = self.index[target_id]
        for chosen in self._assignments(said, [self.node(node) for node in said.nodes], (target,)):
            return tuple(self.objects[i].id for i in chosen)
        raise ValueError(f"the description does not fit object {target_id}")

    def _assignments(self, said: Description, nodes: list[int], chosen: tuple[int, ...]) -> Iterable[tuple[int, ...]]:
        if not nodes[len(chosen) - 1] >> chosen[-1] & 1:
            return
        if len(chosen) == len(nodes):
            yield chosen
            return
        edge = said.edges[len(chosen) - 1]
        for tail in bits(self.tails(edge.relation, chosen[edge.head]) & nodes[len(chosen)]):
            if tail not in chosen:
                yield from self._assignments(said, nodes, (*chosen, tail))

    # Levels

    def level(self, said: Description) -> Level | None:
        """The level of a description that identifies one object (paper, III-A), or None if it is not certain.

        Level 1: no other object may be of the target's name. Level 2: another one certainly is, and one attribute, or
        one relation to an object named by its name alone, is enough. Level 3: no single one that is named is enough,
        neither by what is possible nor by what the graph says. What an expression needs decides, not how much it says.
        """
        target = self.matching(said, possible=True)
        return self.level_of(said, target) if target.bit_count() == 1 else None

    def level_of(self, said: Description, target: int) -> Level | None:
        """The level of a description that is known to identify one object, given as a mask; see `level`."""
        name = said.nodes[0].name
        if self.named(name, possible=True) == target:
            return 1
        if not self.named(name) & ~target:
            return None
        clues = single_clues(said)
        if any(self.matching(clue, possible=True) == target for clue in clues):
            return 2
        return None if any(self.matching(clue) == target for clue in clues) else 3

    def needs_two(self, said: Description, target_id: str) -> bool:
        """Whether no single attribute or relation of the target would be enough by what the graph says, named or not.

        This is more than level 3, which asks for the clues that an expression names.
        """
        target = self.index[target_id]
        others = ~(1 << target)
        name = said.nodes[0].name
        return all(next(self._matching(clue, False, others), None) is not None for clue in self._clues(name, target))

    def _clues(self, name: str, target: int) -> Iterator[Description]:
        """Everything that can be said of an object with one attribute, or one relation to a bare name."""
        lexicon, own = self.lexicon, self.objects[target].attributes
        for attribute in own:
            if attribute in lexicon.attributes:
                yield Description("0_hop", (Node(name, (attribute,)),))
        kinds = {lexicon.attributes[a].kind for a in own if a in lexicon.attributes}
        entailed = [r for r in self.relations.entailed if r in lexicon.relations and lexicon.relations[r].question]
        for relation in (*entailed, *(SAME + kind for kind in sorted(kinds & lexicon.compared))):
            tails = bits(self.tails(relation, target))
            for tail in dict.fromkeys(self.objects[i].name for i in tails):
                yield Description("1_hop", (Node(name), Node(tail)), (Edge(relation, 0, 1),))


def single_clues(said: Description) -> list[Description]:
    """The descriptions that keep the target's name and one of its attributes or relations."""
    name = said.nodes[0].name
    found = [Description("0_hop", (Node(name, (attribute,)),)) for attribute in said.nodes[0].attributes]
    # A relation between two other nodes alone does not describe the target.
    for edge in said.edges:
        if edge.head == 0:
            nodes = (Node(name), Node(said.nodes[edge.tail].name))
            found.append(Description("1_hop", nodes, (replace(edge, tail=1),)))
    return found
