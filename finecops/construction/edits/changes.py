"""What may be changed in an image: the changes of negative expressions, done to the objects themselves."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from finecops.construction.description import Description, Node
from finecops.construction.edits.world import EditWorld
from finecops.construction.english.oddities import oddity
from finecops.construction.graph import SceneGraph
from finecops.construction.lexicon import Lexicon
from finecops.construction.negatives.make import NO_WORD
from finecops.construction.negatives.requests import Level, Request, requests, swaps
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
    whole = [
        _whole(node, graph.objects[object_id].attributes, world.lexicon)
        for node, object_id in zip(said.nodes, objects, strict=True)
    ]
    yield from _exchanges(said, whole, column, world.lexicon, rng)
    parts = requests(said, *column)
    rng.shuffle(parts)
    for part in parts:
        words = known_words(world.words(part, rng), part, world.lexicon)
        if not words:
            yield NO_WORD
        for word in words:
            yield _replaced(part, word, whole[part.index], world)


def _replaced(part: Request, word: str, whole: Node, world: EditWorld) -> Change:
    said, i = part.replaced(word), part.index
    if part.type == "replace_attribute":
        return Change(said, {i: _changed(whole, part.old, word, world.lexicon)}, {i: whole}, replaced=False)
    # What the graph knows beyond the expression may not fit another thing; a drawn one is drawn as it is said.
    if world.refit is None:
        return Change(said, {i: said.nodes[i]}, {i: part.said.nodes[i]}, replaced=True)
    return Change(said, {i: replace(whole, name=word)}, {i: whole}, replaced=True)


def _exchanges(
    said: Description, whole: Sequence[Node], column: tuple[str, Level], lexicon: Lexicon, rng: random.Random
) -> Iterator[Change]:
    pairs = list(combinations(range(len(said.nodes)), 2))
    # At level 1 the target exchanges with another object, at level 2 two others do.
    at_level = [pair for pair in pairs if (pair[0] == 0) == (column[1] == 1)]
    found: list[Change] = []
    if column[0] == "swap_object":
        found = [_places(said, whole, *swap.changed) for swap in swaps(said, *column, lexicon)]
    elif column[0] == "swap_attribute":
        found = [change for a, b in at_level for change in _attributes(said, whole, a, b, lexicon)]
    rng.shuffle(found)
    yield from found


def _places(said: Description, whole: Sequence[Node], a: int, b: int) -> Change:
    """Two things change places with all that they are; in an expression, their names alone do."""
    new_said = said.with_node(a, said.nodes[b]).with_node(b, said.nodes[a])
    return Change(new_said, {a: whole[b], b: whole[a]}, {a: whole[a], b: whole[b]}, replaced=True)


def _attributes(said: Description, whole: Sequence[Node], a: int, b: int, lexicon: Lexicon) -> Iterator[Change]:
    """Two things exchange an attribute. The expression need name only one of the two: the graph knows both."""
    first, second = whole[a].attributes, whole[b].attributes
    for mine in first:
        for theirs in second:
            word = lexicon.attributes[mine]
            if word.kind != lexicon.attributes[theirs].kind or theirs in word.near:
                continue
            if theirs in first or mine in second:
                continue
            # What the expression does not mention at all would not make it false.
            if mine in said.nodes[a].attributes or theirs in said.nodes[b].attributes:
                new_said = said.with_node(a, _changed(said.nodes[a], mine, theirs, lexicon))
                new_said = new_said.with_node(b, _changed(said.nodes[b], theirs, mine, lexicon))
                nodes = {a: _changed(whole[a], mine, theirs, lexicon), b: _changed(whole[b], theirs, mine, lexicon)}
                yield Change(new_said, nodes, {a: whole[a], b: whole[b]}, replaced=False)


def _changed(node: Node, old: str, new: str, lexicon: Lexicon) -> Node:
    """A node with a new attribute in place of an old one, if it has that.

    What does not go together with the new one goes: a black and white dog becomes a brown one.
    """
    if old not in node.attributes:
        return node
    word, found = lexicon.attributes[new], []
    for name in node.attributes:
        other = lexicon.attributes[name]
        same = other.kind == word.kind and word.kind in lexicon.exclusive
        if name == old:
            found.append(new)
        elif not same and not lexicon.excluded([name], new):
            found.append(name)
    return replace(node, attributes=tuple(dict.fromkeys(found)))


def _whole(node: Node, own: Sequence[str], lexicon: Lexicon) -> Node:
    """A node with all attributes that the graph knows of the object, of those that can be said of it."""
    found = node
    for name in own:
        if name in lexicon.attributes and name not in found.attributes:
            longer = replace(found, attributes=(*found.attributes, name))
            # "A parked car that is sitting": one of the two is left out, so that the editor is asked for one thing.
            found = found if oddity(Description("0_hop", (longer,)), lexicon) else longer
    return found
