"""From the output files of a batch to the rows of a run: those that the live command makes of the same answers."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from finecops.batch_files.askers import GivenAnswers
from finecops.batch_files.note import read_ids, read_note
from finecops.batch_files.outputs import OutputFiles
from finecops.batch_files.stages import batch_stages, with_asker
from finecops.errors import DataError
from finecops.models.redaction import keep_secret
from finecops.runs.failures import reason_counts
from finecops.strategies.options import Options
from finecops.strategies.parts import Parts
from finecops.strategies.running import open_for


@dataclass(frozen=True)
class ImportedStage:
    """A stage's file.

    Attributes:
        path: the file.
        outcomes: status → how many rows.
        reasons: why rows failed → how many.
    """

    path: Path
    outcomes: Mapping[str, int]
    reasons: Mapping[str, int]

    @property
    def failed_share(self) -> float:
        """The share of rows that failed."""
        return self.outcomes.get("failed", 0) / max(1, sum(self.outcomes.values()))


@dataclass(frozen=True)
class ImportedBatch:
    """What an import found and made.

    Attributes:
        requests: of the export.
        outputs: the lines of the files.
        stages: the files that were made.
        command: asks the rest.
        max_failed: a larger share of failed rows is too many.
    """

    requests: int
    outputs: OutputFiles
    stages: Sequence[ImportedStage]
    command: str
    max_failed: float


def import_batch(folder: Path, files: Sequence[Path]) -> ImportedBatch:
    """Make the rows of a run from the answers of a batch. What has no answer becomes a failed row.

    Rows that are there and did not fail stay, as when the live command goes on; so files may be imported one after the
    other.

    Args:
        folder: the export.
        files: output and error files, in any order.

    Raises:
        DataError: the folder is no export, a file is no output file, or none of the lines answers the export.
        RunError: the run was made with other settings in the meantime, or another process writes it.
    """
    note, requests = read_note(folder), read_ids(folder)
    given = Options.model_validate(note.options)
    # All that the stages read was made for the export, and every answer is there now.
    parts = Parts(given.model_copy(update={"upstream": False, "watch": False, "max_failed": 1.0}))
    stages = batch_stages(parts, note.by)
    # A service may echo the key; no server is asked here that would have read it.
    keep_secret(os.environ.get(stages.model.api_key_env))
    outputs = OutputFiles(files, stages.model.weights)
    outputs.read(requests)
    if not outputs.answered and not outputs.failed:
        raise DataError(f"none of the {outputs.lines} lines answers a request of {folder}/")
    # Before the run is touched, all files were read.
    opened = open_for(parts, stages.part)
    run = replace(opened, options=replace(opened.options, given=True))
    asker = GivenAnswers(stages.model, note.mode, requests, outputs)
    made = []
    for spec in [*(with_asker(spec, asker) for spec in stages.asked), *stages.after]:
        rows = run.do(spec).values()
        outcomes = Counter(str(getattr(row, "status", "")) for row in rows)
        made.append(ImportedStage(run.file(spec.name), dict(sorted(outcomes.items())), reason_counts(rows)))
    return ImportedBatch(len(requests), outputs, made, stages.command, given.max_failed)
