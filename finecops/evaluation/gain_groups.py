"""Groups of positives in which a strategy's gain is looked at: by size, by how many things of a kind there are, by
level.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from finecops.evaluation.method_pairs import SMALLEST_STRATUM
from finecops.metrics.answers import Floats
from finecops.metrics.arrays import Bools
from finecops.records import Record, Route, Sample

FEWEST: Final = SMALLEST_STRATUM
"""A group of fewer positives has no row; all of them together always have one."""
_MOST: Final = 4
"""Counts from here on are one group."""
_NEARLY_ALL: Final = 0.9
"""So many targets must have a size word, for these words to be the groups."""
ALL, SIZE, KIND, COUNTED, LEVEL, ROUTER = (
    "all",
    "target size",
    "things of its kind",
    "instances that the router counted",
    "level",
    "router level",
)
"""The conditions."""


class TargetFacts(Record):
    """What a scene graph says of a sample's target."""

    of_its_kind: int
    """Things in the image with the target's name, the target too."""
    size: str | None = None
    """The word for its size, where the graph has one."""


@dataclass(frozen=True)
class Group:
    """Some of the positives.

    Attributes:
        condition: what the groups of a condition differ in.
        name: the group's own.
        members: `[n]`.
    """

    condition: str
    name: str
    members: Bools


def groups_of(
    samples: Sequence[Sample],
    routes: Mapping[str, Route] | None = None,
    facts: Mapping[str, TargetFacts] | None = None,
) -> list[Group]:
    """The groups of positives, those of fewer than `FEWEST` left out. What is not known makes no group.

    Args:
        samples: positives.
        routes: the router's, by sample id.
        facts: of scene graphs, by sample id.
    """
    routes, facts = routes or {}, facts or {}
    # What the graphs say of the truth is better than what the router sees of it.
    counts = _counts(KIND, samples, lambda s: facts[s.id].of_its_kind if s.id in facts else None) or _counts(
        COUNTED, samples, lambda s: len(routes[s.id].boxes) if s.id in routes else None
    )
    found = [
        Group(ALL, "all", np.ones(len(samples), dtype=np.bool_)),
        *_sizes(samples, facts),
        *counts,
        *_values(LEVEL, samples, lambda s: s.level),
        *_values(ROUTER, samples, lambda s: routes[s.id].level if s.id in routes else None),
    ]
    return [group for group in found if group.condition == ALL or group.members.sum() >= FEWEST]


def area_shares(samples: Sequence[Sample]) -> Floats:
    """The share of its image that each target's box covers, `[n]`; NaN where the image's size is not known."""
    shares = np.full(len(samples), np.nan)
    for i, sample in enumerate(samples):
        if sample.box is not None and sample.width and sample.height:
            left, top, right, bottom = sample.box
            shares[i] = (right - left) * (bottom - top) / (sample.width * sample.height)
    return shares


def _sizes(samples: Sequence[Sample], facts: Mapping[str, TargetFacts]) -> list[Group]:
    """By the graph's words for sizes, where nearly all targets have one; else thirds by the share of the image."""
    shares = area_shares(samples)
    words = [facts[s.id].size if s.id in facts else None for s in samples]
    if samples and sum(word is not None for word in words) >= _NEARLY_ALL * len(samples):
        named = np.array([word or "" for word in words])
        # From the smallest: what a word means is seen in the boxes.
        medians = {str(word): float(np.nanmedian(shares[named == word])) for word in set(words) if word}
        return [Group(SIZE, word, named == word) for word in sorted(medians, key=lambda word: medians[word])]
    known = np.isfinite(shares)
    if not known.any():
        return []
    # Edges that targets have: of equal ones, none is in another group.
    low, high = np.quantile(shares[known], [1 / 3, 2 / 3], method="lower")
    return [
        Group(SIZE, f"up to {_percent(low)} of the image", shares <= low),
        Group(SIZE, f"{_percent(low)} to {_percent(high)}", (shares > low) & (shares <= high)),
        Group(SIZE, f"above {_percent(high)}", shares > high),
    ]


def _percent(share: float) -> str:
    return f"{100 * share:.2g}%"


def _counts(condition: str, samples: Sequence[Sample], of: Callable[[Sample], int | None]) -> list[Group]:
    counts = [of(sample) for sample in samples]
    if all(count is None for count in counts):
        return []
    numbers = np.array([-1 if count is None else min(count, _MOST) for count in counts], dtype=np.intp)
    names = {count: f"{count} or more" if count == _MOST else str(count) for count in range(_MOST + 1)}
    return [Group(condition, name, numbers == count) for count, name in names.items()]


def _values(condition: str, samples: Sequence[Sample], of: Callable[[Sample], int | None]) -> list[Group]:
    values = np.array([of(sample) or 0 for sample in samples], dtype=np.intp)
    return [Group(condition, str(value), values == value) for value in sorted(set(values.tolist()) - {0})]
