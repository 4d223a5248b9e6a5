"""What may be changed in an image: the changes of negative expressions, done to the objects themselves."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from finecops.construction.description import Description, Node
from finecops.construction.edits.world import EditWorld
from finecops.construction.graph import SceneGraph
from finecops.construction.lexicon import Lexicon
from finecops.construction.negatives.make import NO_WORD
from finecops.construction.negatives.requests import Level, requests, swaps
from finecops.construction.negatives.words import known_words


@dataclass(frozen=True, slots=True)
class Change:
    """Objects as they are after an edit.

    Attributes:
        said: the changed description, which fits the edited image.
        nodes: node index → all that is said of this object to the editor.
        before: node index → what it was before the edit, in words of the same kind.
        replaced: these are other objects now, not the same ones with another attribute.
    """

    said: Description
    nodes: Mapping[int, Node]
    before: Mapping[int, Node]
    replaced: bool


def changes(
    said: Description,
    objects: Sequence[str],
    graph: SceneGraph,
    column: tuple[str, Level],
    world: EditWorld,
    rng: random.Random,
) -> Iterator[Change | str]:
    """The changes of a type and level in the order in which they are tried, and reasons why some are none.

    Args:
        said, objects, graph: the positive: its description, the ids of the objects, the image's graph.
        column: type and level.
        world: words.
        rng: decides the order.
    """
    own = [graph.objects[object_id].attributes for object_id in objects]
    yield from _exchanges(said, own, column, world.lexicon, rng)
    parts = requests(said, *column)
    rng.shuffle(parts)
    for part in parts:
        words = known_words(world.words(part, rng), part, world.lexicon)
        if not words:
            yield NO_WORD
        for word in words:
            new_said = part.replaced(word)
            node, old = new_said.nodes[part.index], said.nodes[part.index]
            replaced = part.type == "replace_object"
            # What the graph knows beyond the expression may not fit another thing; a drawn one is drawn as it is said.
            if not replaced or world.refit is not None:
                node, old = (_known(one, own[part.index], world.lexicon) for one in (node, old))
            yield Change(new_said, {part.index: node}, {part.index: old}, replaced)


def _exchanges(
    said: Description, own: Sequence[Sequence[str]], column: tuple[str, Level], lexicon: Lexicon, rng: random.Random
) -> Iterator[Change]:
    found = swaps(said, *column, lexicon)
    rng.shuffle(found)
    for swap in found:
        a, b = swap.changed
        before = {i: _known(said.nodes[i], own[i], lexicon) for i in (a, b)}
        if column[0] == "swap_object":
            # The things themselves change places, with all that they are; in an expression, the names alone do.
            new_said = said.with_node(a, said.nodes[b]).with_node(b, said.nodes[a])
            yield Change(new_said, {a: before[b], b: before[a]}, before, replaced=True)
        else:
            nodes = {i: _known(swap.said.nodes[i], own[i], lexicon) for i in (a, b)}
            yield Change(swap.said, nodes, before, replaced=False)


def _known(node: Node, own: Sequence[str], lexicon: Lexicon) -> Node:
    """A node with what else the graph knows of the object, where it goes together with what is said."""
    said = [lexicon.attributes[a] for a in node.attributes if a in lexicon.attributes]
    kinds = {word.kind for word in said} & lexicon.exclusive
    kept = [
        a
        for a in own
        if a in lexicon.attributes
        and a not in node.attributes
        # All values of a kind go, of which a new one is said: a black and white dog becomes a brown one.
        and lexicon.attributes[a].kind not in kinds
        and not any(lexicon.excluded([a], word.name) for word in said)
    ]
    return replace(node, attributes=(*node.attributes, *kept))
