"""Faults in the entries of annotation files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Problem:
    """A fault in one entry of one file."""

    file: Path
    entry: str
    """The entry's id, or its number where it has none."""
    message: str

    def __str__(self) -> str:
        return f"{self.file}: entry {self.entry}: {self.message}"
