"""The words of the world that a benchmark is about: GQA's, or the tables of a folder."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from finecops.construction.lexicon import Lexicon


@cache
def world_lexicon(words: Path | None) -> Lexicon:
    """The lexicon of a folder of tables, or GQA's.

    Raises:
        DataError: a table is missing or broken.
    """
    from finecops.construction.words import gqa_lexicon

    assert words is None
    return gqa_lexicon()
