"""A run folder as evaluation reads it: what `run.json` says of each stage, and each file once."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, get_args

from finecops.datasets.parts import ids_of, kept
from finecops.datasets.table import SampleTable
from finecops.errors import RunError
from finecops.evaluation.results import MOST_REASONS
from finecops.metrics.answers import Answers, answers_of_predictions
from finecops.records import Candidates, Prediction, Route, Sample, StageRow
from finecops.runs.failures import Tallied, reason_counts
from finecops.runs.folder import SAMPLES_JSONL, refuse_shard
from finecops.runs.jsonl import LARGE_BYTES, MADE_AGAIN, read_rows, read_table
from finecops.runs.manifest import Manifest, Method, Role, Share, StageEntry, read_manifest
from finecops.text import shortly

Row = TypeVar("Row", bound=StageRow)
METHODS: tuple[Method, ...] = get_args(Method)
"""The order of methods in results; within a method by the stage's name."""


@dataclass(frozen=True)
class AnsweringStage:
    """A finished stage whose rows are answers, and the samples of its share."""

    name: str
    entry: StageEntry
    samples: Sequence[Sample]
    answers: Answers
    reasons: dict[str, int]
    """How many rows failed for which reason, the most frequent ones."""


class RunData:
    """A run's manifest, samples and rows. Only finished stages whose file is there count.

    Files are compared with the checksums in the manifest as they are read.
    """

    def __init__(self, folder: Path) -> None:
        """
        Raises:
            RunError: the folder is no run, or one of another version, or its samples were changed.
        """
        self.folder = folder
        self.manifest = read_manifest(folder)
        self.samples = _read_samples(folder, self.manifest)
        self._ids = set(ids_of(self.samples))
        self._tables: dict[str, Mapping[str, StageRow]] = {}

    @property
    def stages(self) -> dict[str, StageEntry]:
        """The finished stages by name."""
        entries = self.manifest.stages.items()
        return {name: entry for name, entry in entries if entry.state == "done" and self._file(name).exists()}

    def answering(self, *methods: Method) -> list[str]:
        """Names of the stages that answer by one of some methods (any if none is named), in the order of results."""
        of = {
            name: METHODS.index(entry.answering.method)
            for name, entry in self.stages.items()
            if entry.role == "answers" and entry.answering and (not methods or entry.answering.method in methods)
        }
        # By method first, then by name: the same order in every run, whatever was made first.
        return sorted(of, key=lambda name: (of[name], name))

    def rows(self, name: str, row_type: type[Row]) -> Mapping[str, Row]:
        """The rows of a stage by sample id.

        Raises:
            RunError: the file was changed since it was finished, or has a row for a sample that is not the run's.
        """
        if name not in self._tables:
            found = read_table(self._file(name), row_type, self.stages[name].checksums)
            for number, id_ in enumerate(found, start=1):
                if id_ not in self._ids:
                    raise RunError(
                        f"{self._file(name)}:{number}: sample {shortly(id_)} is none of the run's. {MADE_AGAIN}"
                    )
            self._tables[name] = found
        return self._tables[name]  # type: ignore[return-value]

    def first(self, role: Role, row_type: type[Row]) -> Mapping[str, Row] | None:
        """The rows of the first finished stage of a role; None if there is none."""
        name = next((name for name, entry in self.stages.items() if entry.role == role), None)
        return None if name is None else self.rows(name, row_type)

    def pathway(self, method: Method) -> Mapping[str, Prediction] | None:
        """What the first stage of a method answered; None if there is none."""
        names = self.answering(method)
        return self.rows(names[0], Prediction) if names else None

    def candidates_of(self, entry: StageEntry) -> Mapping[str, Candidates] | None:
        """The candidates that a selection chose from: its input of that role."""
        for name in entry.inputs:
            if name in self.stages and self.stages[name].role == "candidates":
                return self.rows(name, Candidates)
        return None

    def methods(self, names: Collection[str] | None = None) -> Iterator[AnsweringStage]:
        """The stages that answer, all or those of some names, with their share's samples, in the order of results."""
        for name in self.answering():
            if names is not None and name not in names:
                continue
            entry = self.stages[name]
            rows = self.rows(name, Prediction)
            yield AnsweringStage(
                name,
                entry=entry,
                samples=self._of_share(entry.share),
                answers=answers_of_predictions(rows.values(), str(self._file(name))),
                reasons=dict(_reasons(rows).most_common(MOST_REASONS)),
            )

    def _of_share(self, share: Share) -> Sequence[Sample]:
        # Without routes nothing says which samples a share has; all are evaluated.
        routes = self.first("routes", Route)
        if share.router_level is None or routes is None:
            return self.samples
        return kept(self.samples, lambda s: s.id in routes and routes[s.id].level == share.router_level)

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}.jsonl"


def _reasons(rows: Mapping[str, StageRow]) -> Counter[str]:
    return rows.tally.reasons if isinstance(rows, Tallied) else reason_counts(rows.values())


def _read_samples(folder: Path, manifest: Manifest) -> Sequence[Sample]:
    refuse_shard(folder, manifest)
    path, digest = folder / SAMPLES_JSONL, hashlib.sha256()
    rows = read_rows(path, Sample, digest.update)
    # A million samples as objects take gigabytes.
    samples: Sequence[Sample] = SampleTable.of(rows) if path.stat().st_size >= LARGE_BYTES else list(rows)
    # Runs of an older finecops have no checksum of it.
    sound = manifest.samples_sha256 in (None, digest.hexdigest())
    if not sound or len(samples) != manifest.dataset.samples:
        raise RunError(
            f"{path}: changed since the run was begun; it has {len(samples)} of {manifest.dataset.samples} samples. "
            "The command that made the run (`finecops sfa run`, …) restores it"
        )
    return samples
