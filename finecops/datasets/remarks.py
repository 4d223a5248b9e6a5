"""What is remarkable in an annotation file and no fault of it: words that are in no table, boxes that were cut."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from finecops.benchmark_words import NEGATIVE_TYPES, POSITION, PUBLISHED_TYPES, TUPLE_TYPES
from finecops.datasets.problems import Problem
from finecops.text import shortly

NOTED_BEYOND = 1.0
"""Boxes that extend beyond the image by more pixels than this are counted."""
MOST_WORDS = 50
"""So many unknown words of a field are named."""
_KNOWN = {"negative_type": NEGATIVE_TYPES, "tuple_type": (*TUPLE_TYPES, POSITION)}
_IN_FILES = {"negative_type": ", ".join(PUBLISHED_TYPES), "tuple_type": ", ".join(_KNOWN["tuple_type"])}


@dataclass
class Remarks:
    """Collects remarks while a file is read."""

    _unknown: dict[str, dict[str, list[str]]] = field(default_factory=lambda: {name: {} for name in _KNOWN})
    """Field → word → the ids of the entries that have it."""
    _cut: list[str] = field(default_factory=list)
    _furthest: float = 0.0

    def word(self, name: str, word: str | None, entry: str) -> None:
        """Note a word of the field `name` if it is not known."""
        if word is not None and word not in _KNOWN[name]:
            self._unknown[name].setdefault(word, []).append(entry)

    def box(self, beyond: float, entry: str) -> None:
        """Note a box that was cut because it extends beyond the image by so many pixels."""
        if beyond > NOTED_BEYOND:
            self._cut.append(entry)
            self._furthest = max(self._furthest, beyond)

    def problems(self, path: Path) -> Iterator[Problem]:
        """One remark per unknown word, with its number of entries, and one on all cut boxes."""
        for name, words in self._unknown.items():
            known = _IN_FILES[name]
            for word, entries in list(words.items())[:MOST_WORDS]:
                message = f"{name} {shortly(word)} is not known (known: {known}); its {len(entries)} entries are kept"
                yield _remark(path, entries, message, name)
            if len(words) > MOST_WORDS:
                others = [entry for entries in list(words.values())[MOST_WORDS:] for entry in entries]
                message = (
                    f"{len(words) - MOST_WORDS} more unknown words of {name}; their {len(others)} entries are kept"
                )
                yield _remark(path, others, message, name)
        if self._cut:
            message = (
                f"{len(self._cut)} boxes extend more than {NOTED_BEYOND:g} pixel beyond their image, at most "
                f"{self._furthest:g}, and were cut to it; entries {', '.join(self._cut[:10])}"
            )
            yield _remark(path, self._cut, message + (", …" if len(self._cut) > 10 else ""), "bbox")


def _remark(path: Path, entries: Sequence[str], message: str, about: str) -> Problem:
    return Problem(path, entries[0], message, left_out=False, fault=False, about=about, entries=len(entries))
