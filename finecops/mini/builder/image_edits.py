"""Negative images: an image changed a little so that the expression fits no object in it (paper, III-B).

An edit is an edited scene graph. The caller makes the pixels: the mini world is drawn again, a photograph is flipped
or changed by an image editor. Level 1 edits the target, level 2 an object that it is related to.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from finecops.construction.graph import Relation, SceneGraph, SceneObject
from finecops.mini.builder.matching import is_false
from finecops.mini.builder.negatives import swap_pairs
from finecops.mini.builder.positives import Positive
from finecops.mini.builder.vocabulary import Vocabulary

IMAGE_COLUMNS: tuple[tuple[str, int], ...] = (
    ("replace_object", 1),
    ("replace_object", 2),
    ("replace_attribute", 1),
    ("replace_attribute", 2),
    ("swap_object", 1),
    ("swap_attribute", 1),
    ("swap_attribute", 2),
    ("flip", 1),
    ("flip", 2),
)
"""Type and level of every column of the paper's Table V, in its order."""

Refit = Callable[[SceneGraph, frozenset[str]], SceneGraph | None]
"""Adapts an edited graph: new boxes for the changed objects (given by id) and new relations; None if it cannot."""


@dataclass(frozen=True)
class ImageEdit:
    """An edited scene; `changed` are the indices of the changed objects in the positive's description."""

    positive: Positive
    type: str
    level: int
    graph: SceneGraph
    changed: tuple[int, ...]


def image_edit(
    positive: Positive, type_: str, level: int, vocabulary: Vocabulary, refit: Refit, rng: random.Random
) -> ImageEdit | None:
    """One edit, of a type and level, that makes a positive's expression provably false; None if there is none."""
    proposals = list(_EDITS[type_](positive, level, vocabulary, rng))
    rng.shuffle(proposals)
    for edited, changed in proposals:
        if type_ == "flip":
            graph: SceneGraph | None = mirrored(positive.graph, vocabulary)
        else:
            objects = {**positive.graph.objects, **{obj.id: obj for obj in edited}}
            graph = refit(replace(positive.graph, objects=objects), frozenset(obj.id for obj in edited))
        # An edit may make another object fit, or not make the expression false at all: only proved ones are kept.
        if graph is not None and is_false(graph, positive.description, vocabulary):
            return ImageEdit(positive, type_, level, graph, changed)
    return None


def mirrored(graph: SceneGraph, vocabulary: Vocabulary) -> SceneGraph:
    """The graph of the image flipped from left to right; relations follow the vocabulary's `mirror`."""
    objects = {}
    for obj in graph.objects.values():
        x, y, w, h = obj.xywh
        relations = tuple(Relation(vocabulary.mirror.get(r.name, r.name), r.object_id) for r in obj.relations)
        # The new left side is the old right side, counted from the other border.
        objects[obj.id] = replace(obj, xywh=(graph.width - x - w, y, w, h), relations=relations)
    return replace(graph, objects=objects)


def _indices(positive: Positive, level: int) -> list[int]:
    """The objects that a level may edit: the target alone, or all others."""
    return [0] if level == 1 else list(range(1, len(positive.object_ids)))


def _object(positive: Positive, index: int) -> SceneObject:
    return positive.graph.objects[positive.object_ids[index]]


_Proposal = tuple[tuple[SceneObject, ...], tuple[int, ...]]
"""Edited objects, and the indices of what was changed in the positive's description."""


def _replace_object(positive: Positive, level: int, vocabulary: Vocabulary, rng: random.Random) -> Iterator[_Proposal]:
    # Without a list of categories the names in the image are the only ones that are known.
    names = vocabulary.categories or tuple(sorted({t.name for t in positive.graph.objects.values()}))
    for index in _indices(positive, level):
        obj = _object(positive, index)
        for name in rng.sample(names, min(4, len(names))):
            if vocabulary.group(name) != vocabulary.group(obj.name):
                yield (replace(obj, name=name),), (index,)


def _replace_attribute(
    positive: Positive, level: int, vocabulary: Vocabulary, rng: random.Random
) -> Iterator[_Proposal]:
    for index in _indices(positive, level):
        obj = _object(positive, index)
        for attribute in positive.description.nodes[index].attributes:
            kind = vocabulary.attribute_types[attribute]
            if kind not in vocabulary.exclusive_types:
                continue
            others = [a for a in vocabulary.attributes_of_type(kind) if a != attribute]
            for other in rng.sample(others, min(3, len(others))):
                attributes = tuple(other if a == attribute else a for a in obj.attributes)
                yield (replace(obj, attributes=attributes),), (index,)


def _swap_object(positive: Positive, level: int, vocabulary: Vocabulary, rng: random.Random) -> Iterator[_Proposal]:
    for a, b in swap_pairs(len(positive.object_ids), level):
        first, second = _object(positive, a), _object(positive, b)
        # Two objects of one category would only exchange their attributes.
        if first.name != second.name:
            yield (replace(first, xywh=second.xywh), replace(second, xywh=first.xywh)), (a, b)


def _swap_attribute(positive: Positive, level: int, vocabulary: Vocabulary, rng: random.Random) -> Iterator[_Proposal]:
    for a, b in swap_pairs(len(positive.object_ids), level):
        first, second = _object(positive, a), _object(positive, b)
        # Swapping an attribute that the expression does not mention would not make it false.
        mentioned = {*positive.description.nodes[a].attributes, *positive.description.nodes[b].attributes}
        for mine in first.attributes:
            for theirs in second.attributes:
                kinds = {vocabulary.attribute_types.get(x) for x in (mine, theirs)}
                if mine == theirs or len(kinds) != 1 or kinds == {None} or not mentioned & {mine, theirs}:
                    continue
                yield (
                    (
                        replace(first, attributes=tuple(theirs if x == mine else x for x in first.attributes)),
                        replace(second, attributes=tuple(mine if x == theirs else x for x in second.attributes)),
                    ),
                    (a, b),
                )


def _flip(positive: Positive, level: int, vocabulary: Vocabulary, rng: random.Random) -> Iterator[_Proposal]:
    # A flip changes the whole image; its level is that of the relation that becomes false.
    for edge in positive.description.edges:
        if edge.relation in vocabulary.mirror and (edge.head == 0) == (level == 1):
            yield (), (edge.head,)


_EDITS: dict[str, Callable[[Positive, int, Vocabulary, random.Random], Iterator[_Proposal]]] = {
    "replace_object": _replace_object,
    "replace_attribute": _replace_attribute,
    "swap_object": _swap_object,
    "swap_attribute": _swap_attribute,
    "flip": _flip,
}
