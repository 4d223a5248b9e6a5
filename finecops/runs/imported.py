"""A run folder from published prediction files: the samples with their truth, and a file of answers per method."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from finecops.errors import DataError, RunError
from finecops.records import Prediction, Sample
from finecops.runs.checksums import checksums_of, sha256_of, sha256_of_rows
from finecops.runs.folder import SAMPLES_JSONL
from finecops.runs.jsonl import replace_rows
from finecops.runs.manifest import (
    Answering,
    DatasetEntry,
    ImportedFile,
    Manifest,
    StageEntry,
    environment,
    write_manifest,
)
from finecops.runs.specification import fingerprint
from finecops.text import shortly


@dataclass(frozen=True)
class ImportedMethod:
    """A method that becomes a stage.

    Attributes:
        label: its name for people, which must be its own in the run.
        model: the model's name.
        settings: what is known of it.
        rows: its answers by sample id.
    """

    label: str
    model: str
    settings: Mapping[str, str]
    rows: Mapping[str, Prediction]


def write_imported_run(
    folder: Path,
    dataset: tuple[str, str],
    samples: Sequence[Sample],
    methods: Sequence[ImportedMethod],
    files: Sequence[ImportedFile],
) -> list[str]:
    """Write `samples.jsonl`, a file per method, and `run.json`, which says that the run was imported.

    Args:
        folder: the run's folder. It must be new, or empty.
        dataset: its name and split.
        samples: with their truth.
        methods: each with another label.
        files: the files that everything is from.

    Returns: the names of the stages, in the order of the methods.

    Raises:
        RunError: the folder holds something.
        DataError: two methods have one label.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RunError(f"{folder}/ is there already; choose another --out, or delete it")
    names = _stage_names(methods)
    folder.mkdir(parents=True, exist_ok=True)
    replace_rows(folder / SAMPLES_JSONL, samples)
    sha256 = sha256_of_rows(samples)
    about = DatasetEntry(
        name=dataset[0],
        split=dataset[1],
        files=tuple(file.name for file in files),
        sha256=sha256,
        limit=0,
        samples=len(samples),
        unknown=sum(sample.truth == "unknown" for sample in samples),
        entries=len(samples),
    )
    stages = {}
    for name, method in zip(names, methods, strict=True):
        path = folder / f"{name}.jsonl"
        # In the order of the samples, as every stage's file.
        replace_rows(path, [method.rows[s.id] for s in samples if s.id in method.rows])
        stages[name] = _entry(path, method)
    # Last: a folder without it is no run.
    write_manifest(
        folder,
        Manifest(
            dataset=about,
            samples_sha256=sha256,
            prompts_sha256="",
            environment=environment(),
            imported=tuple(files),
            stages=stages,
        ),
    )
    return names


def _entry(path: Path, method: ImportedMethod) -> StageEntry:
    settings: dict[str, JsonValue] = {"imported": dict(method.settings)}
    described: dict[str, JsonValue] = {"share": {}, "inputs": {}, "settings": settings}
    return StageEntry(
        role="answers",
        label=method.label,
        answering=Answering(method="file", model=method.model),
        settings=settings,
        fingerprint=fingerprint(described),
        state="done",
        rows=len(method.rows),
        failed=sum(row.status == "failed" for row in method.rows.values()),
        checksums=checksums_of(path, len(method.rows)),
    )


def _stage_names(methods: Sequence[ImportedMethod]) -> list[str]:
    """A plain file name for each method, from its label."""
    names: list[str] = []
    for method in methods:
        name = re.sub(r"[^a-z0-9.]+", "-", method.label.lower()).strip("-.")[:100] or "method"
        if name in (*names, "samples", "metrics") or name + ".jsonl" == SAMPLES_JSONL:
            raise DataError(
                f"two methods are called {shortly(method.label)}: import the files one by one with --label NAME"
            )
        names.append(name)
    return names


def imported_file(path: Path, format_: str, rows: int, sizes: str) -> ImportedFile:
    """What `run.json` says of a file."""
    return ImportedFile.model_validate(
        {"format": format_, "name": path.name, "sha256": sha256_of(path), "rows": rows, "sizes": sizes}
    )
