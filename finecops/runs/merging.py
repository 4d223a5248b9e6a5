"""From the shards of a run to the run: the files that an undivided one has, byte for byte (`finecops merge`)."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finecops.errors import RunError
from finecops.records import Sample
from finecops.runs.checksums import checksums_of, sha256_of
from finecops.runs.folder import SAMPLES_JSONL
from finecops.runs.jsonl import read_rows
from finecops.runs.manifest import RUN_JSON, Manifest, StageEntry, first_difference, read_manifest, write_manifest
from finecops.runs.merged_rows import Merger, Written
from finecops.runs.shards import SHARDS, Shard, owners, parse_shard
from finecops.runs.specification import fingerprint

log = logging.getLogger(__name__)

Part = tuple[Shard, Manifest]


@dataclass(frozen=True)
class MergedStage:
    """What became of a stage: its rows and the failed ones."""

    name: str
    rows: int
    failed: int


def merge_shards(folder: Path) -> list[MergedStage]:
    """Join the shards below a run's folder.

    Raises:
        RunError: a shard is missing or not done, shards do not belong together, or a file is there that is another one.
    """
    parts = _parts(folder)
    first = parts[0][1]
    whole = _whole(folder, first)
    common = folder / SHARDS / SAMPLES_JSONL
    if not common.is_file() or sha256_of(common) != first.samples_sha256:
        raise RunError(f"{common}: not as the parts were begun with; their commands write it again")
    ids, images = [], []
    for sample in read_rows(common, Sample):
        ids.append(sample.id)
        images.append(sample.image)
    merger = Merger(ids, owners(images, len(parts)))
    entries: dict[str, StageEntry] = {}
    for name in first.stages:
        entries[name] = _merged(folder, name, parts, whole.stages.get(name), entries, merger)
    if not (folder / SAMPLES_JSONL).exists():
        shutil.copyfile(common, folder / (SAMPLES_JSONL + ".writing"))
        (folder / (SAMPLES_JSONL + ".writing")).replace(folder / SAMPLES_JSONL)
    # Last: a folder without it is no run.
    write_manifest(folder, whole.model_copy(update={"stages": whole.stages | entries}))
    if merger.differing:
        log.warning(
            "%d rows that two parts have differ: unlike machines, or other batch sizes or threads. Each sample has the "
            "rows of its own part",
            merger.differing,
        )
    return [MergedStage(name, entry.rows or 0, entry.failed or 0) for name, entry in entries.items()]


def _parts(folder: Path) -> list[Part]:
    """All shards, each with its run.json, if they are complete and belong together."""
    found: dict[Shard, Manifest] = {}
    for path in (folder / SHARDS).glob(f"*-of-*/{RUN_JSON}"):
        manifest = read_manifest(path.parent)
        shard = parse_shard(manifest.shard or "")
        if shard.folder(folder) != path.parent:
            raise RunError(f"{path.parent}/ is part {shard} of a run: was the folder renamed?")
        found[shard] = manifest
    if not found:
        raise RunError(f"{folder}/ has no parts; commands that make stages make them with --shard 1/8, 2/8, …")
    counts = sorted({shard.count for shard in found})
    if len(counts) > 1:
        several = " and ".join(map(str, counts))
        raise RunError(f"{folder}/{SHARDS}/ has parts of divisions by {several}: delete those of all but one")
    wanted = [Shard(index, counts[0]) for index in range(1, counts[0] + 1)]
    lacking = [str(shard) for shard in wanted if shard not in found]
    if lacking:
        raise RunError(f"{folder}/: {len(lacking)} of {counts[0]} parts were not begun: --shard {', '.join(lacking)}")
    parts = [(shard, found[shard]) for shard in wanted]
    for part in parts:
        _refuse_unlike(folder, parts[0], part)
    return parts


def _refuse_unlike(folder: Path, first: Part, part: Part) -> None:
    """
    Raises:
        RunError: of a part, a stage is not done, or was made from other data or with other settings than in the first.
    """
    where = part[0].folder(folder)
    difference = first_difference(_about(first[1]), _about(part[1]))
    if difference is not None:
        raise RunError(f"{where}/ does not belong to part {first[0]}: {difference}")
    for name in {**first[1].stages, **part[1].stages}:
        for shard, manifest in (first, part):
            entry = manifest.stages.get(name)
            path = shard.folder(folder) / f"{name}.jsonl"
            if entry is None or entry.state != "done" or not path.exists():
                raise RunError(f"{path} is not done: start its command with --shard {shard} again")
        difference = first_difference(_described(first[1].stages[name]), _described(part[1].stages[name]))
        if difference is not None:
            raise RunError(f"{where}/{name}.jsonl was made otherwise than that of part {first[0]}: {difference}")


def _about(manifest: Manifest) -> Mapping[str, Any]:
    """What all parts of a run have in common."""
    kept = {"dataset", "samples_sha256", "prompts_sha256", "finecops"}
    return manifest.model_dump(mode="json", include=kept)


def _described(entry: StageEntry) -> Mapping[str, Any]:
    """What changes a stage's rows; the files that it reads are the parts' own."""
    inputs = dict.fromkeys(entry.inputs, "")
    return {**entry.settings, "share": entry.share.model_dump(exclude_none=True), "inputs": inputs}


def _whole(folder: Path, first: Manifest) -> Manifest:
    """The run's own run.json, or a new one without stages.

    Raises:
        RunError: the folder holds a run on other data.
    """
    if not (folder / RUN_JSON).exists():
        return first.model_copy(update={"stages": {}, "shard": None})
    before = read_manifest(folder)
    difference = first_difference(_about(before), _about(first))
    if difference is not None:
        raise RunError(f"{folder}/ holds another run than its parts: {difference}. Choose another folder for it")
    return before


def _merged(
    folder: Path,
    name: str,
    parts: Sequence[Part],
    there: StageEntry | None,
    entries: Mapping[str, StageEntry],
    merger: Merger,
) -> StageEntry:
    """Make a stage's file, and its entry as an undivided run has it."""
    of_parts = [manifest.stages[name] for _, manifest in parts]
    files = [shard.folder(folder) / f"{name}.jsonl" for shard, _ in parts]
    for path, entry in zip(files, of_parts, strict=True):
        if sha256_of(path) != entry.sha256:
            raise RunError(f"{path} was changed since it was finished; the part's command makes it again")
    final = folder / f"{name}.jsonl"
    partial = final.with_suffix(".jsonl.partial")
    if partial.exists():
        raise RunError(f"{partial}: an undivided run has begun it. Go on with that one, or delete the file")
    written = merger.merge(files, of_parts[0], final)
    merged = _entry(of_parts, written, final.with_suffix(".merged"), entries)
    if final.exists() and sha256_of(final) != merged.sha256:
        final.with_suffix(".merged").unlink()
        raise RunError(f"{final} is there, and its parts give another one. To have that of the parts, delete it")
    final.with_suffix(".merged").replace(final)
    # What a run noted of the same file itself stands.
    return there if there is not None and there.sha256 == merged.sha256 else merged


def _entry(
    of_parts: Sequence[StageEntry], written: Written, path: Path, entries: Mapping[str, StageEntry]
) -> StageEntry:
    first = of_parts[0]
    inputs = {name: str(entries[name].sha256) for name in first.inputs}
    described: Mapping[str, Any] = {
        "share": first.share.model_dump(mode="json", exclude_none=True),
        "inputs": inputs,
        "settings": first.settings,
    }
    seconds = sum(entry.seconds or 0.0 for entry in of_parts)
    timed = sum(entry.timed_samples or 0 for entry in of_parts)
    return first.model_copy(
        update={
            "inputs": inputs,
            "fingerprint": fingerprint(described),
            "rows": written.rows,
            "failed": written.failed,
            "checksums": checksums_of(path, written.rows),
            "repairs": (),
            "seconds": round(seconds, 3),
            "timed_samples": timed,
            "samples_per_second": round(timed / seconds, 2) if timed and seconds else None,
            "notes": written.notes,
        }
    )
