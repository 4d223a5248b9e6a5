"""Scorers as the command line names them: `ngram`, `words`, or `KIND:WEIGHTS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from finecops.construction.bias.scorers import NgramScorer, OneByOne, PairScorer, WordsScorer
from finecops.errors import UsageError
from finecops.names import unknown_name

PLAIN: Final[Mapping[str, Callable[[], PairScorer]]] = {"ngram": NgramScorer, "words": WordsScorer}
"""Those that need no weights."""
WITH_WEIGHTS: Final = ("vera", "cola", "causal")
"""Those that are language models (`finecops.construction.bias.language_scorers`)."""


def check_scorers(names: Sequence[str]) -> list[tuple[str, str]]:
    """Kind and weights of each name, before any model is loaded.

    Raises:
        UsageError: there is no such scorer, weights are missing or not wanted, or a scorer is named twice.
    """
    found = []
    for name in names:
        kind, _, weights = name.partition(":")
        if kind not in (*PLAIN, *WITH_WEIGHTS):
            raise UsageError(unknown_name("scorer", kind, (*PLAIN, *WITH_WEIGHTS)))
        if kind in WITH_WEIGHTS and not weights:
            raise UsageError(f"--scorer {name} needs weights: {kind}:WEIGHTS, a folder or an id on the Hub")
        if kind in PLAIN and name != kind:
            raise UsageError(f"--scorer {name}: {kind} has no weights; write --scorer {kind}")
        found.append((kind, weights))
    if len(set(found)) < len(found):
        raise UsageError("a --scorer is named twice")
    return found


def load_scorers(given: Sequence[tuple[str, str]], device: str | None, allow_pickle: bool) -> list[PairScorer]:
    """Scorers by kind and weights.

    Raises:
        FinecopsError: a model cannot be loaded.
    """
    found: list[PairScorer] = []
    for kind, weights in given:
        if kind in PLAIN:
            found.append(PLAIN[kind]())
            continue
        from finecops.construction.bias.language_scorers import LANGUAGE_SCORERS
        from finecops.models.backends import use_torch

        found.append(OneByOne(LANGUAGE_SCORERS[kind](weights, use_torch(device or "auto"), allow_pickle)))
    return found
