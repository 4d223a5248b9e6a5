"""Florence-2 gives boxes to every phrase of a caption: `A red car<loc_52>…<loc_774>a door<loc_0>…`.

This module finds the boxes of the target's phrase.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence

_LOC = re.compile(r"<loc_\d+>")
_WORD = re.compile(r"[a-z]+")
_TAG = re.compile(r"</?[a-z_]+>")


def label_before(text: str, start: int) -> str:
    """The phrase of the box whose first location token starts at `start`.

    A phrase may have several boxes, one after the other. Their tokens are skipped.

    >>> label_before("a car<loc_1><loc_2><loc_3><loc_4>", 5)
    'a car'
    """
    return next((label for begin, end, label in _labels(text) if begin <= start < end), "")


def target_first(text: str, starts: Sequence[int], target: str) -> list[int]:
    """Order of the boxes that start at `starts`: best word overlap of phrase and target first.

    The overlap is the number of shared words divided by the number of different words in both (Jaccard).
    """
    wanted = set(_WORD.findall(target.lower()))
    runs = [(begin, _overlap(label, wanted)) for begin, _, label in _labels(text)]
    begins = [begin for begin, _ in runs]
    # The run of tokens that a box stands in is the last that begins before it.
    overlaps = [runs[at - 1][1] if (at := bisect_right(begins, start)) else 0.0 for start in starts]
    # Among equal overlaps the model's own order stays.
    return sorted(range(len(starts)), key=lambda index: (-overlaps[index], index))


def _labels(text: str) -> list[tuple[int, int, str]]:
    """For each run of location tokens: its begin, its end, and the phrase before it. One pass over the text."""
    runs: list[tuple[int, int, str]] = []
    begin, end, phrase = 0, 0, ""
    for match in _LOC.finditer(text):
        if match.start() > end or not runs:
            begin, phrase = match.start(), _TAG.sub("", text[end : match.start()]).strip()
            runs.append((begin, match.end(), phrase))
        else:
            runs[-1] = (begin, match.end(), phrase)
        end = match.end()
    return runs


def _overlap(label: str, wanted: set[str]) -> float:
    words = set(_WORD.findall(label.lower()))
    return len(words & wanted) / len(words | wanted) if words | wanted else 0.0
