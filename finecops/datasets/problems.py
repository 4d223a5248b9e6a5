"""Faults in the entries of annotation files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finecops.errors import DataError
from finecops.text import has_odd_characters


@dataclass(frozen=True)
class Problem:
    """A fault in one entry of one file."""

    file: Path
    entry: str
    """The entry's id, or its number where it has none."""
    message: str
    left_out: bool = True
    """Whether the entry was left out. False: it is a sample, and the message says what is remarkable."""
    fault: bool = True
    """False: nothing is wrong with the file, but whoever uses it should know. The entry is the first of its kind."""
    about: str | None = None
    """The field of the entries that such a remark is about."""
    entries: int = 1
    """How many entries it is about."""

    def __str__(self) -> str:
        # A place is not an id.
        entry = self.entry if self.entry.startswith(("line ", "row ", "annotation ")) else f"entry {self.entry}"
        return f"{self.file}: {entry}: {self.message}"


def replaced_characters(path: Path, entry: str, fields: Iterable[Mapping[str, Any]]) -> Iterator[Problem]:
    """A note if a text of an entry has control characters or half characters, which its sample has no longer."""
    for values in fields:
        for key, value in values.items():
            # Most texts are plain: two calls that cost little come first.
            if type(value) is not str or (value.isascii() and value.isprintable()):
                continue
            if has_odd_characters(value):
                yield Problem(path, entry, f"control characters or half characters in {key} were replaced", False)
                return


def first_of(problems: Sequence[Problem]) -> str:
    """The first problem, and how many there are."""
    return str(problems[0]) if len(problems) == 1 else f"the first of {len(problems)} problems: {problems[0]}"


def not_json(path: Path, error: ValueError, size: int | None = None) -> DataError:
    """The error about a file that is not JSON; `size` in bytes tells a broken download."""
    if isinstance(error, UnicodeDecodeError):
        return DataError(f"{path} is not text; annotation files are .json, .jsonl, .csv, .tsv or .parquet files")
    return DataError(f"{path} is not JSON{f' ({size:,} bytes)' if size is not None else ''}: {error}")
