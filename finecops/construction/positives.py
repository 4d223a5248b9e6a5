"""Positive samples: a pool of unique paths per image, then a choice that evens out what they speak of."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from finecops.construction.description import Description, assignments, difficulty
from finecops.construction.graph import SceneGraph
from finecops.construction.paths import sample_unique_path
from finecops.construction.templates import Expression, Wording, render, sample_wording
from finecops.construction.vocabulary import Vocabulary

_DRAWS_PER_IMAGE = 60


@dataclass(frozen=True)
class Positive:
    """An expression and the things of its image that it names, the target first."""

    id: int
    graph: SceneGraph
    description: Description
    wording: Wording
    expression: Expression
    object_ids: tuple[str, ...]
    level: int


def choose_positives(
    graphs: Iterable[SceneGraph],
    vocabulary: Vocabulary,
    quotas: Mapping[int, int],
    per_image: int,
    seed: int,
    first_id: int,
) -> list[Positive]:
    """Choose positives of each level, balanced by frequency (paper, III-A).

    A path's weight is the mean of the inverse frequencies, over the whole pool of its level, of what it is made
    of: categories, attributes, relations and its type. Drawing is without replacement, at most `per_image` from
    an image, no target twice with the same level.

    Args:
        graphs: scene graphs of the split.
        vocabulary: the world's words.
        quotas: level → number wanted; fewer come back where the pool is too small.
        per_image: largest number of positives of one image.
        seed: of everything random here.
        first_id: id of the first positive; the others count up in the order of images.
    """
    pool: list[tuple[SceneGraph, Description, str, int]] = []
    for graph in graphs:
        rng = random.Random(f"{seed}/{graph.image_id}/paths")
        seen: set[Description] = set()
        for _ in range(_DRAWS_PER_IMAGE):
            found = sample_unique_path(rng, graph, vocabulary)
            if found is None or found[0] in seen:
                continue
            seen.add(found[0])
            level = difficulty(graph, found[0], vocabulary)
            if level is not None:
                pool.append((graph, found[0], found[1].id, level))
    chosen: list[int] = []
    used: Counter[str] = Counter()
    for level, wanted in quotas.items():
        chosen += _balanced_draw(pool, level, wanted, per_image, used, random.Random(f"{seed}/{level}/draw"))
    positives = []
    for number, index in enumerate(sorted(chosen)):
        graph, description, _, level = pool[index]
        wording = sample_wording(random.Random(f"{seed}/{graph.image_id}/{index}/words"), description)
        things = next(assignments(graph, description, vocabulary))
        expression = render(graph, description, wording, vocabulary)
        ids = tuple(thing.id for thing in things)
        positives.append(Positive(first_id + number, graph, description, wording, expression, ids, level))
    return positives


def _ingredients(description: Description) -> list[str]:
    parts = [f"type {description.tuple_type}"]
    parts += [f"category {node.name}" for node in description.nodes]
    parts += [f"attribute {a}" for node in description.nodes for a in node.attributes]
    parts += [f"relation {edge.relation}" for edge in description.edges]
    return parts


def _balanced_draw(
    pool: list[tuple[SceneGraph, Description, str, int]],
    level: int,
    wanted: int,
    per_image: int,
    used: Counter[str],
    rng: random.Random,
) -> list[int]:
    members = [i for i, entry in enumerate(pool) if entry[3] == level]
    frequency = Counter(part for i in members for part in _ingredients(pool[i][1]))
    keys = []
    for i in members:
        parts = _ingredients(pool[i][1])
        weight = sum(1 / frequency[part] for part in parts) / len(parts)
        keys.append((rng.random() ** (1 / (weight * len(members))), i))
    chosen: list[int] = []
    targets: set[tuple[str, str]] = set()
    for _, i in sorted(keys, reverse=True):
        graph, _, target, _ = pool[i]
        if len(chosen) == wanted:
            break
        if used[graph.image_id] >= per_image or (graph.image_id, target) in targets:
            continue
        targets.add((graph.image_id, target))
        used[graph.image_id] += 1
        chosen.append(i)
    return chosen
