"""Run folders: where they are, which samples they hold."""

from __future__ import annotations

import hashlib
import logging
import os
import platform
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from finecops import prompts
from finecops.config.find import load_dataset, resolve
from finecops.datasets.choose import choose_samples
from finecops.datasets.dataset import Dataset
from finecops.datasets.image_place import ImageFolders, ImagePlace, check_place, image_place
from finecops.datasets.parts import count_of_truth, ids_of
from finecops.datasets.table_lines import sha256_of_samples
from finecops.errors import ConfigError, RunError
from finecops.records import Sample
from finecops.runs.checksums import sha256_of
from finecops.runs.jsonl import read_rows
from finecops.runs.manifest import (
    RUN_JSON,
    DatasetEntry,
    ImagesEntry,
    Manifest,
    environment,
    first_difference,
    read_manifest,
    write_manifest,
)
from finecops.runs.run import Run, RunOptions
from finecops.runs.shards import Shard

OUTPUTS = Path("outputs")
SAMPLES_JSONL = "samples.jsonl"
log = logging.getLogger(__name__)


def open_run(folder: Path, dataset: Dataset, limit: int, options: RunOptions | None = None) -> Run:
    """Make a run folder, or go on in one that was begun with the same samples.

    Raises:
        RunError: the folder belongs to other data or another limit.
    """
    samples = dataset.samples if limit <= 0 else choose_samples(dataset.samples, limit)
    shard = options.shard if options is not None else None
    about = DatasetEntry(
        name=dataset.config.name,
        split=dataset.split,
        origin=dataset.origin,
        files=tuple(path.name for path in dataset.files),
        sha256=dataset.sha256,
        limit=limit,
        samples=len(samples),
        unknown=count_of_truth(samples, "unknown"),
        entries=len(dataset.samples) + len(dataset.problems),
        left_out=tuple(f"{p.file.name}: entry {p.entry}: {p.message}" for p in dataset.problems),
    )
    run = Run(folder, dataset, samples, options or RunOptions())
    if (folder / RUN_JSON).exists():
        before = read_manifest(folder)
        if run.options.grows:
            before = _grown(before, about, folder, samples)
        difference = first_difference(before.dataset.model_dump(mode="json"), about.model_dump(mode="json"))
        if difference is not None:
            raise RunError(f"{folder}/ holds a run on other data: {difference}. Choose another --run")
        sha256 = _write_samples(samples_file(folder, shard), samples, run.options)
        now = before.model_copy(update={"samples_sha256": sha256, "images": _images_entry(dataset)})
        if now != before:
            write_manifest(folder, now)
        return run
    folder.mkdir(parents=True, exist_ok=True)
    if shard is None:
        sha256 = _replace_samples(folder / SAMPLES_JSONL, samples)
    else:
        sha256 = _write_samples(samples_file(folder, shard), samples, run.options)
    made = Manifest(
        dataset=about,
        samples_sha256=sha256,
        prompts_sha256=_prompts_sha256(),
        environment=environment(),
        images=_images_entry(dataset),
        shard=str(shard) if shard is not None else None,
    )
    write_manifest(folder, made)
    return run


def samples_file(folder: Path, shard: Shard | None = None) -> Path:
    """Where the samples of a run are; shards have them in common."""
    return (folder if shard is None else folder.parent) / SAMPLES_JSONL


def _write_samples(path: Path, samples: Sequence[Sample], options: RunOptions) -> str:
    """Write the samples where they are not there as they should be; the SHA-256 of the file."""
    sha256 = sha256_of_samples(samples)
    if path.is_file() and sha256_of(path) == sha256:
        return sha256
    if options.shard is None and not options.grows:
        log.warning("%s does not hold the run's samples any more: writing it again", path)
    # Jobs of an array begin at the same moment: each writes a file of its own name, with the same content.
    writing = path.with_name(f"{path.name}.{os.getpid()}.{platform.node()}")
    _replace_samples(writing, samples)
    os.replace(writing, path)
    return sha256


def _replace_samples(path: Path, samples: Sequence[Sample]) -> str:
    """Make a file hold these samples and no others, in one step; its SHA-256."""
    writing = path.with_name(path.name + ".writing")
    writing.unlink(missing_ok=True)
    with writing.open("xb") as file:
        sha256 = sha256_of_samples(samples, file.write)
        file.flush()
        os.fsync(file.fileno())
    os.replace(writing, path)
    return sha256


def _grown(before: Manifest, about: DatasetEntry, folder: Path, samples: Sequence[Sample]) -> Manifest:
    """A manifest that says of the data what is so now, if all samples of the run are among those of now."""
    ids = set(ids_of(samples))
    if any(sample.id not in ids for sample in read_samples(folder)):
        return before
    counts = {name: getattr(about, name) for name in ("samples", "unknown", "entries")}
    return before.model_copy(update={"dataset": before.dataset.model_copy(update=counts)})


def read_samples(folder: Path) -> list[Sample]:
    """The samples of a run.

    Raises:
        RunError: it is a shard of one.
    """
    refuse_shard(folder, read_manifest(folder))
    return list(read_rows(folder / SAMPLES_JSONL, Sample))


def refuse_shard(folder: Path, manifest: Manifest) -> None:
    """
    Raises:
        RunError: a folder is a shard of a run.
    """
    if manifest.shard is not None:
        raise RunError(
            f"{folder}/ is part {manifest.shard} of a run: `finecops merge {folder.parent.parent}` joins the parts"
        )


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


def _images_entry(dataset: Dataset) -> ImagesEntry:
    return ImagesEntry(
        root=str(dataset.root.absolute()),
        folders=dataset.config.image_folders,
        place=str(dataset.place.path) if dataset.place is not None else None,
    )


def images_of_run(manifest: Manifest, given: Path | None = None) -> ImageFolders | None:
    """Where a run's images are now: for pictures of its samples.

    Args:
        manifest: of the run.
        given: a folder or zip file that the user names.

    Returns:
        Where to look them up; None if nothing says where they are (an imported run, a dataset that is not here).

    Raises:
        DataError: what is given is neither a folder nor a zip file.
    """
    entry, place = manifest.images, check_place(given.expanduser().absolute()) if given is not None else None
    if entry is not None and (place is not None or Path(entry.root).is_dir()):
        if place is None and entry.place is not None and Path(entry.place).exists():
            place = ImagePlace(Path(entry.place))
        return ImageFolders(Path(entry.root), entry.folders, place)
    # The run was made on another machine, or by an older finecops: its dataset may be here by its name.
    with suppress(ConfigError):
        config = load_dataset(manifest.dataset.name)
        return ImageFolders(resolve(config.root), config.image_folders, place or image_place(config))
    return ImageFolders(place.path, (), place) if place is not None else None


def _prompts_sha256() -> str:
    text = "\n".join(f"{k}={getattr(prompts, k)!r}" for k in sorted(vars(prompts)) if k.isupper())
    return hashlib.sha256(text.encode()).hexdigest()
