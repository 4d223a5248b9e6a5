"""Lists of texts in pairs: a positive text, and the negative one that was made from it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from finecops.datasets.dataset import Dataset
from finecops.metrics.answers import Ints
from finecops.metrics.intervals import cluster_indices
from finecops.records import Sample

NO_TYPE: Final = "?"
"""The type of a negative whose benchmark does not state one."""
Bools = NDArray[np.bool_]
_WORD = re.compile(r"\b\w\w+\b")
_TOKEN = re.compile(r"\w+|[^\w\s]")


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


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _writing(text: str) -> list[str]:
    return ["<start>", *_TOKEN.findall(text), "<end>"]


READINGS: Final[Mapping[str, Callable[[str], list[str]]]] = {"words": _words, "writing": _writing}
"""How a blind classifier reads a text. `words`: words of two letters or more in lower case, as scikit-learn reads
texts: "a" is none, and "on a table" has the pair "on table". `writing`: all that is written, which is words with their
capitals, "a", punctuation, start and end."""


@dataclass(frozen=True)
class Texts:
    """Texts with their truth, a row each: what a blind classifier of texts gets.

    Attributes:
        counts: how often each word and each pair of words stands in each text, sparse `[n, words]`.
        words: the words and pairs of words, `[words]`, in alphabetical order.
        positive: whether a text is a positive, `[n]`.
        groups: a number per image, `[n]`, from 0 on without gaps.
    """

    counts: Any
    words: NDArray[np.object_]
    positive: Bools
    groups: Ints

    @classmethod
    def of(cls, rows: Sequence[tuple[str, bool, str]], reading: str = "words") -> Texts:
        """From rows of text, truth and image; `reading` is a name in `READINGS`."""
        from sklearn.feature_extraction.text import CountVectorizer

        counter = CountVectorizer(ngram_range=(1, 2), lowercase=False, tokenizer=READINGS[reading], token_pattern=None)
        # A text of its own keeps the vocabulary from being empty, which is an error.
        counts = counter.fit_transform([*(text for text, _, _ in rows), "text"])[: len(rows)]
        truth = np.array([truth for _, truth, _ in rows], bool)
        return cls(counts, counter.get_feature_names_out(), truth, cluster_indices([group for _, _, group in rows]))

    @classmethod
    def of_pairs(cls, pairs: Sequence[TextPair], reading: str = "words") -> Texts:
        """All positives, then all negatives, in the order of the pairs. A positive of two pairs is there twice."""
        rows = [(pair.positive, True, pair.group) for pair in pairs]
        return cls.of(rows + [(pair.negative, False, pair.group) for pair in pairs], reading)

    def of_rows(self, rows: Ints) -> Texts:
        """Some of the texts."""
        groups = np.unique(self.groups[rows], return_inverse=True)[1].astype(np.intp)
        return Texts(self.counts[rows], self.words, self.positive[rows], groups)

    def kept_pairs(self, kept: Sequence[int] | Ints) -> Texts:
        """Of texts in pairs, both texts of some pairs."""
        pairs = np.asarray(kept, dtype=np.intp)
        return self.of_rows(np.concatenate([pairs, pairs + len(self.positive) // 2]))


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
