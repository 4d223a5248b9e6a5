"""Lists of texts in pairs: a positive text, and the negative one that was made from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from finecops.datasets.dataset import Dataset
from finecops.metrics.answers import Ints
from finecops.metrics.intervals import cluster_indices
from finecops.records import Sample

NO_TYPE: Final = "?"
"""The type of a negative whose benchmark does not state one."""
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class TextPair:
    """A positive text with one negative.

    Attributes:
        id: of the pair, in its list; of a dataset, the negative sample's.
        group: the image. Pairs of one group are never on both sides of a fold.
        positive, negative: the texts.
        type: of the negative.
    """

    id: str
    group: str
    positive: str
    negative: str
    type: str = NO_TYPE


@dataclass(frozen=True)
class Texts:
    """Texts with their truth, `[n]` each: what a blind classifier gets.

    Attributes:
        texts: an array of objects.
        positive: whether a text is a positive.
        groups: a number per image.
    """

    texts: NDArray[np.object_]
    positive: Bools
    groups: Ints

    @classmethod
    def of(cls, rows: Sequence[tuple[str, bool, str]]) -> Texts:
        """From rows of text, truth and image."""
        texts = np.array([text for text, _, _ in rows], dtype=object)
        return cls(texts, np.array([truth for _, truth, _ in rows], bool), cluster_indices([g for _, _, g in rows]))

    @classmethod
    def of_pairs(cls, pairs: Sequence[TextPair]) -> Texts:
        """All positives, then all negatives, in the order of the pairs. A positive of two pairs is there twice."""
        rows = [(pair.positive, True, pair.group) for pair in pairs]
        return cls.of(rows + [(pair.negative, False, pair.group) for pair in pairs])


def by_type(pairs: Sequence[TextPair]) -> dict[str, list[int]]:
    """Type → indices of its pairs, types in the order of their first pair."""
    found: dict[str, list[int]] = {}
    for i, pair in enumerate(pairs):
        found.setdefault(pair.type, []).append(i)
    return found


def pairs_of_dataset(dataset: Dataset) -> list[TextPair]:
    """The negative expressions of a split with their positives. A negative without a known positive has no pair."""
    samples = list(dataset.samples)
    positives = {s.id: s for s in samples if s.positive}
    return [
        TextPair(s.id, positives[s.positive_id].image, positives[s.positive_id].expression, s.expression, type_of(s))
        for s in samples
        if s.negative is not None and s.negative.kind != "image" and s.positive_id in positives
    ]


def type_of(sample: Sample) -> str:
    """The type of a negative sample, in the program's words."""
    return (sample.negative.type if sample.negative is not None else None) or NO_TYPE
