"""The rows of shards as one file in the samples' order, line by line.

Of a sample that two shards computed, the row of the shard that it belongs to is taken, in every stage: so its rows of
different stages fit together.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finecops.errors import RunError
from finecops.paths import open_regular
from finecops.runs.failures import plain_note
from finecops.runs.jsonl import open_new
from finecops.runs.manifest import StageEntry
from finecops.text import shortly


@dataclass(frozen=True)
class Written:
    """What a file has: rows, failed ones, and how many have which note."""

    rows: int
    failed: int
    notes: Mapping[str, int]


@dataclass(frozen=True)
class _Line:
    sample_id: str
    text: str
    row: Mapping[str, Any]


class Merger:
    """Merges the files of one stage after the other.

    Attributes:
        differing: rows of a neighbour's sample that are not those of the neighbour, so far.
    """

    def __init__(self, ids: Sequence[str], owner: Sequence[int]) -> None:
        """
        Args:
            ids: of the run's samples, in their order.
            owner: the shard of each, counted from 1.
        """
        self._ids, self._owner = ids, owner
        self._place = {id_: place for place, id_ in enumerate(ids)}
        self._levels: dict[str, int] = {}
        self.differing = 0

    def merge(self, files: Sequence[Path], entry: StageEntry, final: Path) -> Written:
        """Write the rows of a stage's files beside its final file, with the ending `.merged`.

        Args:
            files: one for each shard.
            entry: of the stage, in any shard.
            final: its final file, which is not touched.

        Raises:
            RunError: a row is missing, or one too many.
        """
        readers = [_Reader(path, self._place) for path in files]
        level, is_routes = entry.share.router_level, entry.role == "routes"
        rows = failed = 0
        notes: Counter[str] = Counter()
        seen: dict[str, int] = {}
        with open_new(final.with_suffix(".merged")) as file:
            for place, id_ in enumerate(self._ids):
                if level is not None and self._levels[id_] != level:
                    continue
                line = readers[self._owner[place] - 1].find(place)
                if is_routes:
                    self._levels[id_] = line.row["level"]
                file.write(line.text)
                rows += 1
                failed += line.row.get("status") == "failed"
                if note := line.row.get("note"):
                    notes[plain_note(note)] += 1
                seen[id_] = hash(line.text)
            file.flush()
            os.fsync(file.fileno())
        for reader in readers:
            reader.finish()
            self.differing += sum(seen.get(id_) != hash(text) for id_, text in reader.passed.items())
        return Written(rows, failed, dict(notes))


class _Reader:
    """A shard's file, read up to a sample."""

    def __init__(self, path: Path, place: Mapping[str, int]) -> None:
        self._path, self._place = path, place
        self._lines = self._read()
        self.passed: dict[str, str] = {}
        """Rows of neighbours' samples, by sample id."""

    def find(self, place: int) -> _Line:
        """The row of the sample at a place; places are asked for in their order."""
        for line in self._lines:
            at = self._place.get(line.sample_id, -1)
            if at == place:
                return line
            if not 0 <= at < place:
                break
            self.passed[line.sample_id] = line.text
        raise RunError(f"{self._path} lacks the row of a sample of its own: start the part's command again")

    def finish(self) -> None:
        """Read what is left."""
        self.passed.update((line.sample_id, line.text) for line in self._lines)

    def _read(self) -> Iterator[_Line]:
        with open_regular(self._path) as file:
            for number, line in enumerate(file, start=1):
                try:
                    row = json.loads(line)
                    yield _Line(row["sample_id"], line.decode(), row)
                except (ValueError, KeyError, TypeError) as error:
                    raise RunError(f"{self._path}:{number}: not a row: {shortly(str(error))}") from error
