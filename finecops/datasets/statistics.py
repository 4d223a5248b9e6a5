"""What a dataset holds: samples by kind and level, expressions, images and targets (paper, Tables I and II)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from finecops.datasets.table import Kind, SampleTable
from finecops.records import Sample

WORD_BINS = (1, 4, 7, 10, 13, 16, 21, 31)
"""Expressions are counted by their number of words: from each of these to below the next, the last without an end."""
SIDE_BINS = (0, 16, 32, 48, 64, 96, 128, 192, 256, 384, 512)
"""Targets are counted by √area, in pixels: from each of these to below the next, the last without an end."""
SMALL, MEDIUM = 32, 96
"""COCO's sizes: a small target has an area below 32², a medium one below 96² pixels."""
# A word has an apostrophe or a hyphen inside: "man's" and "t-shirt" are one word.
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


@dataclass(frozen=True)
class Spread:
    """Numbers in short; None where there are none."""

    mean: float | None
    p10: float | None
    median: float | None
    p90: float | None
    largest: float | None


@dataclass(frozen=True)
class SplitStatistics:
    """One split in numbers. Rows of several splits stand side by side.

    Attributes:
        samples: all of them, and entries of the files that were left out.
        positives, negative_expressions, negative_images: as in the paper's Table II.
        other_negatives: the target is absent, and it is not known what was changed.
        unknown: samples of unknown truth.
        levels: of positives; None: no level.
        tuple_types: of positives; empty where the benchmark has none.
        negatives: by kind, type and level; a field is None where the benchmark does not state it.
        words: words per expression, of all samples.
        words_of_positives, words_of_negatives: mean words, of positives and of negative expressions.
        word_counts: expressions by number of words, in the bins of `WORD_BINS`.
        vocabulary: different words, without regard to capitals.
        expressions: different expressions.
        images: different images.
        per_image: expressions per image.
        sides: √area of targets, in pixels.
        side_counts: targets by √area, in the bins of `SIDE_BINS`.
        small, medium, large: targets by COCO's sizes.
        image_shares: the share of its image that a target covers, %.
    """

    dataset: str
    split: str
    samples: int
    left_out: int
    positives: int
    negative_expressions: int
    negative_images: int
    other_negatives: int
    unknown: int
    levels: dict[int | None, int]
    tuple_types: dict[str, int]
    negatives: dict[tuple[str | None, str | None, int | None], int]
    words: Spread
    words_of_positives: float | None
    words_of_negatives: float | None
    word_counts: tuple[int, ...]
    vocabulary: int
    expressions: int
    images: int
    per_image: Spread
    sides: Spread
    side_counts: tuple[int, ...]
    small: int
    medium: int
    large: int
    image_shares: Spread


def words_of(expression: str) -> list[str]:
    """The words of an expression, in small letters, without punctuation.

    >>> words_of("The man's T-shirt, left of 2 dogs.")
    ['the', "man's", 't-shirt', 'left', 'of', '2', 'dogs']
    """
    return _WORD.findall(expression.casefold())


