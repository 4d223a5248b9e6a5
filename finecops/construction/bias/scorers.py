"""Scorers of texts for adversarial refinement: texts in, scores in [0, 1] out. Those that need no weights are here."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from finecops.construction.bias.blind import folds_of, word_scores
from finecops.construction.bias.pairs import TextPair, Texts
from finecops.metrics.answers import Floats
from finecops.metrics.intervals import cluster_indices

ORDER: Final = 3
"""The n of the n-gram model."""
_WORD = re.compile(r"\w+(?:'\w+)?|[^\w\s]")


class TextScorer(Protocol):
    """Something that judges texts one by one: how plausible, how grammatical, how likely."""

    name: str

    def __call__(self, texts: Sequence[str]) -> Floats:
        """A score in [0, 1] for each text, `[n]`; higher is better."""


class PairScorer(Protocol):
    """Something that judges pairs. It may learn from them, but never from a text that it judges."""

    name: str

    def of_pairs(self, pairs: Sequence[TextPair]) -> NDArray[np.float64]:
        """Scores in [0, 1] of positives and negatives, `[n, 2]`."""


class OneByOne:
    """A scorer of texts as one of pairs. A text that stands in several pairs is judged once."""

    def __init__(self, scorer: TextScorer) -> None:
        self.name, self._scorer = scorer.name, scorer

    def of_pairs(self, pairs: Sequence[TextPair]) -> NDArray[np.float64]:
        """See `PairScorer`."""
        texts = list(dict.fromkeys(text for pair in pairs for text in (pair.positive, pair.negative)))
        score = dict(zip(texts, self._scorer(texts), strict=True))
        return np.array([(score[pair.positive], score[pair.negative]) for pair in pairs], dtype=np.float64)


def by_rank(values: Floats) -> Floats:
    """Numbers of any range → [0, 1] by rank, `[n]`; equal numbers get the same.

    >>> by_rank(np.array([-7.0, -3.0, -3.0, -1.0])).tolist()
    [0.0, 0.5, 0.5, 1.0]
    """
    from scipy.stats import rankdata

    return np.asarray((rankdata(values) - 1) / max(len(values) - 1, 1), dtype=np.float64)


class NgramScorer:
    """How usual a text's words and their order are, by an n-gram model of the positives of other images.

    The mean log-probability of a text's words, by rank among all texts. Positives are cut into five parts by image, and
    a text is scored by the model of the four others, without any text that is the same.
    """

    name = "ngram"

    def of_pairs(self, pairs: Sequence[TextPair]) -> NDArray[np.float64]:
        """See `PairScorer`."""
        found = np.zeros((len(pairs), 2))
        for train, test in folds_of(cluster_indices([pair.group for pair in pairs])):
            tested = [(pairs[i].positive, pairs[i].negative) for i in test]
            seen = {_plain(text) for both in tested for text in both}
            model = NgramModel(pairs[i].positive for i in train if _plain(pairs[i].positive) not in seen)
            found[test] = [[model.mean_log_probability(text) for text in both] for both in tested]
        return by_rank(found.ravel()).reshape(-1, 2)


class WordsScorer:
    """The blind classifier's own probability that a text is a positive, out of fold."""

    name = "words"

    def of_pairs(self, pairs: Sequence[TextPair]) -> NDArray[np.float64]:
        """See `PairScorer`."""
        scores = word_scores(Texts.of_pairs(pairs))
        return np.asarray((1 / (1 + np.exp(-scores))).reshape(2, -1).T)


class NgramModel:
    """Word n-grams with Witten–Bell smoothing: a word's share behind its context, mixed with that behind a shorter one.

    Args:
        texts: what it learns from.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        # Context → words behind it, with how often; the empty context has all words.
        self._behind: dict[tuple[str, ...], Counter[str]] = {}
        for text in texts:
            for context, word in _steps(text):
                for start in range(len(context) + 1):
                    self._behind.setdefault(context[start:], Counter())[word] += 1
        self._size = {context: found.total() for context, found in self._behind.items()}

    def probability(self, word: str, context: tuple[str, ...]) -> float:
        """Of a word behind others. A word that was never seen has a share of what new words had."""
        # Shorter contexts first: each longer one takes what it has seen, and leaves the rest to the shorter.
        found = 1 / (len(self._behind.get((), ())) + 1)
        for start in range(len(context), -1, -1):
            behind = self._behind.get(context[start:])
            if behind is not None:
                total = self._size[context[start:]]
                found = (behind[word] + len(behind) * found) / (total + len(behind))
        return found

    def mean_log_probability(self, text: str) -> float:
        """Of a text's words and its end, per word."""
        logs = [math.log(self.probability(word, context)) for context, word in _steps(text)]
        return sum(logs) / len(logs)


def _steps(text: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """Each word of a text with the words before it; the end of the text is a word."""
    words = ["<s>"] * (ORDER - 1) + _WORD.findall(text.lower()) + ["</s>"]
    for i in range(ORDER - 1, len(words)):
        yield tuple(words[i - ORDER + 1 : i]), words[i]


def _plain(text: str) -> str:
    return " ".join(_WORD.findall(text.lower()))
