"""Run folders: where they are, which samples they hold."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

from finecops import prompts
from finecops.datasets.choose import choose_samples
from finecops.datasets.dataset import Dataset
from finecops.errors import RunError
from finecops.records import Sample
from finecops.runs.checksums import sha256_of, sha256_of_rows
from finecops.runs.jsonl import read_rows, replace_rows
from finecops.runs.manifest import (
    RUN_JSON,
    DatasetEntry,
    Manifest,
    environment,
    first_difference,
    read_manifest,
    write_manifest,
)
from finecops.runs.run import Run, RunOptions

OUTPUTS = Path("outputs")
SAMPLES_JSONL = "samples.jsonl"
log = logging.getLogger(__name__)


def open_run(folder: Path, dataset: Dataset, limit: int, options: RunOptions | None = None) -> Run:
    """Make a run folder, or go on in one that was begun with the same samples.

    Raises:
        RunError: the folder belongs to other data or another limit.
    """
    samples = tuple(choose_samples(dataset.samples, limit))
    about = DatasetEntry(
        name=dataset.config.name,
        split=dataset.split,
        origin=dataset.origin,
        files=tuple(path.name for path in dataset.files),
        sha256=dataset.sha256,
        limit=limit,
        samples=len(samples),
        unknown=sum(sample.truth == "unknown" for sample in samples),
        entries=len(dataset.samples) + len(dataset.problems),
        left_out=tuple(f"{p.file.name}: entry {p.entry}: {p.message}" for p in dataset.problems),
    )
    run = Run(folder, dataset, samples, options or RunOptions())
    sha256 = sha256_of_rows(samples)
    if (folder / RUN_JSON).exists():
        before = read_manifest(folder)
        difference = first_difference(before.dataset.model_dump(mode="json"), about.model_dump(mode="json"))
        if difference is not None:
            raise RunError(f"{folder}/ holds a run on other data: {difference}. Choose another --run")
        path = folder / SAMPLES_JSONL
        if not path.is_file() or sha256_of(path) != sha256:
            log.warning("%s does not hold the run's samples any more: writing it again", path)
            replace_rows(path, samples)
        if before.samples_sha256 != sha256:
            write_manifest(folder, before.model_copy(update={"samples_sha256": sha256}))
        return run
    folder.mkdir(parents=True, exist_ok=True)
    replace_rows(folder / SAMPLES_JSONL, samples)
    # Never compared: images may move, and the run goes on.
    where = {"images": str(dataset.place.path)} if dataset.place is not None else {}
    made = Manifest(
        dataset=about,
        samples_sha256=sha256,
        prompts_sha256=_prompts_sha256(),
        environment=environment() | where,
    )
    write_manifest(folder, made)
    return run


def read_samples(folder: Path) -> list[Sample]:
    """The samples of a run."""
    return list(read_rows(folder / SAMPLES_JSONL, Sample))


def newest_run() -> Path:
    """The run below `outputs/` that was written to last.

    Raises:
        RunError: there is none.
    """
    runs = sorted(OUTPUTS.glob(f"*/{RUN_JSON}"), key=lambda path: path.stat().st_mtime)
    if not runs:
        raise RunError(f"no run below {OUTPUTS}/; `finecops sfa run` makes one")
    return runs[-1].parent


def run_folder(name: str) -> Path:
    """A run by name (below `outputs/`) or by path."""
    path = Path(name)
    return path if path.is_absolute() or len(path.parts) > 1 or path.exists() else OUTPUTS / name


def _prompts_sha256() -> str:
    text = "\n".join(f"{k}={getattr(prompts, k)!r}" for k in sorted(vars(prompts)) if k.isupper())
    return hashlib.sha256(text.encode()).hexdigest()
