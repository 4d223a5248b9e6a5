"""Which stages of a run do their batches beside another, and how that begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import JsonValue

from finecops.runs.beside import live_input, stages_beside
from finecops.runs.checksums import sha256_of
from finecops.runs.entries import entry_of
from finecops.runs.job import StageJob
from finecops.runs.manifest import read_manifest, write_manifest
from finecops.runs.specification import StageSpec, Work, fingerprint
from finecops.runs.watch import Watch

if TYPE_CHECKING:
    from finecops.runs.run import Run


def jobs_beside(
    run: Run, spec: StageSpec[Any], later: Sequence[StageSpec[Any]], now: Mapping[str, JsonValue]
) -> tuple[StageJob[Any], ...]:
    """The unfinished files of the stages that do each batch after this one. They are begun in `run.json`.

    Args:
        run: the run.
        spec: the stage that is made.
        later: the planned stages that are not done.
        now: what describes the stage that is made.
    """
    waiting = {one.name for one in later}
    jobs = []
    for one in stages_beside(spec, later, lambda before: before.name not in waiting):
        path = run.file(one.name)
        files = {before.name: run.file(before.name) for before in one.inputs}
        if path.exists() or not all(file.exists() for name, file in files.items() if name != spec.name):
            continue
        here = live_input(fingerprint(now))
        described = one.described({name: here if name == spec.name else sha256_of(files[name]) for name in files})
        manifest = read_manifest(run.folder)
        entry, begun = manifest.stages.get(one.name), path.with_suffix(".jsonl.partial").exists()
        if begun and (entry is None or entry.fingerprint != fingerprint(described)):
            # When its turn comes, it is refused, or goes on.
            continue
        write_manifest(run.folder, manifest.with_stage(one.name, entry_of(one, described)))
        watched = one.watched if run.options.watch else None
        watch = Watch(watched.model, watched.box_format, run.samples) if watched is not None else None
        jobs.append(StageJob(Work(one, files, run.options.workers), path, (), (), watch=watch))
    return tuple(jobs)
