"""`run.json`: what a run folder holds and how each of its files was made. Version 2; docs: `docs/records.md`."""

from __future__ import annotations

import platform
from importlib import metadata
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field, JsonValue

from finecops.errors import RunError
from finecops.names import meant
from finecops.paths import name_problem, open_regular
from finecops.records import Record
from finecops.runs.checksums import FileChecksums
from finecops.runs.jsonl import write_json_atomically
from finecops.strict_json import parse_json, parse_record
from finecops.text import shortly
from finecops.version import __version__

VERSION: Final = 2
RUN_JSON = "run.json"
_PACKAGES = ("torch", "torchvision", "transformers", "tokenizers", "numpy", "pillow")

Role = Literal["targets", "routes", "candidates", "answers", "votes"]
"""What a stage's rows are for: other stages and the evaluation look for it, never for a file name."""
Method = Literal["specialist", "mllm", "sfa", "crs", "file"]
"""Who answers; `file`: another program, whose prediction file was imported."""


class Share(Record):
    """Which of a run's samples a stage is for: all, or those of one router level."""

    router_level: Literal[1, 2] | None = None

    def __str__(self) -> str:
        return "all" if self.router_level is None else f"router level {self.router_level}"


ALL = Share()


class Answering(Record):
    """Who answers in a stage whose rows are answers, for tables and for the paper's figures beside ours."""

    method: Method
    model: str | None = None
    """The name of the model that writes the answer."""
    paper_row: str | None = None
    """The model's row in the paper's tables."""
    focus: bool = False
    """Whether the models were focused on the target (paper, IV-A)."""


class Repair(Record):
    """Rows of a finished file that were made again."""

    before_sha256: str
    """Of the file before."""
    after_sha256: str | None = None
    """Of the file after; None while it is being made."""
    sample_ids: tuple[str, ...] | None = None
    """Of which samples; None: so many that stages after it are made again whole."""


class Served(Record):
    """How the model of a stage was served. It is no part of the fingerprint: any number of servers answers the same."""

    servers: int
    """How many there were."""
    program: str | None = None
    """What finecops started; None: servers that ran already."""
    arguments: tuple[str, ...] = ()
    """Of the program, without those that say where it listens."""
    gpus_per_server: int | None = None


class StageEntry(Record):
    """What `run.json` says of a stage."""

    role: Role
    label: str = Field(max_length=4096)
    """The stage's name for people, without its share."""
    share: Share = ALL
    answering: Answering | None = None
    inputs: dict[str, str] = Field(default_factory=dict)
    """Stages whose rows it reads, with the SHA-256 of their files."""
    settings: dict[str, JsonValue]
    """Everything else that changes its rows."""
    fingerprint: str
    """SHA-256 over share, inputs and settings."""
    served: Served | None = None
    """How its model was served, where finecops started the servers, or several shared the requests."""
    state: Literal["begun", "done"]
    rows: int | None = None
    failed: int | None = None
    checksums: FileChecksums | None = None
    """Of the finished file."""
    repair: Repair | None = None
    """Of a file that is being repaired."""
    repairs: tuple[Repair, ...] = ()
    """How the finished file came to be what it is, where rows of it were made again."""
    seconds: float | None = None
    """Of the process that finished it; `timed_samples` of its rows were made in that time."""
    timed_samples: int | None = None
    samples_per_second: float | None = None
    gflops_per_sample: float | None = None
    """10**9 operations a sample took in the first batch; None for a stage without a model in this process."""
    batch_size: int | None = None
    """Samples in a batch at most; None for a stage without a model."""
    threads: int | None = None
    """Of a computation on the processor, in the process that wrote the file; None for a stage without a model. The last
    digits of what a model gives may depend on this and on the batch size; its answers are the same."""
    notes: dict[str, int] = Field(default_factory=dict)
    """How many rows have which note, numbers in it replaced by N."""

    @property
    def sha256(self) -> str | None:
        """Of the finished file."""
        return self.checksums.sha256 if self.checksums is not None else None


class DatasetEntry(Record):
    """What `run.json` says of the data."""

    name: str
    split: str
    origin: str | None = None
    """Of a dataset on the Hub: its id and the commit that was read, `hf:ID@commit`."""
    files: tuple[str, ...]
    sha256: str
    limit: int
    samples: int
    unknown: int = 0
    """Samples whose truth is unknown: they get answers and no score."""
    entries: int = 0
    """Entries of the files, also those that were left out; `samples` of them are in the run."""
    left_out: tuple[str, ...] = ()
    """Entries of the files that make no sense, a sentence each."""


class ImportedFile(Record):
    """A prediction file of another program that a run was imported from."""

    format: str
    """What `finecops import` calls it."""
    name: str
    """The file's name, without its folder."""
    sha256: str
    rows: int
    sizes: Literal["pixels", "unknown", "per mille"]
    """What is known of the images' sizes. `unknown`: `width` and `height` of the samples are 0. `per mille`: the file
    has boxes in shares of the image's sides alone; they are on a grid of 1000 x 1000, which changes no IoU."""


