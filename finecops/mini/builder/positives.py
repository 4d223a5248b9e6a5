"""Positive samples: a pool of unique paths per image, then a draw that balances what they talk about (paper, III-A)."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from finecops.construction.description import Description
from finecops.construction.graph import SceneGraph, TooMuchWorkError
from finecops.mini.builder.matching import assignments, difficulty
from finecops.mini.builder.paths import sample_unique_path
from finecops.mini.builder.templates import Expression, Wording, render, sample_wording
from finecops.mini.builder.vocabulary import Vocabulary

_DRAWS_PER_IMAGE = 60


@dataclass(frozen=True)
class Positive:
    """An expression and the objects of its image that it names, the target first."""

    id: int
    graph: SceneGraph
    description: Description
    wording: Wording
    expression: Expression
    object_ids: tuple[str, ...]
    level: int


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A path that may become a positive."""

    graph: SceneGraph
    description: Description
    target_id: str
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

    The weight of a path is the mean of the inverse frequencies, in the pool of its level, of its parts: categories,
    attributes, relations and its type. The draw is without replacement, with at most `per_image` positives of an image
    and no target twice at the same level.

    Args:
        graphs: scene graphs of the split.
        vocabulary: the world's words.
        quotas: level → number wanted; there are fewer where the pool is too small.
        per_image: largest number of positives of one image.
        seed: seed of everything random here.
        first_id: id of the first positive; the others count up in the order of the images.
    """
    pool = [candidate for graph in graphs for candidate in _candidates(graph, vocabulary, seed)]
    chosen: list[int] = []
    used: Counter[str] = Counter()
    for level, wanted in quotas.items():
        chosen += _balanced_draw(pool, level, wanted, per_image, used, random.Random(f"{seed}/{level}/draw"))
    return [
        _positive(pool[index], index, first_id + number, vocabulary, seed)
        for number, index in enumerate(sorted(chosen))
    ]


def _candidates(graph: SceneGraph, vocabulary: Vocabulary, seed: int) -> list[_Candidate]:
    """Different unique paths of an image, with their levels."""
    # Every image has a generator of its own, so that an image's paths do not depend on the images before it.
    rng = random.Random(f"{seed}/{graph.image_id}/paths")
    found: dict[Description, _Candidate] = {}
    graph.work.done = 0
    # What was found before it was too much is proved.
    with suppress(TooMuchWorkError):
        for _ in range(_DRAWS_PER_IMAGE):
            path = sample_unique_path(rng, graph, vocabulary)
            if path is None or path[0] in found:
                continue
            level = difficulty(graph, path[0], vocabulary)
            if level is not None:
                found[path[0]] = _Candidate(graph, path[0], path[1].id, level)
    # Putting the paths into words compares less than finding them did; then there is some left for the negatives.
    graph.work.done = 0
    return list(found.values())


def _positive(candidate: _Candidate, index: int, id_: int, vocabulary: Vocabulary, seed: int) -> Positive:
    """A chosen path in words; `index` is its position in the pool."""
    graph, description = candidate.graph, candidate.description
    wording = sample_wording(random.Random(f"{seed}/{graph.image_id}/{index}/words"), description)
    # The target is unique, the related objects may not be: the first assignment names them.
    objects = next(assignments(graph, description, vocabulary))
    expression = render(graph, description, wording, vocabulary)
    return Positive(id_, graph, description, wording, expression, tuple(o.id for o in objects), candidate.level)


def _parts(description: Description) -> list[str]:
    """What a description is made of, as names to count."""
    parts = [f"type {description.tuple_type}"]
    parts += [f"category {node.name}" for node in description.nodes]
    parts += [f"attribute {a}" for node in description.nodes for a in node.attributes]
    parts += [f"relation {edge.relation}" for edge in description.edges]
    return parts


def _balanced_draw(
    pool: Sequence[_Candidate],
    level: int,
    wanted: int,
    per_image: int,
    used: Counter[str],
    rng: random.Random,
) -> list[int]:
    """Indices in the pool of up to `wanted` paths of a level; `used` counts the positives of each image."""
    members = [i for i, candidate in enumerate(pool) if candidate.level == level]
    frequency = Counter(part for i in members for part in _parts(pool[i].description))
    keys = []
    for i in members:
        parts = _parts(pool[i].description)
        weight = sum(1 / frequency[part] for part in parts) / len(parts)
        # Sorting by u^(1/weight) is a weighted draw without replacement (Efraimidis and Spirakis, 2006). The factor
        # len(members) changes no order; it keeps the exponent small, so that no key is rounded to 0.
        keys.append((rng.random() ** (1 / (weight * len(members))), i))
    chosen: list[int] = []
    targets: set[tuple[str, str]] = set()
    for _, i in sorted(keys, reverse=True):
        image_id, target_id = pool[i].graph.image_id, pool[i].target_id
        if len(chosen) == wanted:
            break
        if used[image_id] >= per_image or (image_id, target_id) in targets:
            continue
        targets.add((image_id, target_id))
        used[image_id] += 1
        chosen.append(i)
    return chosen
