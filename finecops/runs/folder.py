"""A run folder: which samples, which settings, which stages are done. `run.json` says it all.

A stage's settings include the checksums of the files it reads. If they are not the ones its file was begun with,
the run refuses to go on and names the first setting that differs.
"""

from __future__ import annotations

import hashlib
import json
import logging
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

import finecops
from finecops import prompts
from finecops.datasets.choose import choose_samples
from finecops.datasets.dataset import Dataset
from finecops.errors import RunError
from finecops.records import Sample, StageRow
from finecops.runs.jsonl import append_rows, read_rows, write_json_atomically
from finecops.runs.runner import Stage, StageJob, StageReport, run_stage

log = logging.getLogger(__name__)
Row = TypeVar("Row", bound=StageRow)

OUTPUTS = Path("outputs")


@dataclass(frozen=True)
class Run:
    """An opened run folder."""

    folder: Path
    dataset: Dataset
    samples: tuple[Sample, ...]

    def file(self, stage: str) -> Path:
        """The file of a stage."""
        return self.folder / f"{stage}.jsonl"

    def has(self, stage: str) -> bool:
        """Whether a stage is done."""
        return self.file(stage).exists()

    def checksum(self, stage: str) -> str:
        """SHA-256 of a finished stage's file."""
        return sha256_of(self.file(stage))

    def do(
        self,
        stage: str,
        row_type: type[Row],
        samples: Sequence[Sample],
        settings: dict[str, Any],
        failure: Callable[[Sample, str], Row],
        batch_size: int,
        load: Callable[[], Stage[Row]],
        watch: Callable[[Sequence[Row]], None] | None = None,
    ) -> StageReport:
        """Make a stage's file or what is missing of it, and note in `run.json` how."""
        self._refuse_other_settings(stage, settings)
        if not self.has(stage):
            self._note(stage, {"settings": settings, "state": "begun"})
        job = StageJob(stage, self.file(stage), row_type, samples, self.dataset.image_path, failure, batch_size, watch)
        report = run_stage(job, load)
        if report.made_now or self._stages().get(stage, {}).get("state") != "done":
            entry = {"settings": settings, "state": "done", "rows": report.rows, "failed": report.failed}
            timing = {"seconds": round(report.seconds, 3), "timed_samples": report.made_now}
            cost = {} if report.gflops_per_sample is None else {"gflops_per_sample": report.gflops_per_sample}
            notes = {"notes": dict(report.notes)} if report.notes else {}
            self._note(stage, entry | timing | cost | notes | {"samples_per_second": report.per_second})
        if report.made_now:
            pace = f"{report.seconds:.1f} s, {report.per_second} samples/s"
            log.info("%s: %d rows (%d failed), %s", stage, report.rows, report.failed, pace)
            for note, count in report.notes.items():
                log.info("%s: %d rows: %s", stage, count, note)
        return report

    def _stages(self) -> dict[str, Any]:
        stages: dict[str, Any] = read_run_json(self.folder).get("stages", {})
        return stages

    def _note(self, stage: str, entry: dict[str, Any]) -> None:
        content = read_run_json(self.folder)
        content.setdefault("stages", {})[stage] = entry
        write_json_atomically(self.folder / "run.json", content)

    def _refuse_other_settings(self, stage: str, settings: dict[str, Any]) -> None:
        begun = self.file(stage).exists() or self.file(stage).with_suffix(".jsonl.partial").exists()
        before = self._stages().get(stage, {}).get("settings")
        if not begun or before is None:
            return
        difference = first_difference(before, json.loads(json.dumps(settings)))
        if difference is not None:
            raise RunError(
                f"{self.file(stage)} was made with other settings: {difference}. Choose another --run, or delete "
                f"the stage's files in {self.folder}/ to make them anew"
            )


def open_run(folder: Path, dataset: Dataset, limit: int) -> Run:
    """Make a run folder, or go on in one that was begun with the same samples.

    Raises:
        RunError: the folder belongs to other data or another limit.
    """
    samples = tuple(choose_samples(dataset.samples, limit))
    about = {
        "name": dataset.config.name,
        "split": dataset.split,
        "files": [path.name for path in dataset.files],
        "sha256": dataset.sha256,
        "limit": limit,
        "samples": len(samples),
        "left_out": [f"{p.file.name}: entry {p.entry}: {p.message}" for p in dataset.problems],
    }
    if (folder / "run.json").exists():
        difference = first_difference(read_run_json(folder).get("dataset"), about)
        if difference is not None:
            raise RunError(f"{folder}/ holds a run on other data: {difference}. Choose another --run")
        return Run(folder, dataset, samples)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "samples.jsonl").open("w", encoding="utf-8") as file:
        append_rows(file, samples)
    content = {"finecops": finecops.__version__, "dataset": about, "prompts_sha256": _prompts_sha256()}
    write_json_atomically(folder / "run.json", content | {"environment": environment()})
    return Run(folder, dataset, samples)


def read_run_json(folder: Path) -> dict[str, Any]:
    """A run folder's `run.json`.

    Raises:
        RunError: there is none, or it is no JSON.
    """
    try:
        content: dict[str, Any] = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RunError(f"{folder}/ is no run: it has no run.json. `finecops sfa run` makes one") from None
    except json.JSONDecodeError as error:
        raise RunError(f"{folder}/run.json is not JSON: {error}") from error
    return content


def read_samples(folder: Path) -> list[Sample]:
    """The samples of a run."""
    return list(read_rows(folder / "samples.jsonl", Sample))


def newest_run() -> Path:
    """The run below `outputs/` that was written to last.

    Raises:
        RunError: there is none.
    """
    runs = sorted(OUTPUTS.glob("*/run.json"), key=lambda path: path.stat().st_mtime)
    if not runs:
        raise RunError(f"no run below {OUTPUTS}/; `finecops sfa run` makes one")
    return runs[-1].parent


def run_folder(name: str) -> Path:
    """A run by name (below `outputs/`) or by path."""
    path = Path(name)
    return path if path.is_absolute() or len(path.parts) > 1 or path.exists() else OUTPUTS / name


def environment() -> dict[str, str]:
    """Versions of what a run's numbers hang on."""
    versions = {"python": platform.python_version(), "platform": platform.platform()}
    for package in ("torch", "torchvision", "transformers", "tokenizers", "numpy", "pillow"):
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "not installed"
    return versions


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def first_difference(before: Any, now: Any, where: str = "") -> str | None:
    """The first setting in which two nested settings differ, in words; None if they are equal."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key in [*before, *(k for k in now if k not in before)]:
            found = first_difference(before.get(key), now.get(key), f"{where}.{key}" if where else str(key))
            if found is not None:
                return found
        return None
    return None if before == now else f"{where or 'the settings'} was {before!r}, is {now!r}"


def _prompts_sha256() -> str:
    text = "\n".join(f"{k}={getattr(prompts, k)!r}" for k in sorted(vars(prompts)) if k.isupper())
    return hashlib.sha256(text.encode()).hexdigest()
