"""Pairs to refine, from files or a split, and what is kept of them, written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import JsonValue

from finecops.construction.bias.pair_files import PairFile, write_pair_file, write_text
from finecops.construction.bias.pairs import TextPair, pairs_of_dataset
from finecops.datasets.dataset import Dataset
from finecops.errors import DataError, UsageError


@dataclass(frozen=True)
class PairSource:
    """Pairs of a split or of files.

    Attributes:
        name: of both, in one line.
        pairs: of all files, one file behind the other.
        files: the files; none for a split.
        dataset: the split.
    """

    name: str
    pairs: Sequence[TextPair]
    files: Sequence[PairFile] = ()
    dataset: Dataset | None = field(default=None, repr=False)

    def check_out(self, out: Path) -> None:
        """Refuse a wrong place for what is kept, before any work.

        Raises:
            UsageError: it is no `.json` for a split, or a file for several files.
        """
        if self.dataset is not None and out.suffix != ".json":
            raise UsageError(f"--out {out}: what is kept of a split is a list of ids, a .json file")
        if len(self.files) == 1 and out.suffix != self.files[0].path.suffix:
            raise UsageError(f"--out {out} must end in {self.files[0].path.suffix}: entries are written as they are")
        if len(self.files) > 1 and (out.suffix or len({file.path.name for file in self.files}) < len(self.files)):
            raise UsageError(f"--out {out}: for several --pairs it is a folder, and their names must differ")

    def write_kept(self, kept: Sequence[int], out: Path, about: JsonValue) -> list[Path]:
        """Write the kept entries of each file, or the kept and dropped ids of a split.

        Args:
            kept: indices of pairs.
            out: the file; a folder for several files.
            about: what was done, for the list of ids.

        Raises:
            DataError: a file would be written over itself.
        """
        chosen = {*kept}
        if self.dataset is not None:
            ids = {stays: [p.id for i, p in enumerate(self.pairs) if (i in chosen) is stays] for stays in (True, False)}
            content = {"version": 1, "of": self.name, "refinement": about, "kept": ids[True], "dropped": ids[False]}
            write_text(out, json.dumps(content, ensure_ascii=False, indent=1) + "\n")
            return [out]
        written, start = [], 0
        for file in self.files:
            path = out / file.path.name if len(self.files) > 1 else out
            write_pair_file(file, {p.id for i, p in enumerate(file.pairs, start) if i in chosen}, path)
            written.append(path)
            start += len(file.pairs)
        return written


def source_of_files(files: Sequence[PairFile]) -> PairSource:
    """Pairs of files.

    Raises:
        DataError: a file has texts without pairs.
    """
    for file in files:
        if not file.pairs:
            raise DataError(f"{file.path} has texts without pairs; refinement drops pairs")
    return PairSource(", ".join(file.path.name for file in files), [p for file in files for p in file.pairs], files)


def source_of_split(dataset: Dataset) -> PairSource:
    """The negative expressions of a split with their positives.

    Raises:
        DataError: there are none.
    """
    name, pairs = f"{dataset.config.name}:{dataset.split}", pairs_of_dataset(dataset)
    if not pairs:
        raise DataError(f"{name} has no negative expression with its positive")
    return PairSource(name, pairs, dataset=dataset)