def statistics_of(samples: Sequence[Sample], dataset: str, split: str, left_out: int = 0) -> SplitStatistics:
    """The numbers of a split.

    Args:
        samples: its samples; of a table, no sample is made.
        dataset, split: how it is called.
        left_out: entries of its files that are no samples.
    """
    table = SampleTable.of(samples)
    counts = np.bincount(table.kind, minlength=len(table.kinds)).tolist()
    kinds = list(zip(table.kinds, counts))
    words, vocabulary = _words(table.expressions)
    positive = _rows(table, [kind.truth == "box" for kind in table.kinds])
    negative_text = _rows(table, [kind.negative_kind == "text" for kind in table.kinds])
    side, share = _targets(table, positive)
    per_image = np.array(list(Counter(table.images).values()), dtype=np.int64)
    return SplitStatistics(
        dataset=dataset,
        split=split,
        samples=len(table),
        left_out=left_out,
        positives=int(positive.sum()),
        negative_expressions=int(negative_text.sum()),
        negative_images=sum(n for kind, n in kinds if kind.negative_kind == "image"),
        other_negatives=sum(n for kind, n in kinds if kind.truth == "absent" and kind.negative_kind is None),
        unknown=sum(n for kind, n in kinds if kind.truth == "unknown"),
        levels=_summed((kind.level, n) for kind, n in kinds if kind.truth == "box"),
        tuple_types=_summed((kind.tuple_type, n) for kind, n in kinds if kind.truth == "box" and kind.tuple_type),
        negatives=_summed(_of_negative(kind, n) for kind, n in kinds if kind.truth == "absent"),
        words=_spread(words),
        words_of_positives=_mean(words[positive]),
        words_of_negatives=_mean(words[negative_text]),
        word_counts=_histogram(words, WORD_BINS),
        vocabulary=vocabulary,
        expressions=len({text.casefold() for text in table.expressions}),
        images=len(per_image),
        per_image=_spread(per_image),
        sides=_spread(side),
        side_counts=_histogram(side, SIDE_BINS),
        small=int((side < SMALL).sum()),
        medium=int(((side >= SMALL) & (side < MEDIUM)).sum()),
        large=int((side >= MEDIUM).sum()),
        image_shares=_spread(share),
    )


Negatives: TypeAlias = tuple[str | None, str | None, int | None]
K = TypeVar("K")


def _of_negative(kind: Kind, n: int) -> tuple[Negatives, int]:
    return (kind.negative_kind, kind.negative_type, kind.negative_level), n


def _summed(pairs: Iterable[tuple[K, int]]) -> dict[K, int]:
    """Counts by key, sorted by key; what is None comes last."""
    found: dict[K, int] = {}
    for key, n in pairs:
        found[key] = found.get(key, 0) + n

    def order(key: K) -> list[tuple[bool, int | float, str]]:
        # Numbers as numbers, texts as texts; the kinds "text" and "image" as in the paper's tables.
        parts = key if isinstance(key, tuple) else (key,)
        return [
            (p is None, p if isinstance(p, int) else 0, str({"text": "0", "image": "1"}.get(str(p), p))) for p in parts
        ]

    return {key: found[key] for key in sorted(found, key=order)}


def _rows(table: SampleTable, wanted: Sequence[bool]) -> NDArray[np.bool_]:
    """Which rows are of a wanted kind, `[n]`."""
    chosen: NDArray[np.bool_] = np.array(wanted, dtype=np.bool_)[table.kind]
    return chosen


def _words(expressions: Iterable[str]) -> tuple[NDArray[np.int64], int]:
    """Words per expression, and how many different ones there are."""
    vocabulary: set[str] = set()
    counts: list[int] = []
    for expression in expressions:
        words = words_of(expression)
        vocabulary.update(words)
        counts.append(len(words))
    return np.array(counts, dtype=np.int64), len(vocabulary)


def _targets(table: SampleTable, positive: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """√area in pixels and the share of the image in per cent, of each positive."""
    xyxy, image_wh = table.xyxy[positive], table.image_wh[positive].astype(np.float64)
    area = (xyxy[:, 2] - xyxy[:, 0]) * (xyxy[:, 3] - xyxy[:, 1])
    return np.sqrt(area), 100 * area / image_wh.prod(axis=1)


def _spread(values: NDArray[np.int64] | NDArray[np.float64]) -> Spread:
    if not len(values):
        return Spread(None, None, None, None, None)
    p10, median, p90 = np.percentile(values, (10, 50, 90)).tolist()
    return Spread(float(values.mean()), p10, median, p90, float(values.max()))


def _mean(values: NDArray[np.int64]) -> float | None:
    return float(values.mean()) if len(values) else None


def _histogram(values: NDArray[np.int64] | NDArray[np.float64], bins: Sequence[int]) -> tuple[int, ...]:
    """How many values are in each bin. What is below the first is in the first."""
    at = np.clip(np.searchsorted(bins, values, side="right") - 1, 0, None)
    return tuple(np.bincount(at, minlength=len(bins)).tolist())