class ImagesEntry(Record):
    """Where a run's images were when it was last continued. Never compared: images may move, and the run goes on."""

    root: str
    """The dataset's folder, as an absolute path."""
    folders: tuple[str, ...] = ()
    """Folders below it, with which the path of an image may begin."""
    place: str | None = None
    """The user's own folder or zip file of images."""


class Manifest(Record):
    """The whole of `run.json`."""

    version: Literal[2] = VERSION
    finecops: str = __version__
    dataset: DatasetEntry
    samples_sha256: str | None = None
    """Of `samples.jsonl`; None in a run that an older finecops made."""
    prompts_sha256: str
    """Of all prompts; empty in an imported run."""
    environment: dict[str, str]
    imported: tuple[ImportedFile, ...] | None = None
    """Of a run that `finecops import` made: no model of it ran here, and there are no images."""
    images: ImagesEntry | None = None
    """None in a run that an older finecops made, or that was imported."""
    shard: str | None = None
    """Which part of a run this is, as I/N; None: a whole run."""
    stages: dict[str, StageEntry] = Field(default_factory=dict)

    def with_stage(self, name: str, entry: StageEntry) -> Manifest:
        """The manifest with one stage's entry replaced or added."""
        return self.model_copy(update={"stages": self.stages | {name: entry}})

    def stage_of(self, role: Role, method: Method | None = None) -> str | None:
        """The name of the first finished stage of a role, and of a method if one is given; None if there is none."""
        for name, entry in self.stages.items():
            answers = entry.answering is not None and entry.answering.method == method
            if entry.role == role and entry.state == "done" and (method is None or answers):
                return name
        return None


def read_manifest(folder: Path) -> Manifest:
    """A run folder's `run.json`.

    Raises:
        RunError: there is none, it is broken, or it was written by another version of finecops.
    """
    path = folder / RUN_JSON
    try:
        with open_regular(path) as file:
            content = file.read()
        raw: Any = parse_json(content)
    except FileNotFoundError:
        raise RunError(_no_run(folder)) from None
    except ValueError as error:
        raise RunError(f"{path} is not JSON: {error}. Make the run again with another --run") from error
    version = raw.get("version", 1) if isinstance(raw, dict) else None
    if version != VERSION:
        raise RunError(
            f"{path} has version {shortly(version)}; this finecops reads version {VERSION}. Make the run again with "
            "another --run; `finecops score --format finecops` scores the answers that are there"
        )
    try:
        found = parse_record(content, Manifest)
    except ValueError as error:
        raise RunError(f"{path}: {error}. Make the run again with another --run") from error
    for name in found.stages:
        # A stage's name is its file's.
        if "/" in name or name_problem(name) is not None:
            raise RunError(
                f"{path}: the stage {shortly(name)} has no plain name. Make the run again with another --run"
            )
    return found


def _no_run(folder: Path) -> str:
    """What to say of a folder without `run.json`: which runs beside it are called alike."""
    why = f"it has no {RUN_JSON}" if folder.is_dir() else "there is no such folder"
    runs = [path.parent.name for path in folder.parent.glob(f"*/{RUN_JSON}")]
    said = meant(folder.name, runs) or "`finecops sfa run` makes one"
    return f"{folder}/ is no run: {why}. {said[0].upper()}{said[1:]}"


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write `run.json` in one step."""
    write_json_atomically(folder / RUN_JSON, manifest.model_dump(mode="json", exclude_none=True))


def environment() -> dict[str, str]:
    """Versions of what a run's numbers depend on."""
    versions = {"python": platform.python_version(), "platform": platform.platform()}
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "not installed"
    return versions


def first_difference(before: Any, now: Any, where: str = "") -> str | None:
    """The first setting in which two nested settings differ, in words; None if they are equal.

    >>> first_difference({"a": {"b": 1}}, {"a": {"b": 2}})
    'a.b was 1, is 2'
    >>> first_difference({"a": {}}, {"a": {"b": {"c": 2}}})
    'a.b was not there'
    """
    if isinstance(before, dict) and isinstance(now, dict):
        for key in [*before, *(k for k in now if k not in before)]:
            found = first_difference(before.get(key), now.get(key), f"{where}.{key}" if where else str(key))
            if found is not None:
                return found
        return None
    if before == now:
        return None
    # A whole part, as a stage that one of them lacks, would fill the screen.
    if before is None and isinstance(now, dict):
        return f"{where} was not there"
    if now is None and isinstance(before, dict):
        return f"{where} is not there any more"
    return f"{where or 'the settings'} was {before!r}, is {now!r}"
