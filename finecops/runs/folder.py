"""A run folder: which samples, which stages are done, and how. `run.json` says it all (`finecops.runs.manifest`).

A stage's fingerprint covers its settings, its share and the checksums of the files it reads. If they are not the ones
its file was begun with, the run refuses to go on and names the first setting that differs.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from finecops import prompts
from finecops.datasets.choose import choose_samples
from finecops.datasets.dataset import Dataset
from finecops.errors import RunError, UsageError
from finecops.records import Route, Sample
from finecops.runs.batches import make_batches, share_of
from finecops.runs.engines import ENGINES
from finecops.runs.jsonl import append_rows, read_rows, read_table
from finecops.runs.manifest import (
    RUN_JSON,
    DatasetEntry,
    Manifest,
    StageEntry,
    environment,
    first_difference,
    read_manifest,
    write_manifest,
)
from finecops.runs.runner import StageJob, StageReport, run_stage
from finecops.runs.specification import Row, StageSpec, Work, fingerprint
from finecops.runs.watch import Watch

log = logging.getLogger(__name__)

OUTPUTS = Path("outputs")


@dataclass(frozen=True)
class RunOptions:
    """How stages are run; none of it changes an answer.

    Attributes:
        engine: where batches are worked through (`finecops.runs.engines`).
        upstream: make the stages before a stage if they are not done; else refuse and name the command.
        watch: stop where a model's first answers show that something is wrong.
    """

    engine: str = "local"
    upstream: bool = True
    watch: bool = True


@dataclass(frozen=True)
class Run:
    """An opened run folder."""

    folder: Path
    dataset: Dataset
    samples: tuple[Sample, ...]
    options: RunOptions = field(default_factory=RunOptions)
    _done: dict[str, tuple[object, ...]] = field(default_factory=dict, repr=False, compare=False)

    def file(self, stage: str) -> Path:
        """The file of a stage."""
        return self.folder / f"{stage}.jsonl"

    def do(self, spec: StageSpec[Row]) -> Mapping[str, Row]:
        """Make a stage's file or what is missing of it, after what it reads; its rows by sample id.

        Raises:
            UsageError: the engine is unknown.
            RunError: it was begun with other settings, or an input is missing and may not be made.
        """
        if self._done.get(spec.name) != spec.key:
            for before in spec.inputs:
                self._need(before)
            self._make(spec)
            self._done[spec.name] = spec.key
        return self.rows(spec)

    def rows(self, spec: StageSpec[Row]) -> Mapping[str, Row]:
        """The rows of a finished stage by sample id."""
        return read_table(self.file(spec.name), spec.row_type)

    def _need(self, spec: StageSpec[Any]) -> None:
        if not self.file(spec.name).exists():
            if not self.options.upstream:
                raise RunError(f"{self.file(spec.name)} is not there; `{spec.command}` makes it")
            log.info("%s.jsonl is not there yet: making it first", spec.name)
        if self.options.upstream:
            self.do(spec)

    def _make(self, spec: StageSpec[Row]) -> None:
        if self.options.engine not in ENGINES:
            raise UsageError(f"unknown engine {self.options.engine!r}; there are: {', '.join(ENGINES)}")
        files = {before.name: self.file(before.name) for before in spec.inputs}
        described = spec.described({name: sha256_of(path) for name, path in files.items()})
        self._refuse_other_settings(spec, described)
        if not self.file(spec.name).exists():
            self._note(spec.name, _entry(spec, described))
        report = run_stage(self._job(spec, files), ENGINES[self.options.engine])
        before = read_manifest(self.folder).stages.get(spec.name)
        if report.made_now or before is None or before.state != "done":
            sha256 = sha256_of(self.file(spec.name))
            self._note(spec.name, _entry(spec, described).model_copy(update={"sha256": sha256} | _measured(report)))
        if report.made_now:
            pace = f"{report.seconds:.1f} s, {report.per_second} samples/s"
            log.info("%s: %d rows (%d failed), %s", spec.name, report.rows, report.failed, pace)
            for note, count in report.notes.items():
                log.info("%s: %d rows: %s", spec.name, count, note)

    def _job(self, spec: StageSpec[Row], files: Mapping[str, Path]) -> StageJob[Row]:
        samples = self._share(spec)
        batches = make_batches(self.samples, self.dataset.image_path, spec.resources.batch_size)
        if len(samples) < len(self.samples):
            batches = share_of(batches, frozenset(sample.id for sample in samples))
        watched = spec.watched if self.options.watch else None
        watch = Watch(watched.model, watched.box_format, samples) if watched is not None else None
        # The rows of a watched stage are predictions; a type variable cannot say so.
        return StageJob(Work(spec, files), self.file(spec.name), [s.id for s in samples], batches, watch)  # type: ignore[arg-type]

    def _share(self, spec: StageSpec[Any]) -> list[Sample]:
        """The samples a stage is for."""
        if spec.share.router_level is None:
            return list(self.samples)
        (routes,) = (before for before in spec.inputs if before.role == "routes")
        level: Mapping[str, Route] = read_table(self.file(routes.name), Route)
        return [sample for sample in self.samples if level[sample.id].level == spec.share.router_level]

    def _note(self, stage: str, entry: StageEntry) -> None:
        write_manifest(self.folder, read_manifest(self.folder).with_stage(stage, entry))

    def _refuse_other_settings(self, spec: StageSpec[Any], described: Mapping[str, JsonValue]) -> None:
        path = self.file(spec.name)
        partial = path.with_suffix(".jsonl.partial")
        before = read_manifest(self.folder).stages.get(spec.name)
        if before is None or not (path.exists() or partial.exists()):
            return
        if before.fingerprint == fingerprint(described):
            return
        if spec.remake:
            path.unlink(missing_ok=True)
            partial.unlink(missing_ok=True)
            return
        # As JSON, since lists and tuples are one thing there.
        then = _flat(before.model_dump(mode="json", exclude_none=True))
        difference = first_difference(then, _flat(json.loads(json.dumps(described))))
        raise RunError(
            f"{path} was made with other settings: {difference}. Choose another --run, or delete the stage's files in "
            f"{self.folder}/ to make them anew"
        )


def _flat(described: Mapping[str, Any]) -> dict[str, JsonValue]:
    """Settings at the top, where a message names them as the user knows them."""
    return {**described["settings"], "share": described["share"], "inputs": described["inputs"]}


def _entry(spec: StageSpec[Any], described: Mapping[str, JsonValue]) -> StageEntry:
    """The entry of a stage that was begun."""
    return StageEntry.model_validate(
        {
            **described,
            "role": spec.role,
            "label": spec.label,
            "answering": spec.answering,
            "fingerprint": fingerprint(described),
            "state": "begun",
        }
    )


def _measured(report: StageReport) -> dict[str, object]:
    """What an entry says of a stage that is done."""
    return {
        "state": "done",
        "rows": report.rows,
        "failed": report.failed,
        "seconds": round(report.seconds, 3),
        "timed_samples": report.made_now,
        "samples_per_second": report.per_second,
        "gflops_per_sample": report.gflops_per_sample,
        "notes": dict(report.notes),
    }


def open_run(folder: Path, dataset: Dataset, limit: int, options: RunOptions | None = None) -> Run:
    """Make a run folder, or go on in one that was begun with the same samples.

    Raises:
        RunError: the folder belongs to other data or another limit.
    """
    samples = tuple(choose_samples(dataset.samples, limit))
    about = DatasetEntry(
        name=dataset.config.name,
        split=dataset.split,
        files=tuple(path.name for path in dataset.files),
        sha256=dataset.sha256,
        limit=limit,
        samples=len(samples),
        unknown=sum(sample.truth == "unknown" for sample in samples),
        left_out=tuple(f"{p.file.name}: entry {p.entry}: {p.message}" for p in dataset.problems),
    )
    run = Run(folder, dataset, samples, options or RunOptions())
    if (folder / RUN_JSON).exists():
        before = read_manifest(folder).dataset
        difference = first_difference(before.model_dump(mode="json"), about.model_dump(mode="json"))
        if difference is not None:
            raise RunError(f"{folder}/ holds a run on other data: {difference}. Choose another --run")
        return run
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "samples.jsonl").open("w", encoding="utf-8") as file:
        append_rows(file, samples)
    write_manifest(folder, Manifest(dataset=about, prompts_sha256=_prompts_sha256(), environment=environment()))
    return run


def read_samples(folder: Path) -> list[Sample]:
    """The samples of a run."""
    return list(read_rows(folder / "samples.jsonl", Sample))


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


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _prompts_sha256() -> str:
    text = "\n".join(f"{k}={getattr(prompts, k)!r}" for k in sorted(vars(prompts)) if k.isupper())
    return hashlib.sha256(text.encode()).hexdigest()
