"""Descriptions: the content of an expression without its wording.

A description is a small pattern over a scene graph. Node 0 is the target. The pattern fits an object if every other
node can be assigned to another object so that all attributes and all relations hold.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

SAME = "same "
"""Prefix of the relation "has the same `<type of attribute>` as"."""


@dataclass(frozen=True, slots=True)
class Node:
    """An object as it is described: a category and some of its attributes."""

    name: str
    attributes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Edge:
    """Node `head` stands `relation` node `tail`; "same colour" compares the values of an attribute's type."""

    relation: str
    head: int
    tail: int


@dataclass(frozen=True, slots=True)
class Description:
    """A pattern; `tuple_type` is 0_hop, 1_hop, 2_hop, and, or same_attr."""

    tuple_type: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...] = ()

    def with_node(self, index: int, node: Node) -> Description:
        """A copy with one node replaced."""
        return replace(self, nodes=(*self.nodes[:index], node, *self.nodes[index + 1 :]))

    def with_edge(self, index: int, edge: Edge) -> Description:
        """A copy with one edge replaced."""
        return replace(self, edges=(*self.edges[:index], edge, *self.edges[index + 1 :]))


def same_kind(relation: str) -> str | None:
    """The kind of attribute of a comparison ("same color" → "color"); None: it is another relation."""
    return relation.removeprefix(SAME) if relation.startswith(SAME) else None
